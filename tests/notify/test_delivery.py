"""What the policy owes is written before it is sent, sent at least once under one id, and accounted for."""

import pytest

from inventory_assets.domain.notify.notifications import ChannelFaultError, DeliveryError, RefusedError
from inventory_assets.domain.notify.policy import Limit, Match, Window
from inventory_assets.ingest.notes import LakeNotes
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.notify.delivery import Delivery, commit
from inventory_assets.notify.explain import explain_notification
from inventory_assets.notify.ledger import find_given_up, load_owed, rearm
from tests.builders import command, level, messages, moment, rule, transaction
from tests.facts import rows, value, warm
from tests.notify.delivering import EPOCH, Box, Clock, breach, make_policy, send, stock, work

OWED = "SELECT channel, kind, count(*), sum(len(from_json(members, '[[\"VARCHAR\"]]'))) FROM out.notifications GROUP BY ALL ORDER BY ALL"
TRIES = "SELECT subject_id, channel, attempt, status FROM out.deliveries WHERE subject_id LIKE 'ntf-%' ORDER BY version, attempt"
SECOND = 1_000_000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deliver(engine, clock):
    """A delivery on the test's lake, as one more process would have it."""

    def open_(policy, **senders: Box) -> Delivery:
        return Delivery(engine.lake, policy, senders, clock=clock)

    return open_


def test_an_alert_is_owed_in_the_lake_then_told_then_recorded(engine, deliver):
    stock(engine, 1)
    breach(engine, 1)
    mail, pager = Box(), Box()
    delivery = deliver(make_policy("mail", "pager"), mail=mail, pager=pager)

    assert delivery.step()
    assert [] == mail.taken
    commit(delivery, engine)
    assert [("mail", "single", 1, 1), ("pager", "single", 1, 1)] == rows(engine.lake, OWED)
    send(delivery)
    commit(delivery, engine)

    told = mail.taken[0]
    assert "LOW_STOCK" == told.alerts[0].body["alert_type"]
    expected = {(told.notification_id, "mail", 1, "sent"), (pager.ids[0], "pager", 1, "sent")}
    assert expected == set(rows(engine.lake, TRIES))
    assert [] == explain_notification(engine.lake, told.notification_id).differences


def test_nothing_is_told_twice_by_the_next_process(engine, deliver):
    stock(engine, 3)
    breach(engine, 3)
    policy, first, second = make_policy("mail"), Box(), Box()
    work(deliver(policy, mail=first), engine)

    work(deliver(policy, mail=second), engine)

    assert 3 == len(set(first.ids))
    assert [] == second.ids


def test_a_crash_between_sending_and_recording_sends_again_under_the_same_id(engine, deliver):
    stock(engine, 4)
    breach(engine, 4)
    policy, first, second, third = make_policy("mail"), Box(), Box(), Box()
    work(deliver(policy, mail=first), engine, record=False)

    work(deliver(policy, mail=second), engine)
    work(deliver(policy, mail=third), engine)

    assert sorted(first.ids) == sorted(second.ids)
    assert [] == third.ids


def test_a_crash_between_planning_and_writing_leaves_nothing(engine, deliver):
    stock(engine, 2)
    breach(engine, 2)
    policy, box = make_policy("mail"), Box()

    assert deliver(policy, mail=Box()).step()  # and dies
    work(deliver(policy, mail=box), engine)

    assert 2 == len(box.ids)


def test_two_planners_plan_an_alert_once(engine, deliver):
    """The second one's plan was made before the first one's was written; it is dropped and made anew."""
    stock(engine, 2)
    breach(engine, 2)
    policy, one, other = make_policy("mail"), Box(), Box()
    first, second = deliver(policy, mail=one), deliver(policy, mail=other)
    assert first.step() and second.step()

    commit(first, engine)
    commit(second, engine)
    work(second, engine)

    assert [("mail", "single", 2, 2)] == rows(engine.lake, OWED)


def test_a_dead_channel_delays_no_other(engine, deliver):
    stock(engine, 5)
    breach(engine, 5)
    dead, alive = Box(), Box()
    dead.is_dead = True

    work(deliver(make_policy("dead", "alive"), dead=dead, alive=alive), engine)

    assert 5 == len(alive.ids)
    assert 5 == len(load_owed(engine.lake, "dead"))


def test_tries_are_counted_across_processes_and_wait_longer_each_time(engine, deliver, clock):
    stock(engine, 1)
    breach(engine, 1)
    policy, box = make_policy("mail"), Box(*(DeliveryError("no") for _ in range(4)))
    waits = []
    for _ in range(4):
        delivery = deliver(policy, mail=box)
        work(delivery, engine)
        lane = delivery.lanes["mail"]
        waits.append(next(wait for wait in range(900) if not lane.is_idle(clock.now + wait)))
        clock.now += 900

    work(deliver(policy, mail=box), engine)

    assert [(n, "failed") for n in (1, 2, 3, 4)] + [(5, "sent")] == [
        (attempt, status) for _, _, attempt, status in rows(engine.lake, TRIES)
    ]
    assert waits == sorted(waits)
    assert 1 == len(box.ids)


def test_what_a_channel_refuses_for_good_is_recorded_and_left(engine, deliver, clock):
    stock(engine, 2)
    breach(engine, 2)
    box = Box(RefusedError("413"))
    policy = make_policy("hook")
    work(deliver(policy, hook=box), engine)
    clock.now += 10_000

    work(deliver(policy, hook=box), engine)

    assert {"failed_permanently", "sent"} == {status for *_, status in rows(engine.lake, TRIES)}
    assert 2 == len(rows(engine.lake, TRIES))


@pytest.mark.big
def test_a_mistake_in_the_configuration_loses_nothing(engine, deliver, clock):
    """One probe at a time, ever longer apart, for as long as it takes; a mended policy is tried at once."""
    stock(engine, 8)
    breach(engine, 8)
    faults = [ChannelFaultError("404") for _ in range(20)]
    policy, box = make_policy("hook"), Box(*faults)
    delivery = deliver(policy, hook=box)
    work(delivery, engine)
    assert 1 == len(rows(engine.lake, TRIES))
    for _ in range(6):
        clock.now += 900
        work(delivery, engine)
    clock.now += 4 * 86_400
    work(delivery, engine)
    assert "404" == delivery.lanes["hook"].fault
    assert {"channel_fault"} == {status for *_, status in rows(engine.lake, TRIES)}
    assert 8 == len(rows(engine.lake, TRIES))

    mended = Box()
    work(deliver(policy, hook=mended), engine)

    assert 8 == len(set(mended.ids))
    assert [] == load_owed(engine.lake, "hook")


@pytest.mark.big
def test_a_channel_that_works_again_by_itself_takes_everything(engine, deliver, clock):
    stock(engine, 3)
    breach(engine, 3)
    box = Box(ChannelFaultError("401"), ChannelFaultError("401"))
    delivery = deliver(make_policy("hook"), hook=box)
    work(delivery, engine)
    clock.now += 29
    send(delivery)
    assert 1 == len(box.errors)
    clock.now += 1
    send(delivery)
    clock.now += 60
    send(delivery)

    assert 3 == len(box.ids)
    assert delivery.lanes["hook"].fault is None


@pytest.mark.big
def test_what_was_given_up_can_be_owed_again_while_it_is_news(engine, deliver, clock):
    """By another process, too: the one that delivers finds it within a minute."""
    stock(engine, 3)
    breach(engine, 3)
    box = Box(*(RefusedError("413") for _ in range(3)))
    delivery = deliver(make_policy("hook"), hook=box)
    work(delivery, engine)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 500, "09:00", sku="S00000")))
    clock.now += 5 * 86_400

    given_up = find_given_up(engine.lake, ["hook", "other"])
    engine.commit_note(Stage.NOTIFICATIONS, lambda t: t.append(DELIVERIES, rearm(given_up, now=clock.now)))
    box.errors.append(DeliveryError("busy"))
    clock.now += 31
    work(delivery, engine)
    clock.now += 31
    work(delivery, engine)

    assert 2 == len(given_up) == len(set(box.ids))
    assert [] == find_given_up(engine.lake, ["hook"])
    assert [] == load_owed(engine.lake, "hook")


def test_retry_after_is_waited_for(engine, deliver, clock):
    stock(engine, 2)
    breach(engine, 2)
    box = Box(DeliveryError("busy", retry_after_seconds=120.0))
    delivery = deliver(make_policy("hook"), hook=box)

    work(delivery, engine)
    clock.now += 119
    send(delivery)
    assert [] == box.ids
    clock.now += 2
    send(delivery)

    assert 2 == len(box.ids)


def test_the_worst_go_first(engine, deliver):
    stock(engine, 3)
    engine.commit_burst(
        messages(
            transaction("T1", quantity=-30, sku="S00000"),
            transaction("T2", quantity=-60, sku="S00001"),
            transaction("T3", quantity=-100, sku="S00002"),
        )
    )
    box = Box()

    work(deliver(make_policy("mail"), mail=box), engine)

    assert ["CRITICAL", "HIGH", "MEDIUM"] == [each.severity for each in box.taken]


@pytest.mark.big
def test_ten_thousand_breaches_are_owed_in_one_commit_and_told_within_the_limit(engine, deliver, clock):
    stock(engine, 10_000)
    breach(engine, 10_000)
    box = Box()
    delivery = deliver(make_policy("mail", limit=Limit(10, 60)), mail=box)

    assert delivery.step()
    commit(delivery, engine)

    assert [("mail", "digest", 1, 9_991), ("mail", "single", 9, 9)] == rows(engine.lake, OWED)
    assert 1 == value(engine.lake, "SELECT count(DISTINCT version) FROM out.notifications")
    send(delivery)
    assert 10 == len(box.taken)
    assert 10_000 == len({alert_id for each in box.taken for alert_id in each.alert_ids})
    assert not delivery.step()


def test_five_hundred_breaches_of_a_category_are_one_notification(engine, deliver):
    stock(engine, 500)
    breach(engine, 500)
    box = Box()

    work(deliver(make_policy("mail", group_by=("category",), group_threshold=5), mail=box), engine)

    assert [("group", 500, "category MUGS")] == [(each.kind, each.total, each.reason) for each in box.taken]
    assert 500 == len(box.taken[0].alerts)
    assert [] == explain_notification(engine.lake, box.ids[0]).differences


@pytest.mark.big
def test_a_trickle_waits_to_be_a_group_across_processes(engine, deliver, clock):
    stock(engine, 3)
    box = Box()
    policy = make_policy("mail", group_by=("category",), group_threshold=3, group_wait_seconds=60)
    for number in range(3):
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-60, sku=f"S{number:05}", at=f"08:0{number}")))
        work(deliver(policy, mail=box), engine)
        clock.now += 20
    assert [] == box.taken
    clock.now += 1

    work(deliver(policy, mail=box), engine)

    assert [("group", 3)] == [(each.kind, each.total) for each in box.taken]
    assert [] == explain_notification(engine.lake, box.ids[0]).differences


@pytest.mark.big
def test_a_spent_limit_collects_a_digest_for_when_there_is_room(engine, deliver, clock):
    stock(engine, 4)
    box = Box()
    delivery = deliver(make_policy("mail", limit=Limit(1, 60)), mail=box)
    breach(engine, 1)
    work(delivery, engine)
    breach(engine, 4, at="08:01")
    work(delivery, engine)
    assert 1 == len(box.taken)
    clock.now += 61

    work(delivery, engine)

    assert [("single", 1), ("digest", 4)] == [(each.kind, each.total) for each in box.taken]


def test_maintenance_holds_a_warehouse_and_its_end_tells_what_still_fires(engine, deliver, clock):
    window = Window("move", Match((("warehouse", ("W1",)),)), int(EPOCH * SECOND), int((EPOCH + 600) * SECOND))
    stock(engine, 2)
    box = Box()
    policy = make_policy("mail", windows=[window])
    breach(engine, 2)
    work(deliver(policy, mail=box), engine)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 100, "08:05", sku="S00000")))
    assert [] == box.taken
    clock.now += 601

    work(deliver(policy, mail=box), engine)

    assert [("digest", "maintenance", 1)] == [(each.kind, each.reason, each.total) for each in box.taken]
    kinds = rows(engine.lake, "SELECT kind, count(*) FROM out.notifications GROUP BY 1")
    assert {("dismissed", 1), ("digest", 1), ("held", 1)} == set(kinds)


def test_the_end_of_an_alert_is_told_to_channels_that_want_it(engine, deliver):
    stock(engine, 1)
    pager, mail = Box(), Box()
    policy = make_policy("pager", "mail", resolved=["pager"])
    breach(engine, 1)
    work(deliver(policy, pager=pager, mail=mail), engine)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 500, "09:00", sku="S00000")))

    work(deliver(policy, pager=pager, mail=mail), engine)
    work(deliver(policy, pager=pager, mail=mail), engine)

    assert ["single", "resolved"] == [each.kind for each in pager.taken]
    assert pager.ids[0] == pager.taken[1].resolves
    assert not pager.taken[1].alerts[0].is_firing
    assert ["single"] == [each.kind for each in mail.taken]


def test_a_group_ends_when_its_last_alert_does(engine, deliver):
    stock(engine, 3)
    pager = Box()
    policy = make_policy("pager", resolved=["pager"], group_by=("category",), group_threshold=2)
    breach(engine, 3)
    work(deliver(policy, pager=pager), engine)
    for number in range(3):
        assert 1 == len(pager.taken)
        name = f"S{number:05}"
        engine.commit_burst(messages(transaction(f"R{number}", "RESTOCK", 500, f"09:0{number}", sku=name)))
        work(deliver(policy, pager=pager), engine)

    assert ["group", "resolved"] == [each.kind for each in pager.taken]
    assert 3 == pager.taken[1].total


def test_an_end_is_not_told_before_its_beginning(engine, deliver, clock):
    stock(engine, 1)
    pager = Box(DeliveryError("away"))
    delivery = deliver(make_policy("pager", resolved=["pager"]), pager=pager)
    breach(engine, 1)
    work(delivery, engine)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 500, "09:00", sku="S00000")))
    work(delivery, engine)
    assert [] == pager.taken
    for _ in range(3):
        clock.now += 5
        send(delivery)

    assert ["single", "resolved"] == [each.kind for each in pager.taken]


def test_a_rules_alert_settings_choose_channel_and_recipients(engine, deliver):
    contact = {"notification_channel": "EMAIL", "recipients": ["buyer@example.com"], "cooldown_period_minutes": 60}
    engine.commit_burst(messages(rule(50, 80, alert_settings=contact), level(100)))
    engine.commit_burst(messages(transaction("T", quantity=-60)))
    mail = Box()
    policy = make_policy("mail", rule_channels={"EMAIL": "mail"}, match=Match((("severity", ("NEVER",)),)))

    work(deliver(policy, mail=mail), engine)

    assert [("buyer@example.com",)] == [each.recipients for each in mail.taken]


@pytest.mark.big
def test_a_second_telling_and_an_end_say_who_and_why(engine, deliver):
    stock(engine, 1)
    breach(engine, 1)
    mail = Box()
    policy = make_policy("mail", resolved=["mail"])
    work(deliver(policy, mail=mail), engine)
    alert_id = mail.taken[0].alert_ids[0]
    person = {"alert_id": alert_id, "issued_by": "dana"}
    engine.commit_burst(messages(command("escalate", **person, reason="needs buyer", timestamp=moment("09:00"))))
    work(deliver(policy, mail=mail), engine)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 10, "09:30", sku="S00000")))
    engine.commit_burst(messages(command("resolve", **person, reason="discontinued", timestamp=moment("10:00"))))
    work(deliver(policy, mail=mail), engine)

    first, again, over = (each.alerts[0] for each in mail.taken)
    assert first.telling is None
    assert ("escalated_level", "dana", "needs buyer") == (
        again.telling.reason,
        again.telling.actor,
        again.telling.words,
    )
    ending = over.ending
    assert ("manual", "dana", "discontinued", 50) == (ending.reason, ending.actor, ending.words, ending.available)


def test_a_new_channel_starts_with_what_fires_now(engine, deliver):
    """History is not news: what was resolved before the channel was there is not told."""
    stock(engine, 2)
    breach(engine, 2)
    engine.commit_burst(messages(transaction("R", "RESTOCK", 500, "09:00", sku="S00000")))
    first, second = Box(), Box()
    work(deliver(make_policy("first"), first=first), engine)

    work(deliver(make_policy("first", "second"), first=first, second=second), engine)

    assert [1, 1] == [len(first.taken), len(second.taken)]
    assert "S00001" == second.taken[0].alerts[0].body["sku"]


def test_facts_are_those_of_the_planned_version_however_late_it_is_told(engine, deliver, clock):
    stock(engine, 1)
    engine.commit_burst(messages(level(300, sku="S00000", warehouse_id="W2", min_threshold=50, reorder_threshold=80)))
    breach(engine, 1)
    box = Box(DeliveryError("away"))
    delivery = deliver(make_policy("mail"), mail=box)
    work(delivery, engine)
    engine.commit_burst(messages(transaction("X", quantity=-3, sku="S00000", at="08:30")))
    clock.now += 100

    send(delivery)

    line = box.taken[0].alerts[0].line
    # Twice the reorder threshold, 80, as demand is not known: less the 40 that were left.
    assert (40, 120) == (line["available"], line["order_quantity"])


def test_another_writers_notes_cost_the_engine_no_reload(engine, open_engine, deliver):
    """docs/adr/0006: a version that changes nothing kept warm is passed over."""
    stock(engine, 1)
    breach(engine, 1)
    warm = engine.state
    notes = LakeNotes(open_engine().lake, "test")

    work(deliver(make_policy("mail"), mail=Box()), notes)
    stock(engine, 2, on_hand=90)

    assert warm is engine.state
    assert engine.state.version == engine.lake.watermark().version


@pytest.mark.big
def test_a_plan_that_rides_with_a_burst_survives_another_writer(engine, open_engine, deliver):
    """The rider waits for rows inside the transaction; what it then sees must still say "stale"."""
    stock(engine, 1)
    breach(engine, 1)
    delivery, box = deliver(make_policy("mail"), mail=Box()), Box()
    assert delivery.step()
    stock(open_engine(), 2, on_hand=90)

    engine.commit_burst(messages(level(70, sku="S00009")), also=delivery.writings().write)
    delivery.recorded(True)
    work(deliver(make_policy("mail"), mail=box), engine)

    assert 1 == len(box.ids)


def test_a_version_that_changes_stock_is_not_passed_over(engine, open_engine):
    """Only versions that change nothing kept warm are; another's burst is taken in."""
    stock(engine, 1)
    other = open_engine()
    stock(other, 2, on_hand=90)

    stock(engine, 3, on_hand=80)

    assert engine.state.keys.keys() >= other.state.keys.keys()
    assert warm(engine.state) == warm(open_engine().state)


@pytest.mark.big
def test_a_lake_of_an_earlier_release_gets_what_is_new(engine, open_engine, deliver):
    stock(engine, 1)
    breach(engine, 1)
    engine.lake.connection.execute("DROP TABLE lake.out.notifications")
    for column in ("attempt", "response"):
        engine.lake.connection.execute(f"ALTER TABLE lake.out.deliveries DROP COLUMN {column}")
    engine.close()

    box = Box()
    later = open_engine()
    work(Delivery(later.lake, make_policy("mail"), {"mail": box}, clock=Clock()), later)

    assert 1 == len(box.ids)
    assert 1 == len(rows(later.lake, TRIES))


def test_a_channel_hears_nothing_of_the_past_and_all_that_comes_after(engine, deliver):
    """Whether it is there before the past is taken in, or added when that is done."""
    policy, mail, late = make_policy("mail"), Box(), Box()
    early = deliver(policy, mail=mail)
    assert not early.step()
    with engine.past():
        stock(engine, 3)
        breach(engine, 2)

    assert not early.step()
    assert not deliver(make_policy("late"), late=late).step()
    breach(engine, 3, at="09:00", quantity=-41)
    work(early, engine)

    # Two of the past are told anew, for they have run out; the third is low for the first time.
    assert 3 == value(engine.lake, "SELECT count(*) FROM out.notifications")
    assert {"STOCKOUT", "REORDER"} == {facts.body["alert_type"] for told in mail.taken for facts in told.alerts}
