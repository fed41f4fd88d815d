"""What is printed for pasting runs our command and nothing of an id; what an id hides is seen (RULES 4)."""

import re
import shlex

import msgspec
import pytest

from inventory_assets.assets.metadata import table_metadata
from inventory_assets.assets.specs import SPECS
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.tables import ALERTS
from inventory_assets.notify.channels.slack import to_message
from inventory_assets.notify.message.html import render_html
from inventory_assets.notify.message.wording import plain_text
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule
from tests.notify.notices import facts, single

SKU = "$(touch pwned);`id`\"x'&"
NAME = "Mug\nOK: nothing to do\x1b[2J\x9b\u202e\u200b\u2028"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\u2028]")


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("printed")
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20), level(0, sku=SKU, warehouse_id="W\u202e1", product_name=NAME)))
    engine.close()
    return home


def explained(text: str) -> list[str]:
    """The ids in the printed `inventory explain` commands, as a shell would hand them on."""
    lines = [line.partition("inventory explain ")[2] for line in text.splitlines() if "inventory explain " in line]
    return [shlex.split(line.strip("`. ").removesuffix(" shows it"))[0] for line in lines]


@pytest.mark.parametrize(
    "words", [("alerts",), ("alerts", "list"), ("alerts", "show", "alt-"), ("explain", "alt-"),
              ("why-not", "W\u202e1", SKU), ("incidents",), ("coverage", "--refresh"), ("thresholds", "list"),
              ("sql", "SELECT s.*, p.* FROM core.sku_state s LEFT JOIN core.products p USING (sku)"),
              ("alerts", "--format", "json"), ("alerts", "list", "--format", "json"), ("alerts", "show", "nothing\x1b")],
)  # fmt: skip
def test_every_surface_of_the_terminal_is_safe(run, hostile_home, words):
    found = run(*words, at=hostile_home)

    assert [] == RAW.findall(found.out + found.err)
    assert not any(line.startswith("OK: nothing to do") for line in found.out.splitlines())
    for printed in explained(found.err):
        assert printed.startswith(("alt-", "$")) and "touch" in printed


def test_every_surface_of_a_notification_is_safe():
    alert_id = f"alt-20220420-W1-{SKU}-STOCKOUT-12345678"
    notification = single()
    alert = msgspec.structs.replace(facts(alert_id=alert_id, sku=SKU, product_name=NAME), alert_id=alert_id)
    notification = msgspec.structs.replace(notification, alerts=(alert,), alert_ids=(alert_id,))

    text, slack, page = plain_text(notification, limit=5), to_message(notification), render_html(notification, limit=5)

    assert [alert_id] == explained(text)
    [command] = [each["text"] for each in slack["blocks"][-1]["elements"] if "inventory explain" in each["text"]]
    assert ["inventory", "explain", alert_id] == shlex.split(command)
    assert shlex.quote(alert_id).replace("&", "&amp;").replace("'", "&#39;").replace('"', "&#34;") in page
    for surface in (text, page, msgspec.json.encode(slack).decode()):
        assert [] == RAW.findall(surface)


def test_the_metadata_of_an_asset_is_safe(engine):
    engine.commit_burst(messages(rule(10, 20), level(0, sku=SKU)))
    [spec] = [spec for spec in SPECS if spec.table is ALERTS]

    text = table_metadata(engine.lake, spec, PLAN_DEFAULTS)["explain"].value

    fence, _, rest = text.removeprefix("Why? ").partition(" ")
    assert set(fence) == {"`"} and rest.endswith(fence)
    assert SKU in shlex.split(rest.removesuffix(fence))[2]
