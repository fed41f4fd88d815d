"""What people and time do to an alert (RULES 36, ADR 0004), without a lake.

Belongs here: the state machine as a burst runs it. Does not: the lake, the
command line, deliveries.
"""

import msgspec
import pytest

from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy, in_force
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import BurstInputs, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.values import read_time
from tests.builders import command, envelope, level, messages, moment, rule, transaction

KEY = ("W1", "S1")


class Shop:
    """A warm state, burst after burst."""

    def __init__(self, *first):
        self.state = InventoryState()
        self.log = []
        self.told = []
        self.burst(rule(10, 20), *(first or [level(100)]))

    def burst(self, *documents, sweep_at=None, policy=None):
        """Play a burst; its outcomes."""
        inputs = BurstInputs(sweep_at=None if sweep_at is None else at(sweep_at), policy=policy)
        parsed = parse_burst(messages(*documents), ParseSettings())
        version = self.state.version + 1
        result = process_burst(self.state, parsed, version=version, inputs=inputs)
        result.draft.merge(version)
        self.log += [t for _, t in result.transitions]
        self.told += [(a.alert_id, a.notification_count) for a in result.notified]
        return [str(a.outcome) if a.rejection is None else a.rejection.reason for a in result.arrivals]

    def alert(self, condition="LOW_STOCK", key=KEY):
        """The latest alert of a condition."""
        return self.state.alerts[key][condition]

    def steps(self, since=0):
        """(transition, reason) from a place of the log on."""
        return [(t.transition, t.reason) for t in self.log[since:]]


def at(time):
    return read_time("time", moment(time))


def low(*, name="T1", quantity=-95, time="08:00", **more):
    """An order that leaves 5 of 100, below the minimum of 10."""
    return transaction(name, quantity=quantity, at=time, **more)


def do(name, shop, time="09:00", **more):
    """A command on the shop's only LOW_STOCK alert."""
    return command(name, **({"alert_id": shop.alert().alert_id, "timestamp": moment(time)} | more))


@pytest.fixture
def shop():
    """A shop with one LOW_STOCK alert, told at 08:00."""
    shop = Shop()
    shop.burst(low())
    shop.log.clear()
    shop.told.clear()
    return shop


def test_ack_is_a_recorded_fact(shop):
    outcomes = shop.burst(do("ack", shop, issued_by="dana", reason="on it"))

    assert outcomes == ["applied"]
    handled = shop.alert().handled
    assert (handled.acknowledged_by, handled.acknowledged_at) == ("dana", at("09:00"))
    [step] = shop.log
    assert (step.transition, step.reason, step.actor, step.at) == ("acknowledged", "on it", "dana", at("09:00"))
    assert shop.told == []


def test_ack_again_by_the_same_person_changes_nothing_and_by_another_hands_over(shop):
    shop.burst(do("ack", shop, issued_by="dana"))

    assert shop.burst(do("ack", shop, "09:01", issued_by="dana")) == ["superseded"]
    assert shop.burst(do("ack", shop, "09:02", issued_by="eli")) == ["applied"]
    assert shop.alert().handled.acknowledged_by == "eli"


def test_a_repeated_message_is_a_duplicate(shop):
    same = do("escalate", shop)

    assert [shop.burst(same), shop.burst(same)] == [["applied"], ["duplicate"]]
    assert shop.alert().handled.escalated_level == 1


@pytest.mark.parametrize("name", ["ack", "silence", "escalate", "resolve", "inhibit"])
def test_what_needs_a_firing_alert_is_refused_after_it_was_resolved(shop, name):
    shop.burst(transaction("T2", "RESTOCK", 50, "08:30"))

    minutes = {"minutes": 30} if name == "silence" else {}
    assert shop.burst(do(name, shop, **minutes)) == ["illegal_transition"]
    assert shop.burst(do("note", shop)) == ["applied"]


@pytest.mark.parametrize("name", ["ack", "resolve", "note", "unsilence"])
def test_an_unknown_alert_is_refused(shop, name):
    assert shop.burst(do(name, shop, alert_id="alt-20220420-W1-S1-LOW_STOCK-00000000")) == ["unknown_alert"]
    assert shop.burst(do(name, shop, alert_id="nonsense")) == ["unknown_alert"]


def test_a_refused_command_may_come_again(shop):
    """Not remembered as an event: its alert may arrive later."""
    alert_id = opened_id("T1")
    early = Shop()
    wanted = command("ack", alert_id=alert_id, timestamp=moment("09:00"))

    assert early.burst(wanted, wanted) == ["unknown_alert", "unknown_alert"]
    early.burst(low())
    assert early.burst(wanted) == ["applied"]


def opened_id(name):
    """The id of the alert that an order of that name opens."""
    shop = Shop()
    shop.burst(low(name=name))
    return shop.alert().alert_id


def test_commands_take_their_place_in_time_within_a_burst():
    """A cut must not matter: the alert opens, is acknowledged, recovers, in one burst or in three."""
    alert_id = opened_id("T1")
    steps = [
        low(),
        command("ack", alert_id=alert_id, timestamp=moment("08:10")),
        transaction("T2", "RESTOCK", 50, "08:20"),
        command("note", alert_id=alert_id, timestamp=moment("08:30")),
    ]
    whole, singly = Shop(), Shop()
    whole.burst(*reversed(steps))
    for step in steps:
        singly.burst(step)

    assert whole.steps() == singly.steps()
    assert [name for name, _ in whole.steps()] == ["opened", "notified", "acknowledged", "resolved", "note"]


def test_another_skus_events_do_not_move_a_commands_place():
    """`explain` replays one SKU alone. Position goes by cluster time here, and is not event time."""
    alert_id = opened_id("T1")
    early = envelope(transaction("A", "RETURN", 90, sku="S2", at="12:00"), 0, namespace="shop.transactions")
    own = [
        low(),
        command("ack", alert_id=alert_id, timestamp=moment("08:10")),
        transaction("T2", "RESTOCK", 50, "08:20"),
    ]
    alone, beside = Shop(), Shop()
    alone.burst(*own)
    assert beside.burst(early, *own) == ["applied"] * 4

    assert alone.steps() == beside.steps()
    assert ("acknowledged", "test") in alone.steps()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "invalid_command"),
        ({"minutes": 0}, "invalid_command"),
        ({"until": moment("08:59")}, "invalid_command"),
        ({"minutes": 5, "until": moment("10:00")}, "invalid_command"),
        ({"minutes": 600_000}, "invalid_command"),
        ({"minutes": 5, "warehouse_id": "W1"}, "invalid_command"),
        ({"minutes": True}, "invalid_command"),
    ],
)
def test_a_silence_has_one_target_and_an_end_ahead(shop, more, reason):
    assert shop.burst(do("silence", shop, **more)) == [reason]


def test_a_silenced_alert_is_told_once_at_the_silences_end(shop):
    """Found by a sweep or by the next event: the same, at the same time."""
    shop.burst(do("silence", shop, minutes=60))
    shop.burst(sweep_at="09:59")
    assert shop.told == []

    other = Shop()
    other.burst(low())
    other.burst(do("silence", other, minutes=60))
    other.burst(transaction("T9", quantity=-1, at="11:00"))
    shop.burst(sweep_at="10:30")
    shop.burst(sweep_at="10:40")

    expected = [("silenced", "test"), ("unsilenced", "silence_ended"), ("notified", "silence_ended")]
    assert shop.steps() == expected == other.steps(since=2)
    assert [t.at for t in shop.log[1:]] == [at("10:00")] * 2 == [t.at for t in other.log[3:5]]
    assert shop.alert().handled.silenced_until is None
    assert shop.told == [(shop.alert().alert_id, 2)]


def test_a_silenced_alert_that_recovers_is_not_told(shop):
    shop.burst(do("silence", shop, minutes=60), transaction("T2", "RESTOCK", 50, "09:30"))
    shop.burst(sweep_at="12:00")

    assert shop.told == []
    assert shop.alert().resolved_reason == "recovered"


def test_unsilence_tells_at_once_what_is_still_open(shop):
    shop.burst(do("silence", shop, minutes=600))
    shop.burst(do("unsilence", shop, "09:20"))

    assert shop.steps() == [("silenced", "test"), ("unsilenced", "test"), ("notified", "released")]
    assert shop.log[-1].at == at("09:20")
    assert shop.burst(do("unsilence", shop, "09:30")) == ["applied"]


@pytest.mark.parametrize(
    "scope",
    [{"warehouse_id": "W1"}, {"sku": "S1"}, {"category_id": "C1"}, {"warehouse_id": "W1", "category_id": "C1"}],
    ids=str,
)
def test_a_scope_is_silenced_with_what_opens_in_it(scope):
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("silence", minutes=240, **scope))
    shop.burst(low())
    shop.burst(low(name="T2", quantity=-5, time="08:30"))

    assert shop.told == []
    assert shop.steps().count(("silenced", "test")) == 2
    shop.burst(command("unsilence", timestamp=moment("09:00"), **scope))
    assert shop.told == [(shop.alert("STOCKOUT").alert_id, 1)]
    assert shop.burst(command("unsilence", timestamp=moment("09:01"), **scope)) == ["applied"]


def test_a_scope_elsewhere_silences_nothing():
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("silence", minutes=240, category_id="C2"), command("silence", minutes=240, warehouse_id="W2"))
    shop.burst(low())

    assert len(shop.told) == 1


def test_one_scopes_end_leaves_the_other_in_force():
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("silence", minutes=600, sku="S1"), command("silence", minutes=240, warehouse_id="W1"))
    shop.burst(low())
    shop.burst(command("unsilence", timestamp=moment("09:00"), sku="S1"))
    assert shop.told == []

    shop.burst(sweep_at="10:01")
    assert len(shop.told) == 1


CATEGORY = {"warehouse_id": "W1", "category_id": "C1"}


def quiet_shop():
    """A LOW_STOCK alert, told at 08:00, in the category C1."""
    shop = Shop(level(100, category_id="C1"))
    shop.burst(low())
    shop.told.clear()
    shop.log.clear()
    return shop


def test_unsilencing_one_alert_leaves_a_wider_silence_in_force():
    shop = quiet_shop()
    shop.burst(command("silence", minutes=60, timestamp=moment("08:10"), **CATEGORY))
    shop.burst(do("silence", shop, "08:20", minutes=90))
    shop.burst(do("unsilence", shop, "08:30", issued_by="dana"))
    shop.burst(sweep_at="09:09")
    assert shop.told == []

    shop.burst(sweep_at="09:11")
    assert shop.steps() == [
        ("silenced", "test"), ("silenced", "test"), ("unsilenced", "test"), ("silenced", "test"),
        ("unsilenced", "silence_ended"), ("notified", "silence_ended"),
    ]  # fmt: skip
    assert shop.log[-1].at == at("09:10")


def test_a_shorter_silence_of_one_alert_does_not_cut_a_wider_one_short():
    shop = quiet_shop()
    shop.burst(command("silence", minutes=600, timestamp=moment("08:10"), **CATEGORY))
    shop.burst(do("silence", shop, "08:20", minutes=30))
    shop.burst(sweep_at="09:00")
    assert shop.told == []

    assert shop.burst(do("unsilence", shop, "09:10", reason="a")) == ["applied"]
    shop.burst(command("unsilence", timestamp=moment("09:20"), **CATEGORY))
    assert len(shop.told) == 1


def test_lifting_a_wider_silence_leaves_the_alerts_own():
    shop = quiet_shop()
    shop.burst(do("silence", shop, "08:20", minutes=100))
    shop.burst(command("silence", minutes=600, timestamp=moment("08:30"), **CATEGORY))
    shop.burst(command("unsilence", timestamp=moment("09:00"), **CATEGORY))
    shop.burst(sweep_at="09:59")
    assert shop.told == []

    shop.burst(sweep_at="10:01")
    assert (len(shop.told), shop.log[-1].at) == (1, at("10:00"))


def test_a_scopes_silence_can_be_shortened():
    shop = quiet_shop()
    shop.burst(command("silence", minutes=600, timestamp=moment("08:10"), **CATEGORY))
    shop.burst(command("silence", minutes=60, timestamp=moment("08:20"), **CATEGORY))
    shop.burst(sweep_at="09:21")

    assert (len(shop.told), shop.log[-1].at) == (1, at("09:20"))


def test_what_somebody_has_taken_is_not_told_again_when_a_silence_ends(shop):
    """ADR 0004: it is as it was when they were told; without an acknowledgement the end reminds."""
    shop.burst(do("ack", shop, "08:10"))
    shop.burst(do("silence", shop, minutes=60))
    shop.burst(sweep_at="10:30")

    assert shop.steps() == [("acknowledged", "test"), ("silenced", "test"), ("unsilenced", "silence_ended")]
    assert (shop.told, shop.alert().is_notification_due) == ([], False)
    shop.burst(do("silence", shop, "11:00", minutes=60))
    shop.burst(do("unsilence", shop, "11:30"))
    assert (shop.told, shop.alert().handled.silenced_until) == ([], None)


def test_what_breached_anew_or_was_raised_during_a_silence_is_told_though_somebody_has_it(shop):
    """RULES 28: a re-breach within the cooldown is the same alert, and news."""
    shop.burst(do("ack", shop, "08:10"), do("silence", shop, "08:20", minutes=60))
    shop.burst(transaction("T2", "RESTOCK", 50, "08:30"), low(name="T3", quantity=-50, time="08:40"))
    shop.burst(sweep_at="09:30")
    assert shop.told == [(shop.alert().alert_id, 2)]

    shop.burst(do("silence", shop, "10:00", minutes=60), do("escalate", shop, "10:10"))
    shop.burst(sweep_at="11:30")
    assert shop.told[1:] == [(shop.alert().alert_id, 3)]


def test_escalate_raises_the_level_and_tells_again(shop):
    shop.burst(low(name="T2", quantity=-1, time="08:30"))
    shop.burst(do("escalate", shop))

    assert shop.steps() == [("escalated_level", "test"), ("notified", "escalated_level")]
    assert (shop.alert().handled.escalated_level, shop.alert().available) == (1, 4)
    assert shop.told == [(shop.alert().alert_id, 2)]


def test_a_closed_alert_stays_closed_while_its_breach_goes_on(shop):
    """And hysteresis counts: 10 is not yet a tenth above 10."""
    shop.burst(do("resolve", shop))
    shop.burst(low(name="T2", quantity=-1, time="10:00"), transaction("T3", "RESTOCK", 6, "10:30"))
    shop.burst(low(name="T4", quantity=-3, time="11:00"))

    assert shop.steps() == [("resolved", "manual"), ("note", "test")]
    assert (shop.alert().resolved_reason, shop.told) == ("manual", [])


def test_a_closed_alert_opens_anew_after_recovery(shop):
    first = shop.alert().alert_id
    shop.burst(do("resolve", shop))
    shop.burst(transaction("T2", "RESTOCK", 50, "10:00"))
    shop.burst(low(name="T3", quantity=-50, time="11:00"))

    assert shop.steps()[2:] == [("rearmed", "recovered"), ("opened", "breach"), ("notified", "breach")]
    assert shop.alert().alert_id != first


def test_a_closed_alert_does_not_hide_a_worse_one(shop):
    shop.burst(do("resolve", shop))
    shop.burst(low(name="T2", quantity=-5, time="09:01"))

    assert shop.steps()[2:] == [("rearmed", "escalated"), ("opened", "escalated"), ("notified", "escalated")]


def test_a_closed_stockout_that_improved_and_came_back_is_told(shop):
    shop.burst(low(name="T2", quantity=-5, time="08:30"))
    stockout = shop.alert("STOCKOUT").alert_id
    shop.burst(do("resolve", shop, alert_id=stockout))
    shop.burst(transaction("T3", "RESTOCK", 5, "10:00"))
    shop.log.clear()
    assert shop.burst(low(name="T4", quantity=-5, time="12:00")) == ["applied"]

    assert [name for name, _ in shop.steps()] == ["rearmed", "opened", "notified"]
    assert shop.alert("STOCKOUT").alert_id != stockout


def test_a_doubted_warehouse_holds_its_alerts_and_marks_them(shop):
    doubt = {"warehouse_id": "W1", "issued_by": "connector"}
    shop.burst(command("inhibit", timestamp=moment("09:00"), **doubt))
    shop.burst(low(name="T2", quantity=-5, time="09:10"))
    shop.burst(level(3, "09:20", sku="S2"))
    shop.burst(sweep_at="23:00")

    assert shop.told == []
    assert shop.alert("STOCKOUT").handled.is_untrusted and shop.alert(key=("W1", "S2")).handled.is_untrusted
    assert shop.burst(command("inhibit", timestamp=moment("09:30"), **doubt)) == ["applied"]
    # Another's doubt is another's: lifting one leaves the other.
    shop.burst(command("inhibit", warehouse_id="W1", issued_by="quality", timestamp=moment("09:40")))
    shop.burst(command("uninhibit", timestamp=moment("10:00"), **doubt))
    assert shop.told == []

    shop.burst(command("uninhibit", warehouse_id="W1", issued_by="quality", timestamp=moment("10:10")))
    assert shop.told == [(shop.alert("STOCKOUT").alert_id, 1), (shop.alert(key=("W1", "S2")).alert_id, 1)]
    assert not shop.alert("STOCKOUT").handled.is_untrusted
    shop.burst(sweep_at="23:30")
    assert len(shop.told) == 2


def test_an_incident_inhibits_its_members_alone(shop):
    shop.burst(do("inhibit", shop, source="inc-1"))
    shop.burst(do("escalate", shop, "09:10"))

    assert not shop.alert().handled.is_untrusted
    assert (shop.alert().handled.inhibited_by, shop.told) == (("inc-1",), [])
    shop.burst(do("uninhibit", shop, "09:20", source="inc-1"))
    assert shop.told == [(shop.alert().alert_id, 2)]


def test_an_inhibited_category_holds_what_opens_in_it_from_then_on():
    """The next stockout of an open incident was told, and held only at the next look."""
    shop = Shop(*(level(30, sku=sku, category_id="C1") for sku in ("S1", "S2")), level(30, sku="S3", category_id="C2"))
    group = {"category_id": "C1", "alert_type": "STOCKOUT", "source": "inc-1"}
    shop.burst(low(quantity=-30))
    shop.burst(
        command("inhibit", timestamp=moment("09:00"), **group),
        low(name="T2", quantity=-30, time="09:30", sku="S2"),
        low(name="T3", quantity=-30, time="09:30", sku="S3"),
    )
    told = [alert_id.split("-")[3] for alert_id, _ in shop.told]

    # Before it: told. Inside: held. Another category: told.
    assert ["S1", "S3"] == told
    held = shop.alert("STOCKOUT", ("W1", "S2"))
    assert (held.handled.inhibited_by, held.handled.is_untrusted, held.is_notification_due) == (("inc-1",), False, True)
    # A milder alert is no member.
    shop.burst(
        transaction("R2", "RESTOCK", 30, "09:40", sku="S2"), low(name="T4", quantity=-25, time="09:50", sku="S2")
    )
    assert shop.told[-1][0] == shop.alert("LOW_STOCK", ("W1", "S2")).alert_id

    shop.burst(low(name="T5", quantity=-5, time="11:50", sku="S2"))
    shop.burst(command("uninhibit", timestamp=moment("12:00"), **group))
    assert shop.told[-1] == (shop.alert("STOCKOUT", ("W1", "S2")).alert_id, 1)
    assert in_force(shop.state.inhibitions) == []


def test_an_inhibition_of_one_sku_at_a_warehouse_holds_no_other(shop):
    shop.burst(command("inhibit", warehouse_id="W1", sku="S2", source="data-quality", timestamp=moment("09:00")))
    shop.burst(level(3, "09:20", sku="S2"), level(3, "09:20", sku="S3"))

    assert [alert_id.split("-")[3] for alert_id, _ in shop.told] == ["S3"]
    assert shop.alert(key=("W1", "S2")).handled.is_untrusted


@pytest.mark.parametrize(
    "more", [{}, {"alert_id": "alt-1", "category_id": "C1"}, {"category_id": "C1", "alert_type": "STOCKOUTS"}]
)
def test_an_inhibition_names_an_alert_or_a_scope_and_a_known_condition(shop, more):
    assert shop.burst(command("inhibit", **more)) == ["invalid_command"]


POLICY = LifecyclePolicy(escalate={"HIGH": 60}, repeat={"HIGH": 45}, expire={"HIGH": 1440}, max_level=2)


def test_time_escalates_repeats_and_expires_what_nobody_takes(shop):
    for time in ("08:44", "08:45", "08:46", "09:00", "10:00", "11:00", "11:00"):
        shop.burst(sweep_at=time, policy=POLICY)
    told = [("notified", "repeat")]
    raised = [("escalated_level", "unacknowledged"), ("notified", "escalated_level")]

    assert shop.steps() == told + raised + raised + told
    shop.log.clear()
    shop.burst(sweep_at=24 * 60 + 8 * 60, policy=POLICY)
    shop.burst(sweep_at=48 * 60, policy=POLICY)
    assert shop.steps() == [("resolved", "expired")]


def test_a_silence_sets_neither_escalation_nor_expiry_back(shop):
    """docs/alerts.md: from the first telling, and from the key's last event; told again counts for neither."""
    policy = LifecyclePolicy(escalate={"HIGH": 240}, expire={"HIGH": 600})
    shop.burst(do("silence", shop, "09:00", minutes=600))
    shop.burst(do("unsilence", shop, "12:10"))
    shop.log.clear()
    shop.burst(sweep_at="12:11", policy=policy)
    assert shop.steps() == [("escalated_level", "unacknowledged"), ("notified", "escalated_level")]

    shop.burst(do("silence", shop, "12:20", minutes=330))
    shop.log.clear()
    shop.burst(sweep_at="17:59", policy=policy)
    # Told by the silence's end, so not in the same breath again: one thing at a time.
    assert [name for name, _ in shop.steps()] == ["unsilenced", "notified"]
    shop.burst(sweep_at="18:00", policy=policy)
    assert shop.steps()[2:] == [("resolved", "expired")]


def test_escalation_counts_from_the_first_telling_where_the_opening_was_held():
    policy = LifecyclePolicy(escalate={"HIGH": 60})
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("silence", minutes=180, timestamp=moment("07:30"), **CATEGORY))
    shop.burst(low())
    for time in ("10:31", "11:29"):
        shop.burst(sweep_at=time, policy=policy)
    assert len(shop.told) == 1

    shop.burst(sweep_at="11:30", policy=policy)
    assert len(shop.told) == 2


def test_time_leaves_an_acknowledged_alert_alone(shop):
    shop.burst(do("ack", shop, "08:10"))
    shop.burst(sweep_at="20:00", policy=POLICY)

    assert shop.steps() == [("acknowledged", "test")]


def test_a_paused_key_keeps_its_pause():
    """RULES 36: `resume` tells, whatever else was lifted before."""
    shop = Shop()
    shop.burst(command("pause"), command("silence", minutes=150, sku="S1"))
    shop.burst(low())
    shop.burst(sweep_at="09:00")
    assert shop.told == []

    shop.burst(command("resume", timestamp=moment("09:30")))
    assert len(shop.told) == 1


def test_an_alert_of_any_id_can_be_named():
    """RULES 4 forbids control characters in a SKU, and no other that a terminal would not print."""
    sku = "S\u00a01 \u202e日本"
    shop = Shop(level(100, sku=sku))
    shop.burst(low(sku=sku))
    alert_id = shop.alert(key=("W1", sku)).alert_id

    assert shop.burst(command("ack", alert_id=alert_id, timestamp=moment("09:00"))) == ["applied"]
    assert shop.burst(command("ack", alert_id="alt-\u0007", timestamp=moment("09:01"))) == ["invalid_id"]
    assert shop.burst(command("ack", alert_id="alt-\ud800", timestamp=moment("09:02"))) == ["invalid_json"]


def test_a_note_on_an_incident_is_kept_and_moves_nothing(shop):
    """Incidents are no state of a burst; where the story of one is told is kept as the event."""
    noted = shop.burst(command("note", alert_id="inc-20220420-overdue-restock-93c6c667", timestamp=moment("09:00")))

    assert noted == ["applied"]
    assert (shop.log, shop.told) == ([], [])
    other = command("ack", alert_id="inc-20220420-overdue-restock-93c6c667", timestamp=moment("09:01"))
    assert shop.burst(other) == ["unknown_alert"]


# ---- order among commands, RULES 36


def test_an_older_resume_or_pause_that_comes_late_does_not_win():
    shop = Shop(level(100))
    assert shop.burst(command("resume", timestamp=moment("07:50"))) == ["applied"]
    assert shop.burst(command("pause", timestamp=moment("07:30"))) == ["superseded"]
    shop.burst(low())
    assert len(shop.told) == 1

    assert shop.burst(command("pause", timestamp=moment("08:10"))) == ["applied"]
    assert shop.burst(command("resume", timestamp=moment("08:05"))) == ["superseded"]
    shop.burst(low(name="T2", quantity=-70, time="08:30"))
    assert len(shop.told) == 1


def test_an_older_shorter_silence_of_one_author_does_not_replace_a_newer_longer_one():
    shop = quiet_shop()
    shop.burst(command("silence", minutes=600, timestamp=moment("08:40"), **CATEGORY))
    assert shop.burst(command("silence", minutes=2, timestamp=moment("08:20"), **CATEGORY)) == ["superseded"]
    shop.burst(sweep_at="12:00")
    assert shop.told == []


def test_a_shorter_silence_of_one_person_does_not_cut_anothers_short():
    shop = quiet_shop()
    shop.burst(command("silence", minutes=600, timestamp=moment("08:10"), issued_by="ann", **CATEGORY))
    shop.burst(command("silence", minutes=5, timestamp=moment("08:20"), issued_by="bob", **CATEGORY))
    shop.burst(sweep_at="09:00")
    assert shop.told == []
    assert shop.alert().handled.silenced_by == "ann"


@pytest.mark.parametrize("target", [CATEGORY, None], ids=["a scope", "one alert"])
def test_a_release_that_comes_before_the_older_hold_keeps_it_released(target):
    shop = quiet_shop()
    target = {"alert_id": shop.alert().alert_id} if target is None else target
    assert shop.burst(command("unsilence", timestamp=moment("08:30"), **target)) == ["applied"]
    assert shop.burst(command("silence", minutes=600, timestamp=moment("08:20"), **target)) == ["superseded"]
    assert shop.alert().handled.silenced_until is None
    inhibition = {"warehouse_id": "W1", "source": "check"}
    assert shop.burst(command("uninhibit", timestamp=moment("08:30"), **inhibition)) == ["applied"]
    assert shop.burst(command("inhibit", timestamp=moment("08:20"), **inhibition)) == ["superseded"]
    assert shop.alert().handled.inhibited_by == ()


def test_a_scope_is_judged_by_where_the_sku_stands_now():
    """What a category's silence or incident held is let go as its SKU leaves, and held as it comes."""
    shop = quiet_shop()
    shop.burst(
        command("silence", minutes=600, timestamp=moment("08:10"), **CATEGORY),
        command("silence", minutes=60, timestamp=moment("09:11"), category_id="C3"),
    )
    shop.burst(level(5, at="09:30", category_id="C2"))
    assert shop.told == [(shop.alert().alert_id, 2)]
    assert shop.steps()[-2:] == [("unsilenced", "moved"), ("notified", "released")]

    shop.burst(level(5, at="09:40", category_id="C3"))
    assert shop.alert().handled.silenced_until == at("10:11")
    shop.burst(level(5, at="09:50", category_id="C1"))
    assert shop.alert().handled.silenced_until == at("18:10")


@pytest.mark.parametrize("names", [("pause", "resume"), ("silence", "unsilence"), ("inhibit", "uninhibit")])
def test_at_one_time_the_order_of_arrival_decides_nothing(names):
    """RULES 36: the same hold or release, whichever came first."""
    target = {"warehouse_id": "W1", "timestamp": moment("07:30")}
    both = [command(name, **target, **({"minutes": 60} if name == "silence" else {})) for name in names]

    told = []
    for documents in (both, both[::-1]):
        shop = Shop()
        shop.burst(*documents)
        shop.burst(low())
        told.append(shop.told)

    assert told[0] == told[1]


def test_of_two_silences_of_one_moment_the_same_one_holds_in_any_order():
    both = [command("silence", sku="S1", minutes=minutes, timestamp=moment("07:30")) for minutes in (40, 90)]
    ends = set()
    for documents in (both, both[::-1]):
        shop = Shop()
        shop.burst(*documents)
        shop.burst(low())
        ends.add(shop.alert().handled.silenced_until)

    assert 1 == len(ends)


def test_an_alert_that_opens_as_a_silence_ends_is_told():
    """RULES 36: until is not within; 07:00 and 60 minutes are 08:00."""
    shop = Shop()
    shop.burst(command("silence", warehouse_id="W1", minutes=60, timestamp=moment("07:00")))
    shop.burst(low())

    assert [("opened", "breach"), ("notified", "breach")] == shop.steps()
    assert shop.alert().handled.silenced_until is None


def test_the_highest_level_is_nine(shop):
    outcomes = [shop.burst(do("escalate", shop, f"09:{minute:02d}")) for minute in range(10)]

    assert [["applied"]] * 9 + [["illegal_transition"]] == outcomes
    assert 9 == shop.alert().handled.escalated_level


DAYS_LATER = "2022-05-20T07:30:00"


@pytest.mark.parametrize(
    ("latest", "is_known"),
    [(moment("07:31"), True), (f"{DAYS_LATER}Z", False), ("2022-05-20T07:29:59.999999Z", True)],
    ids=["at once", "thirty days", "a moment less"],
)
@pytest.mark.parametrize("names", [("silence", "unsilence"), ("inhibit", "uninhibit")], ids=["silences", "inhibitions"])
def test_a_release_is_known_for_thirty_days(names, latest, is_known):
    """A hold that was lifted before it came must not hold, nor all releases be kept for ever."""
    held, lifted = names
    shop = Shop()
    shop.burst(command(lifted, warehouse_id="W1", timestamp=moment("07:30")))
    more = {"minutes": 600} if held == "silence" else {}
    other = command(held, warehouse_id="W9", timestamp=latest, **more)
    [message] = messages(other)
    result = process_burst(
        shop.state,
        parse_burst([msgspec.structs.replace(message, publish_at=at("2022-05-21T00:00:00Z"))], ParseSettings()),
        version=9,
    )
    result.draft.merge(9)

    known = [*shop.state.silences.values(), *shop.state.inhibitions.values()]
    assert is_known == any(each.command == lifted for each in known)
    assert shop.burst(command(held, warehouse_id="W1", timestamp=moment("07:20"), **more)) == [
        "superseded" if is_known else "applied"
    ]


# ---- at the very moment


def test_an_inhibited_category_holds_what_opens_at_its_own_moment():
    """From then on."""
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("inhibit", category_id="C1", source="inc-1", timestamp=moment("08:00")), low())

    assert ([], ("inc-1",)) == (shop.told, shop.alert().handled.inhibited_by)


def test_an_end_at_the_moment_a_silence_ends_finds_it_ended(shop):
    """RULES 36: until 10:00 is not at 10:00; the clock ended it, not the command."""
    shop.burst(do("silence", shop, minutes=60))
    shop.burst(do("unsilence", shop, "10:00"))
    shop.burst(sweep_at="10:00")

    assert [("silenced", "test"), ("unsilenced", "silence_ended"), ("notified", "silence_ended")] == shop.steps()
    assert at("10:00") == shop.log[-1].at


EXPIRING = LifecyclePolicy(expire={"HIGH": 1440})


def test_an_alert_expires_a_day_after_its_keys_last_event(shop):
    shop.burst(low(name="T2", quantity=-1, time="20:00"))
    for time in (24 * 60 + 8 * 60, 24 * 60 + 20 * 60 - 1):
        shop.burst(sweep_at=time, policy=EXPIRING)
    assert [] == shop.steps()

    shop.burst(sweep_at=24 * 60 + 20 * 60, policy=EXPIRING)
    assert [("resolved", "expired")] == shop.steps()


def test_what_a_rule_opens_expires_a_day_after_it_opened():
    """Its key's last event may be long ago."""
    shop = Shop(level(15))
    shop.burst(rule(20, 20, updated_at="2022-04-21T06:00:00Z"))
    for time in (24 * 60 + 7 * 60, 48 * 60 + 6 * 60 - 1):
        shop.burst(sweep_at=time, policy=EXPIRING)
    assert ["opened", "notified"] == [name for name, _ in shop.steps()][-2:]

    shop.burst(sweep_at=48 * 60 + 6 * 60, policy=EXPIRING)
    assert ("resolved", "expired") == shop.steps()[-1]


def test_time_does_nothing_with_what_nobody_was_told_of():
    """RULES 26: the milder alert opened untold, so nobody could have taken it."""
    shop = Shop(level(0))
    shop.burst(transaction("T1", "RESTOCK", 5, "08:00"))
    shop.burst(sweep_at="20:00", policy=POLICY)

    assert 0 == shop.alert().notification_count == shop.alert().handled.escalated_level


def test_time_does_not_raise_what_is_held(shop):
    shop.burst(do("inhibit", shop, "08:10", source="inc-1"))
    shop.burst(sweep_at="20:00", policy=POLICY)

    assert [("inhibited", "test")] == shop.steps()
    assert 0 == shop.alert().handled.escalated_level


def test_escalation_counts_anew_from_each_raising(shop):
    policy = LifecyclePolicy(escalate={"HIGH": 60})
    levels = []
    for time in ("08:59", "09:00", "09:59", "10:00"):
        shop.burst(sweep_at=time, policy=policy)
        levels.append(shop.alert().handled.escalated_level)

    assert [0, 1, 1, 2] == levels


def test_a_doubt_of_a_category_at_a_warehouse_is_no_doubt_of_its_numbers():
    """ADR 0004: only a warehouse's data are in doubt; a category's alerts are held, and true."""
    shop = Shop(level(100, category_id="C1"))
    shop.burst(command("inhibit", warehouse_id="W1", category_id="C1", timestamp=moment("07:30")), low())

    assert ([], ("tests",), False) == (
        shop.told, shop.alert().handled.inhibited_by, shop.alert().handled.is_untrusted,
    )  # fmt: skip


@pytest.mark.parametrize(("minutes", "outcome"), [(366 * 24 * 60, "applied"), (366 * 24 * 60 + 1, "invalid_command")])
def test_a_silence_is_of_a_year_at_most(shop, minutes, outcome):
    """A leap year is a year."""
    assert [outcome] == shop.burst(do("silence", shop, minutes=minutes))


@pytest.mark.parametrize(("until", "outcome"), [("09:00:00", "invalid_command"), ("09:00:00.000001", "applied")])
def test_a_silence_ends_after_it_began(shop, until, outcome):
    assert [outcome] == shop.burst(do("silence", shop, until=f"2022-04-20T{until}Z"))


@pytest.mark.parametrize(("size", "outcome"), [(600, "unknown_alert"), (601, "invalid_id")])
def test_an_alerts_id_has_600_bytes_at_most(shop, size, outcome):
    """Two ids of 256 bytes (RULES 4) with what stands between them (RULES 29)."""
    assert [outcome] == shop.burst(do("ack", shop, alert_id="é" * (size // 2) + "x" * (size % 2)))


def test_a_command_behind_the_frontier_acts_at_it(shop):
    """RULES 25: written at 07:00, and its alert has moved at 08:00."""
    shop.burst(do("ack", shop, "07:00"))

    assert at("08:00") == shop.log[-1].at == shop.alert().handled.acknowledged_at


@pytest.mark.parametrize("key", [("WH-EAST-1", "IPHONE-13"), ("W-1", "S"), ("W", "S-1"), ("-", "-")], ids=str)
def test_an_alert_is_found_by_its_id_whatever_dashes_its_key_has(key):
    """RULES 29: what stands between the dashes of an id may hold some itself."""
    names = dict(zip(("warehouse_id", "sku"), key, strict=True))
    shop = Shop(level(100, **names))
    shop.burst(low(**names))

    assert ["applied"] == shop.burst(command("ack", alert_id=shop.alert(key=key).alert_id))


def test_a_trend_is_the_last_six_points_and_the_breach():
    """However they were cut."""
    documents = [low(name=f"T{minute}", quantity=-1, time=f"08:0{minute}") for minute in range(8)]
    documents.append(low(name="LAST", quantity=-85, time="08:08"))
    whole, singly = Shop(), Shop()
    whole.burst(*documents)
    for document in documents:
        singly.burst(document)

    expected = (*((at(f"08:0{2 + n}"), 97 - n) for n in range(6)), (at("08:08"), 7))
    assert expected == whole.alert().trend == singly.alert().trend


def test_what_a_move_lets_go_elsewhere_is_never_dated_before_that_keys_own_frontier():
    """RULES 25: W1's level of 09:00 takes the SKU out of the silenced category; at W2 it is 09:30."""
    shop = Shop(level(100, category_id="C1"), level(100, warehouse_id="W2", category_id="C1"))
    shop.burst(low(warehouse_id="W2"))
    shop.burst(command("silence", category_id="C1", minutes=600, timestamp=moment("08:10")))
    shop.burst(low(name="T2", quantity=-1, time="09:30", warehouse_id="W2"))
    shop.log.clear()

    shop.burst(level(100, "09:00", category_id="C2"))

    assert [("unsilenced", "moved"), ("notified", "released")] == shop.steps()
    assert {at("09:30")} == {step.at for step in shop.log}
