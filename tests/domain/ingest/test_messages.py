"""Of a body that is too large the beginning is kept; of a message that breaks our code, where it broke."""

from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.messages import KEPT_BYTES, MAX_FRAMES, cut_large, fault, parse_burst
from tests.builders import THRESHOLDS, TRANSACTIONS, message

LIMITS = {THRESHOLDS: 2_000}
SETTINGS = ParseSettings(message_limits=LIMITS)


def test_a_body_over_its_topics_limit_is_cut_and_others_are_as_they_came():
    at_limit = message(b"x" * 2_000, topic=THRESHOLDS)
    over = message(b"y" * 2_001, topic=THRESHOLDS)
    elsewhere = message(b"z" * 2_001, topic=TRANSACTIONS)

    kept = cut_large([at_limit, over, elsewhere], LIMITS)

    assert [at_limit, elsewhere] == [kept[0], kept[2]]
    assert (b"y" * KEPT_BYTES, 2_001) == (kept[1].data, kept[1].data_bytes)
    assert kept == cut_large(kept, LIMITS)


def test_a_cut_body_is_refused_as_the_whole_one_is():
    """So `verify`, which has the beginning only, finds what was found then; also where the limit is another by now."""
    over = message(b"y" * 2_001, topic=THRESHOLDS)

    whole = parse_burst([over], SETTINGS)
    cut = parse_burst(cut_large([over], LIMITS), SETTINGS)
    later = parse_burst(cut_large([over], LIMITS), ParseSettings(message_limits={THRESHOLDS: 9_000}))

    detail = "the body had 2,001 bytes; 'thresholds-topic' takes at most 2,000"
    assert [Rejection("too_large", detail)] == whole == cut
    assert ["too_large"] == [each.reason for each in later]


def deep(levels: int) -> None:
    if levels == 0:
        raise KeyError("gone")
    deep(levels - 1)


def broken(levels: int) -> Rejection:
    try:
        deep(levels)
    except KeyError as error:
        return fault(error, "KeyError: 'gone'")
    raise AssertionError


def test_a_fault_says_how_it_came_there_without_the_machines_paths():
    found = broken(1)

    assert ("invariant_violation", "KeyError: 'gone'") == (found.reason, found.detail)
    assert found.trace is not None
    lines = found.trace.splitlines()
    assert "KeyError: 'gone'" == lines[-1]
    assert "in deep" in lines[-2] and "/" not in lines[-2]


def test_a_fault_of_ours_stands_at_its_line_of_code():
    [found] = parse_burst([message(b"{}")], None)  # type: ignore[arg-type]

    assert isinstance(found, Rejection) and found.position is not None
    assert found.position.startswith("inventory_assets/domain/events/parse.py:")
    assert "AttributeError" in str(found.trace)


def test_a_trace_has_an_end():
    assert MAX_FRAMES + 2 == len(str(broken(500).trace).splitlines())
