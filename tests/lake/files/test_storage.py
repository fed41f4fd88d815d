"""A directory and a bucket do the same."""

import hashlib
import os
import subprocess
import sys
import threading

import pytest
from google.api_core.exceptions import from_http_status

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.bucket import refusals
from inventory_assets.lake.files.storage import open_storage
from tests.fakes import Crash

LARGE = os.urandom(9_000_000)  # more than goes into one request


@pytest.fixture(params=["directory", "bucket"])
def storage(request, tmp_path):
    if request.param == "directory":
        return open_storage(str(tmp_path / "it's [here]"))
    request.getfixturevalue("shop_bucket")
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


@pytest.mark.parametrize(
    "content", [b"", b"\r\n--\r", bytes(range(256)), LARGE], ids=["empty", "lines", "bytes", "large"]
)
def test_every_content_comes_back_as_it_was(storage, content):
    storage.write("x", content)
    with storage.replacing("folder/y") as path:
        path.write_bytes(content)

    assert {"x": content, "folder/y": content} == storage.read_all(["x", "folder/y"])
    assert hashlib.sha256(content).hexdigest() == storage.sha256("x") == storage.sha256("folder/y")
    assert {"folder/y": len(content), "x": len(content)} == storage.sizes()


def test_a_large_file_whose_writer_fails_replaces_nothing(storage):
    storage.write("x", b"before")
    with pytest.raises(Crash), storage.replacing("x") as path:
        path.write_bytes(b"half")
        raise Crash

    assert b"before" == storage.read("x")
    assert {"x": 6} == storage.sizes()
    assert storage.sha256("nothing") is None


def test_what_another_wrote_a_moment_ago_is_seen(storage):
    """A bucket's client may cache what it has listed."""
    other = open_storage(storage.uri)
    assert ({}, None) == (storage.sizes(), storage.read("x"))

    other.write("x", b"one")
    assert ({"x": 3}, b"one") == (storage.sizes(), storage.read("x"))
    other.write("x", b"three")
    assert ({"x": 5}, b"three") == (storage.sizes(), storage.read("x"))


def test_a_mark_changes_whenever_the_content_does(storage):
    """Also where the new content is as long, and where a copy brings its time with it."""
    assert {} == storage.marks()
    storage.write("a/x.csv", b"one")
    storage.write("y.csv", b"")
    before = storage.marks()
    assert before == storage.marks()

    storage.write("a/x.csv", b"two")
    after = storage.marks()

    assert {"a/x.csv": 3, "y.csv": 0} == {name: mark.size for name, mark in after.items()}
    assert ["a/x.csv"] == [name for name in after if after[name] != before[name]]


def test_only_plain_files_of_a_directory_are_marked(tmp_path):
    """A link may lead to anybody's file; who opens a pipe waits for its writer."""
    (tmp_path / "x.csv").write_text("1")
    (tmp_path / "link.csv").symlink_to(tmp_path / "x.csv")
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.csv")

    assert ["x.csv"] == [*open_storage(str(tmp_path)).marks()]


def test_a_folder_is_not_another_whose_name_goes_on(storage):
    storage.write("core/x", b"1")
    storage.write("core_events/x", b"22")

    assert {"core/x": 1} == storage.sizes("core")


def test_many_files_are_read_at_once(storage):
    contents = {f"many/{number}": str(number).encode() for number in range(60)}
    for name, content in contents.items():
        storage.write(name, content)

    assert contents == storage.read_all([*contents, "many/none"])


def test_a_bucket_that_is_not_there_is_named_with_what_to_do(shop_bucket):
    storage = open_storage("gs://shoop/reports")

    for use in (storage.sizes, lambda: storage.write("x", b"1")):
        with pytest.raises(LakeError, match=r"'gs://shoop/reports'.*no bucket 'shoop'.*gcloud storage buckets create"):
            use()


@pytest.mark.parametrize("uri", ["gs://", "gs:///x", "gs://-/x"])
def test_a_name_that_no_bucket_has_is_refused(shop_bucket, uri):
    with pytest.raises(LakeError, match="gs://bucket/prefix"):
        open_storage(uri)


def test_without_credentials_the_error_says_how_to_get_some(monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    with pytest.raises(LakeError, match=r"'gs://shop/x'.*gcloud auth application-default login"):
        open_storage("gs://shop/x")


@pytest.mark.parametrize(
    ("status", "words"), [(403, "roles/storage.objectUser"), (401, "credentials"), (412, "did not answer as it should")]
)
def test_what_the_store_refuses_is_said_in_our_words(status, words):
    with pytest.raises(LakeError, match=f"'gs://shop/x'.*{words}"), refusals("gs://shop/x"):
        raise from_http_status(status, "what the store says")


def test_a_client_of_a_bucket_costs_nobody_who_uses_none():
    """Dagster's resource brings pandas and BigQuery's client: three seconds."""
    code = (
        "import sys; from inventory_assets.lake.files.storage import open_storage; open_storage('x');"
        "print([name for name in ('dagster', 'dagster_gcp', 'google', 'gcsfs', 'pandas') if name in sys.modules])"
    )

    assert "[]\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


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
