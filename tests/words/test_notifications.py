"""Messages that come a second time, or at the end, say so: how, why and by whom, on every channel."""

import io
import json

import msgspec
import pytest

from inventory_assets.domain.notify.notifications import Ending, Outgoing, Step
from inventory_assets.notify.channels.console import ConsoleChannel
from inventory_assets.notify.channels.pagerduty import dedup_key, to_event
from inventory_assets.notify.channels.slack import to_message
from inventory_assets.notify.channels.sms import to_text
from inventory_assets.notify.message.html import render_html
from inventory_assets.notify.message.payload import to_payload
from inventory_assets.notify.message.wording import subject_line
from inventory_assets.words.notifications import ending_line, why_lines
from tests.notify.notices import facts, single

RAISED = Step("escalated_level", 0, "dana", "needs buyer")
AT = 1_769_842_800_000_000  # 2026-01-31 07:00


def again(step: Step | None = RAISED, **body) -> Outgoing:
    """The second telling of an alert."""
    base = single()
    told = msgspec.structs.replace(facts(1, **body), number=2, telling=step)
    return msgspec.structs.replace(base, alerts=(told,))


def over(ending: Ending) -> Outgoing:
    """The end of an alert."""
    base = single()
    ended = msgspec.structs.replace(base.alerts[0], is_firing=False, ending=ending, line=None)
    return msgspec.structs.replace(base, kind="resolved", severity="LOW", alerts=(ended,), resolves="ntf-0")


def printed(notification: Outgoing) -> str:
    stream = io.StringIO()
    ConsoleChannel(stream).send(notification)
    return stream.getvalue()


EVERY_CHANNEL = {
    "text": printed,
    "html": lambda notification: render_html(notification, limit=5),
    "slack": lambda notification: json.dumps(to_message(notification), ensure_ascii=False),
    "sms": to_text,
    "pagerduty": lambda notification: json.dumps(to_event(notification), ensure_ascii=False),
}


@pytest.mark.parametrize("channel", EVERY_CHANNEL)
def test_a_telling_that_comes_again_says_so_and_why(channel):
    notification = again(escalated_level=1)

    text = EVERY_CHANNEL[channel](notification)

    assert subject_line(notification).startswith("[HIGH · level 1 · again] Low stock: ")
    assert "HIGH · level 1 · again" in text
    assert "raised to level 1 by dana: needs buyer" in text


def test_a_webhook_has_the_reason_as_fields():
    told = to_payload(again())["alerts"][0]["told_again"]

    assert {"reason": "escalated_level", "by": "dana", "words": "needs buyer"}.items() <= told.items()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step("escalated_level", 0, "policy", "unacknowledged"), "raised to level 1, as nobody has acknowledged it"),
        (Step("repeat", 0, "policy"), "Notified again: nobody has acknowledged it"),
        (Step("silence_ended", 0), "Notified again: its silence is over"),
        (Step("released", 0, "eli", "trusted again"), "lifted by eli: trusted again"),
        (None, "Notified again"),
    ],
)
def test_every_reason_to_tell_again_has_words(step, expected):
    notification = again(step, escalated_level=1)

    assert expected in why_lines(notification, notification.alerts[0])[0]


def test_a_first_telling_has_nothing_to_explain():
    assert [] == why_lines(single(), single().alerts[0])
    assert "again" not in subject_line(single())


@pytest.mark.parametrize("channel", [name for name in EVERY_CHANNEL if name != "pagerduty"])
def test_an_end_says_what_is_now_and_speaks_of_the_breach_as_past(channel):
    text = EVERY_CHANNEL[channel](over(Ending("recovered", AT, None, "", 87, 12, 0)))

    assert "75 available now" in text
    assert "45 left" not in text
    if channel != "sms":
        assert "Over since 2026-01-31 07:00 UTC: the stock has recovered" in text
        assert "Now: available 75 = on hand 87" in text
        assert "The breach was: available 45" in text
        assert "What to do" not in text


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending("restock", AT), "a restock is on its way"),
        (Ending("manual", AT, "dana", "discontinued"), "closed by dana: discontinued"),
        (Ending("expired", AT, "policy"), "had no event for long"),
        (Ending("escalated", AT), "it got worse"),
    ],
)
def test_an_end_says_why(ending, expected):
    assert expected in ending_line(ending)


def test_an_end_whose_stock_is_unknown_invents_none():
    assert "available now" not in printed(over(Ending("manual", AT, "dana", "")))


def test_a_digest_of_one_is_ended_as_the_alert_it_was():
    digest = msgspec.structs.replace(single(), kind="digest", reason="maintenance")

    assert dedup_key(digest) == dedup_key(over(Ending("recovered", AT)))
