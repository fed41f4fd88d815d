"""What to do is said in the same words in a terminal, on a page and in a mail."""

import msgspec

from inventory_assets.console.pages.views import steps_of
from inventory_assets.domain.alerts.recommend import Recommendation, Supply, Transfer
from inventory_assets.domain.notify.notifications import AlertFacts
from inventory_assets.notify.message.content import difference_line
from inventory_assets.words.advice import (
    NOTHING_TO_ORDER,
    action_lines,
    action_sentence,
    describe_actions,
    difference_sentence,
)

SUPPLY = Supply(200, "SUPP-1", 12, 10)


def advice(*, order: int | None, moved: int = 0, supply: Supply = SUPPLY) -> Recommendation:
    """What to do: so many units to move, so many to order."""
    transfers = (Transfer("WH-2", moved, 160, 160 - moved, 100),) if moved else ()
    return Recommendation(None if order is None else 155, transfers, order, supply, None, None, None, ())


def row(found: Recommendation) -> dict:
    """The same as the console's list has it."""
    return {
        "available_now": 45, "order_now": found.order_quantity,
        "nothing_because_now": found.nothing_because or None,
        "transfers_now": [{"warehouse_id": each.warehouse_id, "quantity": each.quantity} for each in found.transfers],
        "restock_recommendation": {"supplier_id": "SUPP-1", "typical_lead_time_days": 12},
    }  # fmt: skip


def test_transfers_come_first_and_then_the_order():
    found = advice(order=1_100, moved=60)

    assert ["transfer 60 from WH-2", "then order 1,100"] == describe_actions(found)
    assert "Transfer 60 from WH-2, then order 1,100 from SUPP-1, lead time 12 days, in packs of 10" == action_sentence(
        found
    )
    assert [
        "Transfer 60 from WH-2 (leaves it 100, it keeps 100)",
        "Then order 1,100 from SUPP-1, lead time 12 days, in packs of 10",
    ] == action_lines(found)
    assert ["Transfer 60 from WH-2", "then order 1,100 from SUPP-1, lead time 12 days"] == steps_of(row(found))


def test_what_is_not_known_of_a_supplier_is_not_said():
    assert "Order 9" == action_sentence(advice(order=9, supply=Supply(200)))


def test_nothing_to_order_and_nothing_known_are_two_things():
    """Of the first a planner is done, of the second he has to look himself."""
    assert [NOTHING_TO_ORDER] == describe_actions(advice(order=0))
    assert [] == describe_actions(advice(order=None))
    for said in (
        action_sentence(advice(order=None)),
        *action_lines(advice(order=None)),
        *steps_of(row(advice(order=None))),
    ):
        assert "No target stock is known, so no quantity is suggested" == said


def test_a_message_that_suggests_more_than_is_to_be_ordered_is_explained():
    found = advice(order=0, moved=669)

    assert (
        "The message suggests 669, what fills the shelf if all of it is bought; other warehouses can give 669 of "
        "that, which leaves 0 to order"
    ) == difference_sentence(669, found)
    assert "" == difference_sentence(669, advice(order=669)) == difference_sentence(None, found)


def test_why_nothing_is_to_be_ordered_is_said_wherever_it_is():
    found = msgspec.structs.replace(advice(order=0), nothing_because="order_up_to 30 is below the threshold 50")
    said = "nothing to order: order_up_to 30 is below the threshold 50"

    assert [said] == describe_actions(found)
    assert "N" + said[1:] == action_sentence(found)
    assert ["N" + said[1:]] == action_lines(found) == steps_of(row(found))


def test_a_message_made_of_numbers_that_advice_leaves_out_is_explained():
    """An older lake may hold a target of 10^18, and told it."""
    found = advice(order=40, supply=Supply(40, unusable=("order_up_to",)))

    assert "The message suggests 1,000, made of order_up_to beyond all range" == difference_sentence(1_000, found)


def test_a_page_to_whom_the_message_is_sent_as_well_says_why_they_differ():
    """PagerDuty shows the message's body beside what to do."""
    body = {"restock_recommendation": {"suggested_quantity": 669}}
    facts = AlertFacts("alt-1", 1, True, body, "its rule", advice(order=0, moved=669))

    assert "The message suggests 669" in difference_line(facts)


def test_a_warehouse_with_a_hostile_name_stays_on_its_line():
    found = Recommendation(1, (Transfer("W\r\n\u202e2", 1, 9, 8, 0),), 0, Supply(9), None, None, None, ())

    assert [r"transfer 1 from W\u000d\u000a\u202e2"] == describe_actions(found)
