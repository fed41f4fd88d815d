"""The modes in which HTTP brings events: which bytes are one, and what stands beside them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.changes.events import BATCH_TYPE, UnknownTypeError, read_events
from inventory_assets.domain.values import InvalidValue

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "warehouse.stock.adjusted", "data": {}}
STRUCTURED = "application/cloudevents+json"


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)), min_size=1, max_size=5))
def test_the_bytes_of_a_batchs_events_are_unchanged(events: list[dict]) -> None:
    """What is read out of them is the lake's to say, once: a number is not written anew."""
    texts = [json.dumps(each) for each in events]
    body = f" [ {' , '.join(texts)} ] ".encode()

    assert [(text.encode(), {"content-type": STRUCTURED}) for text in texts] == read_events(
        {"content-type": BATCH_TYPE}, body
    )


def test_binary_headers_become_attributes_decoded() -> None:
    """CloudEvents' HTTP binding writes what is not ASCII with %."""
    headers = {"content-type": "application/json; charset=utf-8", "ce-id": "a%20%C3%BC", "ce-type": "t", "host": "x"}

    assert [(b"{}", {"content-type": "application/json", "ce-id": "a \xfc", "ce-type": "t"})] == read_events(
        headers, b"{}"
    )


def test_content_types_are_compared_without_case_and_parameters() -> None:
    body = json.dumps(EVENT).encode()

    assert [body] == [data for data, _ in read_events({"content-type": "Application/CloudEvents+JSON; a=b"}, body)]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/cloudevents", "application/avro"])
def test_other_types_hold_no_events(content_type: str) -> None:
    with pytest.raises(UnknownTypeError, match="expected one of"):
        read_events({"content-type": content_type}, b"{}")


@pytest.mark.parametrize(
    ("body", "position"),
    [(b'[{"specversion": 1}, {"a": 1}]', "[1]"), (b'[{"specversion": 1, "specversion": 2}]', "[0].specversion")],
)
def test_what_is_wrong_stands_at_its_place(body: bytes, position: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_events({"content-type": "application/json"}, body)

    assert position == caught.value.position


@given(st.binary(max_size=200), st.sampled_from([BATCH_TYPE, "application/json", STRUCTURED]))
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    """A body is somebody else's."""
    try:
        found = read_events({"content-type": content_type}, body)
    except InvalidValue:
        return

    assert found
