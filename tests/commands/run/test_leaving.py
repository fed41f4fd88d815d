"""What leaves arrives: over an emulator, by the commands that people use, in the form that the documents show.

Here: R2's and R4's subscribers. Not here: crashes (`ingest/outgoing/test_owed`, `ingest/outgoing/test_metrics`).
"""

import json
import uuid

import pytest

from inventory_assets.domain.events.topics import Topic
from tests.builders import UPDATES, level, rule, transaction
from tests.conftest import copy_home
from tests.docs.markdown import ROOT, blocks
from tests.messaging.brokers import Broker
from tests.replenish.shop import trade

EVENTS = ROOT / "docs" / "events.md"
PRODUCTS = (
    b"sku,product_name,supplier_id,lead_time_days,unit_price,pack_multiple,min_order_qty\nS1,Lamp,ACME,5,2.0,6,12\n"
)


@pytest.fixture
def project():
    return f"p{uuid.uuid4().hex[:8]}"


@pytest.fixture
def command(run, emulator, empty_home, home, monkeypatch, project):
    """Run commands in a project of the test's own, on a lake of its own."""
    copy_home(empty_home, home)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    return run


@pytest.fixture
def subscribers(emulator, project):
    found = Broker(emulator, project=project)
    yield found
    found.close()


def publish(command, topic, *documents):
    body = b"".join(json.dumps(each).encode() + b"\n" for each in documents)
    assert 0 == command("publish", "-", "--topic", topic, stdin=body).code


def shown(heading):
    """The example below a heading of the documents."""
    text = EVENTS.read_text()
    start = text.index(heading)
    found = [each.code for each in blocks(EVENTS) if each.language == "json" and text.find(each.code, start) >= 0]
    return json.loads(next(code for code in found if text.index(code) > start))


def test_low_stock_and_what_to_order_arrive_at_who_subscribes(command, subscribers, tmp_path):
    products = tmp_path / "products.csv"
    products.write_bytes(PRODUCTS)
    assert 0 == command("topics", "apply", "--subscription", "low-stock-critical").code
    assert 0 == command("topics", "apply", "--subscription", "analytics-events-subscription").code
    publish(command, "thresholds-topic", rule(20, 30))
    publish(command, UPDATES, level(100, sku="LOW"), level(100, sku="OUT"))
    sold = [each for each in trade("S1", 20) if "transaction_id" in each]
    opening = [each for each in trade("S1", 20) if "transaction_id" not in each]
    publish(command, UPDATES, *opening)
    assert 0 == command("drain", "--wait", "1").code
    publish(command, "inventory-transactions-topic", *sold, transaction("T1", quantity=-85, sku="LOW"),
            transaction("T2", quantity=-100, sku="OUT"))  # fmt: skip
    assert 0 == command("products", "import", str(products)).code

    assert 0 == command("drain", "--wait", "1").code

    low = {each.message.attributes["kind"]: each.message for each in subscribers.pull("low-stock-consumer", count=2)
           if json.loads(each.message.data)["item_id"] in ("LOW", "OUT")}  # fmt: skip
    assert ("LOW", 15, 20) == tuple(
        json.loads(low["LOW_STOCK"].data)[name] for name in ("item_id", "current_stock", "threshold")
    )
    assert set(shown("### low-stock-alerts")) == set(json.loads(low["LOW_STOCK"].data))
    critical = subscribers.pull("low-stock-critical", count=1)
    assert ["OUT"] == [json.loads(each.message.data)["item_id"] for each in critical]

    assert 0 == command("plan", "--refresh", "--date", "2022-05-20").code
    assert 0 == command("plan", "accept", "pln-20220520-W1-S1", "--reason", "ordered", "--by", "ann").code
    assert 0 == command("coverage", "--refresh", "--as-of", "2022-05-20").code
    assert 0 == command("drain", "--wait", "0.2").code

    reorders = {each.message.attributes["kind"]: json.loads(each.message.data)
                for each in subscribers.pull("reorder-events-subscription", count=3)}  # fmt: skip
    ordered = reorders["PURCHASE_ORDER"]
    assert ("S1", "pln-20220520-W1-S1", "ordered") == (ordered["sku"], ordered["referenceId"], ordered["notes"])
    assert ordered["quantityChange"] == reorders["REORDER_RECOMMENDATION"]["quantityChange"] > 0
    assert set(shown("### reorder-events")) == set(reorders["REORDER_RECOMMENDATION"])
    figures = subscribers.pull("analytics-events-subscription", count=3)
    assert {"LOW", "OUT", "S1"} == {json.loads(each.message.data)["sku"] for each in figures}
    assert {Topic.ANALYTICS} != {each.message.ordering_key for each in figures}
    assert all(each.message.ordering_key.startswith("lane-") for each in figures)
    assert set(shown("### analytics-events")) == set(json.loads(figures[0].message.data))
