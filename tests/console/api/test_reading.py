"""What the console answers: the same rows as the command line, and errors that say what is wrong."""

import json
import re

import pytest
from click.testing import CliRunner

from inventory_assets.cli import cli
from inventory_assets.console.api.endpoints import ENDPOINTS
from inventory_assets.console.app import _routes
from tests.console.conftest import alert_ids, escaped
from tests.messaging.brokers import REPOSITORY

# Read at another moment, these are other numbers.
AGES = ("age_minutes",)


def rows_of(home, *arguments):
    """What a command prints as JSON."""
    done = CliRunner().invoke(cli, [*arguments, "--format", "json"], env={"INVENTORY_HOME": str(home)})
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def without_ages(rows):
    return [{name: value for name, value in row.items() if name not in AGES} for row in rows]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/api/alerts?state=all", ("alerts", "list", "--state", "all")),
        ("/api/alerts?unacknowledged=true", ("alerts", "list", "--unacknowledged")),
        ("/api/alerts?q=s&sort=sku", ("alerts", "list", "--search", "s", "--sort", "sku")),
        ("/api/alerts?category=SMARTPHONES", ("alerts", "list", "--category", "SMARTPHONES")),
        ("/api/thresholds", ("thresholds", "list")),
        ("/api/thresholds?level=GLOBAL", ("thresholds", "list", "--level", "GLOBAL")),
        ("/api/thresholds/resolve?warehouse=W1&sku=S1", ("thresholds", "resolve", "W1", "S1")),
        ("/api/thresholds/history", ("thresholds", "history")),
        ("/api/thresholds/validate", ("thresholds", "validate")),
        ("/api/incidents?state=all", ("incidents", "--state", "all")),
        ("/api/stats", ("stats",)),
    ],
)  # fmt: skip
def test_rows_are_those_of_the_command_line(shop, home, console, path, command):
    answer = console.get(path)

    assert answer.status == 200, answer.text
    assert without_ages(rows_of(home, *command)) == without_ages(answer.json)


def test_one_alert_has_its_history_its_explanation_and_what_to_do(shop, home, console):
    [_, low] = alert_ids(console)
    [printed] = rows_of(home, "alerts", "show", low)
    [explained] = rows_of(home, "explain", low)

    shown = console.get(f"/api/alerts/{low}").json

    assert without_ages([printed]) == without_ages([{name: shown[name] for name in printed}])
    assert explained == shown["explanation"]
    assert shown["explanation"]["differences"] == []
    assert (shown["available_now"], shown["order_now"]) == (5, 35)
    assert "explanation" not in console.get(f"/api/alerts/{low}?explain=false").json
    assert shown["alert_id"] == console.get(f"/api/alerts/{low[-8:]}?explain=false").json["alert_id"]


def test_alerts_are_filtered_counted_and_cut(shop, console):
    assert [row["warehouse_id"] for row in console.get("/api/alerts?warehouse=W1").json] == ["W1"]
    assert [row["sku"] for row in console.get("/api/alerts?sku=S2&priority=CRITICAL").json] == ["S2"]
    assert console.get("/api/alerts?type=REORDER").json == []
    assert console.get("/api/alerts?state=resolved").json == []
    first, second = (console.get(f"/api/alerts?limit=1&offset={offset}") for offset in (0, 1))
    assert [first.json[0]["alert_type"], second.json[0]["alert_type"]] == ["STOCKOUT", "LOW_STOCK"]
    assert first.headers["x-total-count"] == "2"


def test_stock_is_of_a_sku_or_of_a_warehouse(shop, console):
    [row] = console.get("/api/stock?sku=S1").json
    [other] = console.get("/api/stock?warehouse=W2").json

    assert (row["warehouse_id"], row["available"], row["min_threshold_qty"], row["alert_type"]) == (
        "W1", 5, 10, "LOW_STOCK",
    )  # fmt: skip
    assert (other["sku"], other["available"], other["alert_type"]) == ("S2", 0, "STOCKOUT")
    assert console.get("/api/stock?sku=S1&warehouse=W2").json == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/alerts?wharehouse=W1", 400, "unknown parameter 'wharehouse'"),
        ("/api/alerts?state=open", 400, "expected one of firing, resolved, all"),
        ("/api/alerts?sort=best", 400, "expected one of worst, risk"),
        (f"/api/alerts?q={'x' * 101}", 400, "q has 101 characters, expected 100 at most"),
        ("/api/alerts?limit=0", 400, "limit was '0'"),
        ("/api/alerts?limit=99999999999999999999", 400, "limit"),
        ("/api/alerts?sku=A&sku=B", 400, "given twice"),
        ("/api/alerts/alt-nope", 404, "alt-nope"),
        ("/api/alerts/", 404, "no alert"),
        ("/api/alerts/alt-", 409, "beginning of 2 ids"),
        ("/api/thresholds/resolve?warehouse=W1", 400, "sku is needed"),
        ("/api/thresholds/resolve?warehouse=W1&sku=S9", 404, "no stock is known"),
        ("/api/stock", 400, "sku or warehouse is needed"),
        ("/api/incidents/inc-nope", 404, "no incident"),
        ("/api/changes/nope", 404, "no change"),
        ("/api/nothing", 404, "nothing here"),
        ("/static/../app.py", 404, "nothing here"),
    ],
)
def test_what_cannot_be_answered_says_why(shop, console, path, status, says):
    answer = console.get(path)

    assert answer.status == status
    assert says in answer.text
    assert "Traceback" not in answer.text


def test_the_description_names_every_route_and_no_other(console, shop):
    described = {
        (method.upper(), path)
        for path, methods in console.get("/api/openapi.json").json["paths"].items()
        for method in methods
    }
    served = {
        (method, route.path.replace(":path}", "}"))
        for route in _routes()
        if route.path.startswith(("/api/", "/healthz"))
        for method in route.methods - {"HEAD"}
    }

    assert described == served
    assert len(described) == len(ENDPOINTS)


def test_the_description_is_whole(console, shop):
    """Each parameter in the query is one that the endpoint takes: a client made from it works."""
    document = console.get("/api/openapi.json").json

    assert document["openapi"] == "3.1.0"
    for endpoint in (each for each in ENDPOINTS if each.method == "GET" and "{" not in each.path):
        needed = "&".join(f"{each.name}=GLOBAL" for each in endpoint.query if each.is_required)
        for parameter in endpoint.query:
            value = parameter.schema.get("enum", ["1"])[0]
            answer = console.get(f"{endpoint.path}?{needed}{'&' if needed else ''}{parameter.name}={value}")
            assert "unknown parameter" not in answer.text, (endpoint.path, parameter.name)


def test_every_number_of_a_query_has_the_bounds_that_the_description_says(console, shop):
    """A client made from it knows what will be refused; another reads the range in the refusal."""
    numbers = [
        (endpoint, parameter.name, parameter.schema)
        for endpoint in ENDPOINTS
        for parameter in endpoint.query
        if parameter.schema["type"] in ("integer", "number")
    ]

    for endpoint, name, schema in numbers:
        path = endpoint.path.replace("{request_id}", "0" * 32)
        path += "?sku=S1&" if path in ("/api/stock", "/api/stock/history") else "?"
        least, most = schema["minimum"], schema["maximum"]
        for wrong in (least - 1, most + 1, "1_000", "%D9%A1"):
            answer = console.get(f"{path}{name}={wrong}")
            assert (400, True) == (answer.status, f"from {least:,} to {most:,}" in answer.text), (path, name, wrong)
    assert 200 == console.get("/api/alerts?limit=1000&offset=1000000000").status
    assert len(numbers) == 13


def test_health_is_of_the_lake(shop, console):
    answer = console.get("/healthz")

    assert (answer.status, answer.json["status"], answer.json["lake_version"]) == (200, "ok", 2)
    assert answer.json["age_seconds"] >= 0


def test_an_old_lake_is_unwell_if_asked_so(shop, console):
    shop.lake.connection.execute("UPDATE meta.versions SET committed_at = committed_at - INTERVAL 1 DAY")

    assert console.get("/healthz").status == 200
    answer = console.get("/healthz?max_age_seconds=3600")

    assert (answer.status, answer.json["status"]) == (503, "stale")


def test_ids_of_a_path_may_be_escaped_or_not(shop, console):
    [worst, _] = alert_ids(console)

    assert console.get(f"/api/alerts/{escaped(worst)}?explain=false").json["alert_id"] == worst


def test_the_guide_names_every_endpoint_and_what_it_takes():
    guide = (REPOSITORY / "docs" / "console.md").read_text()
    lines = {line.split("`")[1]: line for line in guide.splitlines() if line.startswith("| `")}

    for endpoint in ENDPOINTS:
        line = lines[f"{endpoint.method} {endpoint.path}"]
        if endpoint.path not in ("/api/changes/{request_id}", "/healthz"):  # told below the table
            for parameter in endpoint.query:
                assert re.search(rf"\b{parameter.name}\b", line) or parameter.name == "author", (line, parameter.name)
