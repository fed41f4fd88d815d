"""A directory and a bucket do the same."""

import threading

import pytest

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.storage import open_storage
from tests.lake.files.object_store import ObjectStore


@pytest.fixture
def store(monkeypatch):
    found = ObjectStore()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", found.endpoint)
    yield found
    found.close()


@pytest.fixture(params=["directory", "bucket"])
def storage(request, tmp_path):
    if request.param == "directory":
        return open_storage(str(tmp_path / "it's [here]"))
    request.getfixturevalue("store")
    return open_storage("gs://shop/pre fix/")


def test_what_is_written_is_read_listed_and_removed(storage):
    assert {} == storage.sizes()
    assert storage.read("a/b.txt") is None
    storage.write("a/b.txt", b"one\n")
    storage.write("a/b.txt", b"three\n\n")
    storage.write("a/date=2026-01-01/d%20'e.bin", bytes(range(256)))
    storage.write("c.txt", b"")

    assert b"three\n\n" == storage.read("a/b.txt")
    assert bytes(range(256)) == storage.read("a/date=2026-01-01/d%20'e.bin")
    assert {"a/b.txt": b"three\n\n", "c.txt": b""} == storage.read_all(["a/b.txt", "c.txt", "nothing"])
    assert {} == storage.read_all([])
    assert {"a/b.txt": 7, "a/date=2026-01-01/d%20'e.bin": 256} == storage.sizes("a")
    assert 3 == len(storage.sizes())
    storage.delete("a/b.txt")
    storage.delete("a/b.txt")
    assert ["a/date=2026-01-01/d%20'e.bin"] == list(storage.sizes("a"))


def test_a_file_is_put_into_a_bucket_by_one_request(store):
    storage = open_storage("gs://shop")
    storage.write("x/data.parquet", b"0" * 3_000_000)

    assert [("POST", "x/data.parquet")] == [each for each in store.requests if each[0] != "GET"]


def test_a_reader_of_a_directory_sees_one_whole_file_or_the_other(tmp_path):
    storage = open_storage(str(tmp_path))
    contents = {bytes([number]) * 200_000 for number in range(2)}
    storage.write("x", min(contents))
    seen, is_done = set(), threading.Event()

    def read():
        while not is_done.is_set():
            seen.add(storage.read("x"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(100):
        for content in contents:
            storage.write("x", content)
    is_done.set()
    reader.join()

    assert seen <= contents
    assert ["x"] == [path.name for path in tmp_path.iterdir()]


def test_another_kind_of_place_is_refused():
    with pytest.raises(LakeError, match="gs://"):
        open_storage("s3://bucket/prefix")
