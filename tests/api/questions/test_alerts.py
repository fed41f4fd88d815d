"""Alerts: what fires from memory, what is over from the lake, each as of a version."""

import asyncio

import pytest

from inventory_assets.api.app import build_app
from inventory_assets.domain.picture.rows import Alert
from tests.api.asking import ask_within, get
from tests.builders import level, messages, rule


def _alert(alert_id, version=1, **more):
    base = dict.fromkeys(Alert.__struct_fields__) | {
        "alert_id": alert_id, "warehouse_id": "W1", "sku": "S1", "alert_type": "LOW_STOCK", "priority": "HIGH",
        "state": "firing", "body": '{"alert_id": "x"}', "notification_count": 1, "opened_us": 1, "version": version,
    }  # fmt: skip
    return Alert(**(base | more))


@pytest.fixture
def app(served):
    return served.start(alerts=[_alert(f"alt-{number}", sku=f"S{number}") for number in range(5)]).app


def test_pages_are_of_one_version_while_alerts_come_and_go(served, app):
    found, query = [], ""
    while True:
        page = get(app, f"/v1/alerts?limit=2{query}").json
        found += [each["alert_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"&cursor={page['next_cursor']}"
        version = served.picture.version + 1
        served.step(alerts=[_alert("alt-4", version, state="resolved"), _alert(f"alt-3{version}", version)])

    assert [f"alt-{number}" for number in range(5)] == found


@pytest.mark.parametrize(
    ("query", "count"), [("sku=S1", 1), ("warehouse=W1", 5), ("warehouse=W2", 0), ("alert_type=STOCKOUT", 0)]
)
def test_alerts_are_chosen_by_what_they_are(app, query, count):
    assert count == len(get(app, f"/v1/alerts?{query}").json["items"])


def test_one_that_is_just_over_is_told_so(served, app):
    served.step(alerts=[_alert("alt-1", 2, state="resolved", resolved_reason="restocked")])

    now, before = get(app, "/v1/alerts/alt-1").json, get(app, "/v1/alerts/alt-1?version=1").json

    assert ("resolved", "restocked", "firing", {"alert_id": "x"}) == (
        now["state"], now["resolved_reason"], before["state"], before["message"]
    )  # fmt: skip


def test_those_that_are_over_are_asked_of_the_lake(open_engine):
    engine = open_engine()
    engine.commit_burst(messages(rule(10, 20), level(5, "07:00"), level(5, "07:00", sku="S2")))
    engine.commit_burst(messages(level(100, "07:10")))
    engine.lake.land()
    app = build_app(engine.settings)

    async def run():
        await app.service.live.step()
        firing = (await ask_within(app, "GET", "/v1/alerts")).json
        over = (await ask_within(app, "GET", "/v1/alerts?state=resolved")).json
        first = (await ask_within(app, "GET", "/v1/alerts?state=all&limit=1")).json
        rest = (await ask_within(app, "GET", f"/v1/alerts?state=all&limit=1&cursor={first['next_cursor']}")).json
        one = (await ask_within(app, "GET", f"/v1/alerts/{over['items'][0]['alert_id']}")).json
        earlier = (await ask_within(app, "GET", "/v1/alerts?version=1")).json
        nothing = await ask_within(app, "GET", "/v1/alerts/alt-x")
        app.service.close()
        return firing, over, first, rest, one, earlier, nothing

    firing, over, first, rest, one, earlier, nothing = asyncio.run(run())
    assert (["S2"], ["S1"], "resolved") == (
        [each["sku"] for each in firing["items"]], [each["sku"] for each in over["items"]], one["state"]
    )  # fmt: skip
    assert ({"S1", "S2"}, None) == ({each["sku"] for each in first["items"] + rest["items"]}, rest["next_cursor"])
    assert (2, 404) == (len(earlier["items"]), nothing.status)
