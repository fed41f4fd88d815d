"""The laws of the lifecycle as properties: any cut, replay = live, nothing lost, nothing twice.

Belongs here: what must hold of every stream of stock and commands. Does not:
single readings (`test_lifecycle`).
"""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import command, level, moment, transaction
from tests.domain.alerts.test_lifecycle import Shop
from tests.hunting import some
from tests.rules.test_laws import unversioned

SKUS = ("S1", "S2")
ON_ALERT = ("ack", "silence", "unsilence", "escalate", "resolve", "note", "inhibit", "uninhibit")
ON_SCOPE = ("silence", "unsilence", "inhibit", "uninhibit", "pause", "resume")

LAW = settings(max_examples=some(60), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def first_levels():
    return [level(30, "06:00", sku=sku, category_id="C1") for sku in SKUS]


@st.composite
def streams(draw, with_pauses: bool = True) -> list[dict[str, Any]]:
    """Stock and commands in order of time; a command names an alert that was there to be seen."""
    shop = Shop(*first_levels())
    documents: list[dict[str, Any]] = []
    minute = 480
    for number in range(draw(st.integers(1, 14))):
        minute += draw(st.integers(1, 50))
        known = sorted({t.alert_id for t in shop.log})
        kind = draw(st.sampled_from(["stock", "stock", "alert", "scope"]))
        if kind == "alert" and known:
            name = draw(st.sampled_from(ON_ALERT))
            document = command(name, alert_id=draw(st.sampled_from(known)))
        elif kind == "scope":
            name = draw(st.sampled_from(ON_SCOPE if with_pauses else ON_SCOPE[:4]))
            place = {"warehouse_id": "W1"}
            if name in ("silence", "unsilence"):
                place = draw(st.sampled_from([place, {"sku": "S1"}, {"category_id": "C1"}]))
            elif name in ("inhibit", "uninhibit"):
                place = draw(st.sampled_from([place, {"category_id": "C1", "alert_type": "STOCKOUT"}]))
            document = command(name, **place)
        else:
            quantity = draw(st.sampled_from([-30, -12, -5, 5, 12, 40]))
            type_ = "ORDER" if quantity < 0 else "RESTOCK"
            sku = draw(st.sampled_from(SKUS))
            documents.append(transaction(f"T{number}", type_, quantity, minute, sku=sku))
            shop.burst(documents[-1])
            continue
        if document["command"] == "silence":
            document["minutes"] = draw(st.sampled_from([10, 60, 300]))
        who = draw(st.sampled_from(["dana", "eli"]))
        documents.append(document | {"timestamp": moment(minute), "issued_by": who, "reason": f"r{number}"})
        shop.burst(documents[-1])
    return documents


def played(bursts) -> Shop:
    shop = Shop(*first_levels())
    for burst in bursts:
        shop.burst(*burst)
    return shop


def cut(draw, documents):
    bursts, rest = [], list(documents)
    while rest:
        size = draw(st.integers(1, len(rest)))
        bursts.append(rest[:size])
        rest = rest[size:]
    return bursts


def facts(shop: Shop) -> dict[str, Any]:
    """Alerts whole and every transition, per alert."""
    alerts = {
        alert.alert_id: unversioned(msgspec.to_builtins(alert))
        for alerts in shop.state.alerts.values()
        for alert in alerts.values()
    }
    steps: dict[str, list] = {}
    for step in shop.log:
        steps.setdefault(step.alert_id, []).append(step)
    return {"alerts": alerts, "steps": steps}


@LAW
@given(streams(with_pauses=False), st.data())
def test_every_cut_gives_the_same_alerts_and_history(documents, data):
    """RULES 25 with commands: they take their place in time."""
    singly = played([[document] for document in documents])
    anyhow = played(cut(data.draw, documents))

    assert facts(singly) == facts(anyhow)
    assert singly.state.silences == anyhow.state.silences
    assert singly.state.inhibitions == anyhow.state.inhibitions


@LAW
@given(streams(with_pauses=False), st.randoms(use_true_random=False))
def test_order_within_a_burst_does_not_matter(documents, rng):
    shuffled = list(documents)
    rng.shuffle(shuffled)

    assert facts(played([documents])) == facts(played([shuffled]))


@LAW
@given(streams(), st.data())
def test_replaying_the_recorded_bursts_reproduces_everything(documents, data):
    bursts = cut(data.draw, documents)

    assert facts(played(bursts)) == facts(played(bursts))


@LAW
@given(streams(), st.data())
def test_repeated_messages_change_nothing(documents, data):
    again = data.draw(st.lists(st.sampled_from(documents), max_size=4))

    expected = played([[document] for document in documents])
    actual = played([[document] for document in documents])
    taken = [outcome for document in again for outcome in actual.burst(document)]

    # A refused command was never taken in: it may be refused, or fit, when it comes again.
    assert set(taken) <= {"duplicate", "illegal_transition", "unknown_alert", "applied", "superseded"}
    if "applied" not in taken and "superseded" not in taken:
        assert facts(expected) == facts(actual)


@LAW
@given(streams())
def test_no_alert_is_lost_and_none_is_told_twice_under_one_number(documents):
    """Whatever was withheld is told once nothing holds it any more."""
    shop = played([[document] for document in documents])
    for number, inhibition in enumerate(list(shop.state.inhibitions.values())):
        scope = {name: getattr(inhibition, name) for name in ("warehouse_id", "category_id", "alert_type")}
        shop.burst(
            command(
                "uninhibit", **scope, issued_by=inhibition.issued_by, reason=f"end {number}", timestamp=moment(1_430)
            )
        )
    for alerts in list(shop.state.alerts.values()):
        for alert in alerts.values():
            for source in alert.handled.inhibited_by:
                shop.burst(command("uninhibit", alert_id=alert.alert_id, source=source, timestamp=moment(1_431)))
    shop.burst(command("resume", timestamp=moment(1_432)))
    shop.burst(command("resume", warehouse_id="W1", timestamp=moment(1_433)))
    shop.burst(sweep_at=3_000)

    told = Counter(shop.told)
    assert set(told.values()) <= {1}
    improved = {t.alert_id for t in shop.log if t.reason == "improved"}
    for key, alerts in shop.state.alerts.items():
        firing = [alert for alert in alerts.values() if alert.is_firing]
        closed = [alert for alert in alerts.values() if alert.handled.closed_as is not None]
        assert len(firing) + len(closed) <= 1, key
        for alert in alerts.values():
            numbers = [number for alert_id, number in told if alert_id == alert.alert_id]
            assert sorted(numbers) == list(range(1, alert.notification_count + 1))
        for alert in firing:
            assert not alert.is_notification_due
            assert alert.notification_count or alert.alert_id in improved
