"""The issuer's keys: which are taken, and how often the issuer is asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory_assets.push.keys import (
    LAST_SECONDS,
    LEAST_PAUSE_SECONDS,
    LIFE_SECONDS,
    MAX_BYTES,
    MAX_KEYS,
    RETRY_SECONDS,
    KeySet,
    KeysUnavailableError,
    fetch_keys,
    read_keys,
)
from tests.emulator.pushing.endpoint import serve_endpoint
from tests.push.issuer import jwk, jwks

SIGNED = b"signed"


class Place:
    """Where a key set is read from, by a clock that stands still."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.now = 1_000.0
        self.keys = KeySet("place", clock=lambda: self.now, fetch=self.fetch)

    def fetch(self, place: str) -> bytes:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def has(self, key_id: str) -> bool:
        return self.keys.verify(key_id, SIGNED, b"") is not None


def test_keys_are_fetched_once_and_kept():
    place = Place(jwks())

    assert [place.has("ours") for _ in range(100)] == [True] * 100
    assert place.asked == 1


def test_a_key_that_is_not_there_is_looked_for_anew():
    """An issuer signs with a new key before every cache knows it."""
    place = Place(jwks(), jwks(jwk(), jwk("next")))
    place.has("ours")
    place.now += LEAST_PAUSE_SECONDS

    assert place.has("next")
    assert place.asked == 2


def test_a_thousand_made_up_keys_ask_once_in_half_a_minute():
    place = Place(jwks())
    found = []
    for number in range(1_000):
        found.append(place.has(f"k{number}"))
        place.now += 0.06

    assert not any(found)
    assert place.asked <= 1 + 1_000 * 0.06 / LEAST_PAUSE_SECONDS


def test_keys_are_fetched_anew_after_an_hour():
    place = Place(jwks(), jwks(jwk("next")))
    place.has("ours")
    place.now += LIFE_SECONDS

    assert not place.has("ours")
    assert place.has("next")


def test_old_keys_go_on_for_a_day_where_nobody_answers():
    place = Place(jwks(), OSError("nobody answers"))
    place.has("ours")
    place.now += LAST_SECONDS - 1

    assert place.has("ours")
    place.now += 2
    with pytest.raises(KeysUnavailableError, match="nobody answers"):
        place.has("ours")


def test_without_keys_nobody_is_known_until_there_are_some():
    place = Place(OSError("nobody answers"), jwks())
    for _ in range(10):
        with pytest.raises(KeysUnavailableError, match="INVENTORY_PUSH_KEYS"):
            place.has("ours")
    assert place.asked == 1
    place.now += RETRY_SECONDS

    assert place.has("ours")


def test_whether_a_new_key_is_the_issuers_is_not_known_while_it_does_not_answer():
    """Its token comes again, so it is not refused."""
    place = Place(jwks(), OSError("nobody answers"))
    place.has("ours")
    place.now += LEAST_PAUSE_SECONDS
    with pytest.raises(KeysUnavailableError):
        place.has("next")

    assert place.has("ours")


def test_a_kept_key_does_not_wait_for_a_server_that_hangs():
    asked, release = threading.Event(), threading.Event()
    place = Place(jwks())
    place.has("ours")
    place.now += LIFE_SECONDS

    def hang(where: str) -> bytes:
        asked.set()
        release.wait(30)
        raise OSError("nobody answers")

    place.keys._fetch = hang
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(place.has, "ours")
        asked.wait(30)
        try:
            assert place.has("ours")
        finally:
            release.set()

        assert first.result()


def test_many_at_once_ask_once():
    release = threading.Event()
    place = Place(jwks())
    plain = place.fetch

    def slow(where: str) -> bytes:
        release.wait(30)
        return plain(where)

    keys = KeySet("place", fetch=slow)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(keys.verify, "ours", SIGNED, b"") for _ in range(8)]
        release.set()
        found = [each.result() for each in asked]

    assert found == [False] * 8
    assert place.asked == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": 1_024}, {"use": "enc"}, {"kty": "EC"}, {"kty": "oct", "k": "c2VjcmV0"}, {"alg": "RS512"}, {"e": "Ag"},
        {"n": None}, {"n": "*"},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_signs_no_token_of_ours_is_left_out(changes):
    assert {"ours"} == set(read_keys(jwks(jwk(), jwk("other", **changes))))


@pytest.mark.parametrize("other", [{"kty": "RSA"}, "no object"], ids=str)
def test_what_is_no_key_is_left_out(other):
    assert {"ours"} == set(read_keys(jwks(jwk(), other)))


def test_a_set_without_a_key_of_ours_or_with_too_many_is_no_key_set():
    for content in (jwks(jwk(kty="EC")), jwks(*[{"kty": "RSA"}] * (MAX_KEYS + 1))):
        with pytest.raises(ValueError):
            read_keys(content)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"keys": {}}', b'{"keys": []}', b'{"keys": null}', b"<html>", b"\xff"], ids=repr
)
def test_what_has_no_key_is_no_key_set(content):
    with pytest.raises(ValueError):
        read_keys(content)


def test_a_file_is_a_place(tmp_path):
    path = tmp_path / "keys.json"
    with pytest.raises(KeysUnavailableError, match="No such file"):
        KeySet(str(path)).verify("ours", SIGNED, b"")
    path.write_bytes(jwks())

    assert KeySet(str(path)).verify("ours", SIGNED, b"") is False


def test_a_place_without_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / "keys.json").write_bytes(b" " * (MAX_BYTES + 1))

    with pytest.raises(ValueError, match="over"):
        fetch_keys(str(tmp_path / "keys.json"))


def test_a_redirect_is_not_followed():
    """Where it leads nobody has configured."""
    with serve_endpoint() as endpoint, pytest.raises(ValueError, match="expected 200"):
        fetch_keys(endpoint.url)
