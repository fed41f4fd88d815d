"""Every endpoint of the API, with what it takes: read by the routes, `/api/openapi.json` and docs/console.md's test."""

from typing import Any

from inventory_assets.changes.commands import ALERT_FIELDS
from inventory_assets.console.api import alerts as alerts_api
from inventory_assets.console.api import many as many_api
from inventory_assets.console.api import plan as plan_api
from inventory_assets.console.api import stock as stock_api
from inventory_assets.console.api import thresholds as thresholds_api
from inventory_assets.console.api.openapi import Endpoint, Parameter
from inventory_assets.console.http import NUMBERS
from inventory_assets.domain.events.control import MAX_SILENCE_MINUTES
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS, MAX_COOLDOWN_MINUTES
from inventory_assets.queries.alerts import ORDERS
from inventory_assets.ranges import MAX_DAYS, MAX_QUANTITY
from inventory_assets.replenish.sheet import Show, Sort

_TEXT = {"type": "string"}
_SENT = {
    202: "sent: `request_id`, `message_ids`, and `outcome_url`, where to see what became of it",
    200: "unchanged: it was so already; or what a dry run found",
}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _words(*names: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _number(name: str) -> dict[str, Any]:
    return _whole(*NUMBERS[name])


_FLAG = _words("true", "false")
_DRY = Parameter("dry_run", "say what would change, with the number of keys it touches, and send nothing", _FLAG)
_AT = Parameter(
    "at", "as of this moment of event time, RFC 3339; now if not given", {"type": "string", "format": "date-time"}
)
_UNITS = _whole(0, MAX_QUANTITY)
_DAYS = {"type": "number", "minimum": 0, "maximum": MAX_DAYS}
_COMMAND = _object(
    author=_TEXT, reason={**_TEXT, "description": "why; a link in a note is kept as a post-mortem"},
    minutes=_whole(1, MAX_SILENCE_MINUTES), until={**_TEXT, "format": "date-time"}, source=_TEXT,
    alert_type=_words(*Condition),
)  # fmt: skip
_RULE = _object(
    ("level_type", "reason"), level_type=_words(*HIERARCHY_LEVELS), level_id=_TEXT, warehouse_id=_TEXT,
    min_threshold_qty=_UNITS, reorder_threshold_qty=_UNITS, min_threshold_days=_DAYS, reorder_threshold_days=_DAYS,
    mode=_words("static", "dynamic"),
    service_level={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, floor_qty=_UNITS,
    ceiling_qty=_UNITS, alert_settings=_object(cooldown_period_minutes=_whole(0, MAX_COOLDOWN_MINUTES)),
    author=_TEXT, reason=_TEXT,
)  # fmt: skip
_DECIDED = _object(
    ("lines", "reason"),
    lines={
        "type": "array", "minItems": 1, "maxItems": plan_api.MAX_LINES,
        "items": _object(
            ("line_id",), line_id=_TEXT, warehouse_id=_TEXT, sku=_TEXT,
            quantity=_whole(1, MAX_QUANTITY) | {"description": "of accept: what is ordered, if not what the line says"},
        ),
    },
    reason=_TEXT, author=_TEXT, days=_whole(1, plan_api.MAX_SNOOZE_DAYS), until={**_TEXT, "format": "date-time"},
)  # fmt: skip

ENDPOINTS = (
    Endpoint(
        "GET", "/api/alerts", "Alerts as `inventory alerts list --format json`",
        alerts_api.list_alerts,
        (
            Parameter("state", "firing if not given", _words(*alerts_api.STATES)),
            Parameter("warehouse", "of this warehouse"), Parameter("sku", "of this SKU"),
            Parameter("q", "with all these words in the SKU or the names of its product"),
            Parameter("department", "of this department, by id or name"),
            Parameter("category", "of this category, by id or name"),
            Parameter("brand", "of this brand, by id or name"), Parameter("supplier", "that this supplier delivers"),
            Parameter("type", "of this kind", _words(*Condition)),
            Parameter("priority", "of this priority", _words(*alerts_api.PRIORITIES)),
            Parameter("unacknowledged", "only those that nobody has acknowledged", _FLAG),
            Parameter("sort", "worst, which is the worst and newest first, if not given", _words(*ORDERS)),
            Parameter("limit", f"at most so many, {alerts_api.DEFAULT_LIMIT} if not given", _number("limit")),
            Parameter("offset", "after so many", _number("offset")),
        ),
        answers={200: "rows; the header X-Total-Count has the number of all"},
    ),
    Endpoint(
        "POST", "/api/alerts", f"Act on many alerts, each by itself: {', '.join(many_api.ACTS)}", many_api.act_on_many,
        body=_object(
            ("command", "alert_ids"), command=_words(*many_api.ACTS),
            alert_ids={"type": "array", "minItems": 1, "maxItems": many_api.MAX_ALERTS, "items": _TEXT},
            reason=_TEXT, author=_TEXT, minutes=_whole(1, MAX_SILENCE_MINUTES), until={**_TEXT, "format": "date-time"},
        ),
        answers={
            202: "sent what fits; `alerts` says of each: `sent`, with its message's id, `unchanged` or `refused`",
            200: "nothing to send: it was so already",
        },
    ),
    Endpoint(
        "GET", "/api/alerts/{alert_id}",
        "One alert as `inventory alerts show --format json`, with its notifications, links, and `inventory explain`",
        alerts_api.show_alert, (Parameter("explain", "false leaves out the re-derivation, which takes long", _FLAG),),
    ),
    Endpoint(
        "POST", "/api/alerts/{alert_id}/{command}", f"Act on an alert: {', '.join(ALERT_FIELDS)}",
        alerts_api.command_alert, body=_COMMAND, answers=_SENT,
    ),
    Endpoint(
        "POST", "/api/commands", "Act on a scope: silence, unsilence, inhibit, uninhibit a warehouse, SKU or category",
        alerts_api.command_scope,
        body=_object(
            ("command",), command=_words(*ALERT_FIELDS), alert_id=_TEXT, warehouse_id=_TEXT, sku=_TEXT,
            category_id=_TEXT, **_COMMAND["properties"],
        ),
        answers=_SENT,
    ),
    Endpoint(
        "GET", "/api/thresholds", "The rules in force as `inventory thresholds list --format json`",
        thresholds_api.list_rules,
        (
            Parameter("level", "of this level", _words(*HIERARCHY_LEVELS)),
            Parameter("warehouse", "only this warehouse's own"), Parameter("muted", "only disabled ones", _FLAG),
        ),
    ),
    Endpoint(
        "PUT", "/api/thresholds", "Set a rule, whole: its document, with a reason", thresholds_api.put_rule, (_DRY,),
        body=_RULE, answers=_SENT,
    ),
    Endpoint(
        "DELETE", "/api/thresholds", "Delete a rule; its keys fall to their next one", thresholds_api.delete_rule,
        (
            Parameter("level_type", "which rule", _words(*HIERARCHY_LEVELS), True),
            Parameter("level_id", "which rule; not of GLOBAL"),
            Parameter("warehouse_id", "which rule; of all warehouses if not given"),
            Parameter("reason", "why, for the audit", is_required=True),
            Parameter("author", "who, instead of X-Author"), _DRY,
        ),
        answers=_SENT,
    ),
    Endpoint(
        "GET", "/api/thresholds/resolve", "The whole ladder of a key as `inventory thresholds resolve --format json`",
        thresholds_api.resolve,
        (Parameter("warehouse", "of the key", is_required=True), Parameter("sku", "of the key", is_required=True)),
    ),
    Endpoint(
        "POST", "/api/thresholds/import", "Import a file of rules: all of it or none, each problem by its line",
        thresholds_api.import_rules,
        (
            _DRY, Parameter("prune", "also delete the rules that the file does not have", _FLAG),
            Parameter("reason", "why, for the audit; of rules that have none"),
            Parameter("author", "who, instead of X-Author"),
        ),
        body={}, content_types=tuple(thresholds_api.KINDS), answers=_SENT,
    ),
    Endpoint(
        "GET", "/api/thresholds/history", "Who changed which rule as `inventory thresholds history --format json`",
        thresholds_api.history, (Parameter("scope", "such as CATEGORY/SMARTPHONES@WH-EAST-1, or a level"),),
    ),
    Endpoint(
        "GET", "/api/thresholds/validate", "Conflicts of the rules as `inventory thresholds validate --format json`",
        thresholds_api.validate,
    ),
    Endpoint(
        "GET", "/api/stock", "Stock with limits and alerts: of a SKU over its warehouses, or of a warehouse",
        alerts_api.list_stock,
        (
            Parameter("sku", "of this SKU"), Parameter("warehouse", "of this warehouse, the least available first"),
            Parameter("limit", f"at most so many, {alerts_api.DEFAULT_LIMIT} if not given", _number("limit")),
        ),
    ),
    Endpoint(
        "GET", "/api/plan", "Lines of the newest plan as `inventory plan --format json`, by supplier",
        plan_api.list_plan,
        (
            Parameter("supplier", "what this supplier delivers"),
            Parameter("no_supplier", "what no supplier is known of", _FLAG),
            Parameter("warehouse", "of this warehouse"), Parameter("category", "of this category"),
            Parameter("q", "with this in the SKU or the product's name"),
            Parameter("show", "urgent if not given; all has what can wait, decided what is decided", _words(*Show)),
            Parameter("sort", "urgency if not given", _words(*Sort)),
            Parameter("limit", f"at most so many, {plan_api.DEFAULT_LIMIT} if not given", _number("limit")),
            Parameter("offset", "after so many", _number("offset")),
        ),
        answers={200: "rows; the header X-Total-Count has the number of all"},
    ),
    Endpoint(
        "POST", "/api/plan/{decision}", f"Decide on lines, each by itself: {', '.join(plan_api.DECISIONS)}",
        plan_api.decide_plan, body=_DECIDED,
        answers={202: "sent what fits; `lines` says of each that it was `sent`, with its message's id, or `refused`"},
    ),
    Endpoint(
        "GET", "/api/stock/tree",
        "Sums and open alerts of what stands right below a node: departments, categories, brands, products, SKUs",
        stock_api.show_tree,
        (
            Parameter("level", "of this node; the departments if not given", _words(*stock_api.LEVELS)),
            Parameter("id", "of this node; a brand of one category is `category/brand`"),
            Parameter("warehouse", "in this warehouse alone"),
            Parameter("q", "instead, SKUs with this in their id or name"),
            Parameter("sort", "name if not given", _words(*stock_api.ORDERS)), _AT,
            Parameter("limit", f"at most so many, {alerts_api.DEFAULT_LIMIT} if not given", _number("limit")),
            Parameter("offset", "after so many", _number("offset")),
        ),
        answers={200: "`sums`, `path`, `rows`; the header X-Total-Count has the number of all rows"},
    ),
    Endpoint(
        "GET", "/api/stock/history", 
        "A SKU over time, by event time: available, limits, arrivals, alerts, sales, ledger",
        stock_api.show_history,
        (
            Parameter("sku", "of this SKU", is_required=True),
            Parameter("warehouse", "at this warehouse alone; of all together if not given"),
            Parameter("days", f"how far back, {stock_api.DEFAULT_DAYS} if not given", _number("days")), _AT,
            Parameter("limit", f"at most so many events, {alerts_api.DEFAULT_LIMIT} if not given", _number("limit")),
            Parameter("offset", "after so many events", _number("offset")),
        ),
        answers={200: "one object; `events` the newest first, of which the header X-Total-Count has the number"},
    ),
    Endpoint(
        "GET", "/api/incidents", "Business alerts as `inventory incidents --format json`", alerts_api.list_incidents,
        (Parameter("state", "open if not given", _words("open", "resolved", "all")),),
    ),
    Endpoint(
        "GET", "/api/incidents/{incident_id}", "One incident with its alerts, notes and notifications",
        alerts_api.show_incident,
    ),
    Endpoint(
        "POST", "/api/incidents/{incident_id}/note", "Add a note to an incident; a link in it is its post-mortem",
        alerts_api.note_incident, body=_object(("reason",), author=_TEXT, reason=_TEXT), answers=_SENT,
    ),
    Endpoint(
        "GET", "/api/connectors",
        "Up to when each warehouse's numbers are known as `inventory connector list --format json`",
        alerts_api.list_connectors,
    ),
    Endpoint("GET", "/api/stats", "What the lake holds as `inventory stats --format json`", alerts_api.stats),
    Endpoint(
        "GET", "/api/changes/{request_id}", "What became of a change: pending, applied, superseded or refused, and why",
        alerts_api.change_outcome,
        (
            Parameter("since", "the lake's version when it was sent", _number("since")),
            Parameter("total", "how many messages it had", _number("total")),
        ),
        answers={200: "outcome, version, problems"},
    ),
    Endpoint("GET", "/api/openapi.json", "This description", alerts_api.openapi, answers={200: "OpenAPI 3.1"}),
    Endpoint(
        "GET", "/healthz", "The lake's version and its age", alerts_api.health,
        (Parameter("max_age_seconds", "older is 503, for a probe; 0 is any age", _number("max_age_seconds")),),
        answers={200: "the lake can be read"},
    ),
)  # fmt: skip
