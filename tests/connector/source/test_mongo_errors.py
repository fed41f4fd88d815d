"""What an error of MongoDB means: wait, stop, or the stream is lost."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.errors import ConfigurationError as DriverConfigurationError

from inventory_assets.connector.errors import SourceRefusedError, SourceUnavailableError, TokenLostError
from inventory_assets.connector.source.mongo_errors import translate, translated


def refusal(code: int, text: str = "no") -> OperationFailure:
    return OperationFailure(text, code, {"ok": 0, "code": code, "errmsg": text, "codeName": "Name"})


# As servers word them: mongod 8.0, 4.2, and what stands in for one in our tests.
TOKEN_REFUSALS = [
    (9, "resume token string was not a valid hex string"),
    (9, "resume token missing _data"),
    (40647, "Bad resume token: _data of missing or of wrong type: {x: 1}"),
    (50811, "KeyString format error: Unknown type: 0 while parsing resume token"),
    (40649, "Invalid resume token: invalid hex"),
]


@pytest.mark.parametrize("code", [286, 260, 280, 40576, 40585, 40615])
def test_a_stream_that_cannot_go_on_is_a_lost_token(code):
    error = translate(refusal(code), doing="ended")

    assert isinstance(error, TokenLostError)
    assert error.code == code


@pytest.mark.parametrize(("code", "text"), TOKEN_REFUSALS)
def test_a_refused_token_is_a_lost_token(code, text):
    error = translate(refusal(code, text), doing="did not open", is_resuming=True)

    assert isinstance(error, TokenLostError)
    assert error.code == code


@pytest.mark.parametrize("code", [13, 18, 59, 115, 8000, 40573, 40324, 40415, 9, 72])
def test_what_the_server_will_never_do_is_refused(code):
    assert isinstance(translate(refusal(code), doing="did not open", is_resuming=True), SourceRefusedError)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("gone"),
        NetworkTimeout("slow"),
        NotPrimaryError("not primary", {"code": 10107}),
        ServerSelectionTimeoutError("none"),
        WaitQueueTimeoutError("busy"),
        *[
            refusal(code)
            for code in (6, 7, 43, 50, 89, 91, 133, 136, 189, 234, 237, 239, 246, 262, 11600, 11602, 13436)
        ],
        refusal(99_999),
    ],
)
def test_what_may_pass_is_waited_for(error):
    assert isinstance(translate(error, doing="did not answer"), SourceUnavailableError)


def test_a_wrong_uri_is_refused():
    assert isinstance(translate(DriverConfigurationError("bad"), doing="x"), SourceRefusedError)


def test_the_text_says_what_happened_and_the_next_step():
    text = str(
        translate(refusal(40573, "The $changeStream stage is only supported on replica sets"), doing="did not open")
    )

    assert "only supported on replica sets" in text and "run the server as one" in text


def test_the_text_has_no_reply_in_it():
    error = AutoReconnect("not primary, full error: {'document': 'secret'}, Timeout: 5s, Topology Description: …")

    with pytest.raises(SourceUnavailableError) as failed, translated("did not answer"):
        raise error
    assert "secret" not in str(failed.value) and "Topology" not in str(failed.value)
