"""The console's pages: what each shows. Words and pictures are in `views`, HTML in the templates."""

import asyncio
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.console import questions
from inventory_assets.console.access import COOKIE, LOGIN_SECONDS, cookie_of, given_grant, local_path
from inventory_assets.console.api.alerts import (
    FILTERS,
    STATES,
    alert_of,
    alert_query,
    alerts_of,
    all_alerts_of,
    incident_of,
)
from inventory_assets.console.guard import NEWS, client_of, note_failure, wait_of
from inventory_assets.console.http import ask, console_of, number, read_query
from inventory_assets.console.pages import replenish, reports, sheets, stock, views
from inventory_assets.console.pages import thresholds as threshold_pages
from inventory_assets.console.pages.overview import overview
from inventory_assets.console.pages.rendering import kept, page, part, static
from inventory_assets.console.problems import Refused
from inventory_assets.domain.access.grants import Refusal, Scope
from inventory_assets.domain.quality.pipeline import OF_CONNECTORS, PipelineFinding
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.pipeline import look, read_connectors
from inventory_assets.queries.incidents import read_incidents
from inventory_assets.words.alerts import INCIDENTS, PRIORITIES, SORTS, TITLES, trend_values
from inventory_assets.words.charts import line_points

PER_PAGE = 50
ALERT_COLUMNS = (
    "alert_id", "priority", "alert_type", "state", "sku", "product_name", "warehouse_id", "available_now",
    "available_stock", "threshold", "cover_days", "revenue_at_risk", "lead_time_days", "inbound_now", "arriving",
    "arrives_on", "overdue", "overdue_since", "first_breach_time", "age_minutes", "acknowledged_by", "acknowledged_at",
    "silenced_until", "resolved_reason",
)  # fmt: skip


def routes() -> list[Route]:
    """Every page."""
    return [
        Route("/", first),
        Route("/alerts", alerts),
        Route("/alerts.csv", alerts_csv),
        Route("/alerts/{alert_id:path}", alert),
        Route(NEWS, news),
        Route("/part/behind", behind),
        Route("/part/explain/{alert_id:path}", explained),
        Route("/incidents", incidents),
        Route("/incidents/{incident_id}", incident),
        *stock.routes(),
        Route("/connectors", connectors),
        *replenish.routes(),
        *threshold_pages.routes(),
        *reports.routes(),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/static/{name}", static),
    ]


async def first(request: Request) -> Response:
    """The Overview; an address with filters that somebody has kept is the alerts', which stood here before."""
    return await (alerts(request) if request.url.query else overview(request))


@kept
async def alerts(request: Request) -> Response:
    """The open alerts, the worst first."""
    query = alert_query(request, ("page",))
    number_ = number(query, "page", 1)
    pictured = console_of(request).pictured
    picture = await pictured.picture_of_alerts()
    # Before anything is waited for: the counts are of the list's version.
    counts = pictured.summarize(picture) if picture is not None else await ask(request, "summary", questions.summarize)
    choices = (
        pictured.choices(picture) if picture is not None else await ask(request, "choices", questions.alert_choices)
    )
    rows, total, shown = await alerts_of(request, query, picture, limit=PER_PAGE, offset=(number_ - 1) * PER_PAGE)
    filters = {name: query.get(name, "") for name in FILTERS}
    given = {name: value for name, value in query.items() if name in FILTERS}
    values = {
        "rows": [views.alert_view(row) for row in rows], "total": total, "filters": filters,
        "counts": counts, "choices": choices, "sorts": SORTS, "states": STATES, "kinds": TITLES,
        "priorities": PRIORITIES,
        "page": number_, "pages": -(-total // PER_PAGE), "given": given,
    }  # fmt: skip
    return await page(request, "alerts.html", "alerts", values, shown=shown)


async def alerts_csv(request: Request) -> Response:
    """All alerts of a filter as a file for a spreadsheet."""
    query = alert_query(request)
    rows = await all_alerts_of(request, query)
    text = await asyncio.to_thread(sheets.write_csv, ALERT_COLUMNS, rows)
    day = clock_of(console_of(request).settings).today()
    return sheets.csv_answer(text, f"alerts-{day:%Y-%m-%d}")


@kept
async def alert(request: Request) -> Response:
    """One alert."""
    read_query(request, ())
    row, shown = await alert_of(request, request.path_params["alert_id"])
    view = views.alert_view(row)
    values = trend_values(row, view["available"])
    return await page(
        request, "alert.html", "alerts",
        {
            "row": row, "alert": view, "steps": [views.step_view(step) for step in row["history"]][::-1],
            "spark": line_points(values, row["threshold"], width=480, height=96), "rule": row["lineage"]["rule"],
            "arithmetic": row["lineage"]["arithmetic"],
        },
        shown=shown,
    )  # fmt: skip


async def explained(request: Request) -> Response:
    """Whether an alert follows from its messages, and from which; fetched after its page, as it takes longest."""
    read_query(request, ())
    found = await console_of(request).explain(request.path_params["alert_id"])
    return part("explained.html", {"found": found})


async def news(request: Request) -> Response:
    """That there is something newer to show, as it comes; nothing where no picture says so: then a page asks."""
    read_query(request, ())
    console = console_of(request)
    if not console.pictured.is_live:
        # A browser does not try again after this.
        return Response(status_code=204)
    if console.news.is_full:
        raise Refused(503, "too many pages are kept up to date at once; this one asks by itself")
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    # Else nginx keeps what comes until it has a page of it.
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(console.news.tell(), media_type="text/event-stream", headers=headers)


async def behind(request: Request) -> Response:
    """What is behind, for pages that do not renew themselves."""
    read_query(request, ())
    return part("behind.html", {"lags": await console_of(request).lags()})


async def incidents(request: Request) -> Response:
    """What is more than one alert."""
    query = read_query(request, ("state",))
    state = query.get("state", "open")
    rows = await ask(request, ("incidents", state), lambda reader: read_incidents(reader, state))
    return await page(request, "incidents.html", "incidents", {"rows": rows, "state": state, "kinds": INCIDENTS})


async def incident(request: Request) -> Response:
    """One incident."""
    read_query(request, ())
    row = await incident_of(request, request.path_params["incident_id"])
    arithmetic = {name: value for name, value in row["arithmetic"].items() if name != "comparison"}
    return await page(
        request, "incident.html", "incidents",
        {
            "row": row, "kind": INCIDENTS.get(row["kind"], row["kind"]), "arithmetic": arithmetic,
            "comparison": row["arithmetic"].get("comparison", ""), "alert_kinds": TITLES,
        },
    )  # fmt: skip


async def connectors(request: Request) -> Response:
    """Up to when each warehouse is known, and what holds the rest up."""
    read_query(request, ())

    def look_at_flow(reader: LakeReader) -> list[PipelineFinding]:
        found = look(reader, read_connectors(reader), now=machine_microseconds(), clock=clock_of(reader.settings))
        return [each for each in found if each.kind not in OF_CONNECTORS]

    flow = await ask(request, "flow", look_at_flow)
    return await page(request, "connectors.html", "connectors", {"flow": flow})


async def login(request: Request) -> Response:
    """Ask for a token, once a browser."""
    access = console_of(request).access
    wanted = local_path(request.query_params.get("next", "/"))
    if request.method != "POST":
        return await page(request, "login.html", "", {"next": wanted, "problem": ""})
    fields = parse_qs((await request.body()).decode("latin-1"), keep_blank_values=True, max_num_fields=10)
    wanted = local_path(fields.get("next", ["/"])[0])
    client = client_of(request.scope)
    given = fields.get("token", [""])[0].strip()
    if (wait := wait_of(access, client, given)) > 0:
        # Not looked at: a guess that has to wait says nothing.
        raise Refused(429, f"too many wrong tokens; try again in {wait:.0f} s")
    found = given_grant(given, access)
    if isinstance(found, Refusal) and found.status != 401:
        raise Refused(found.status, found.detail)
    if isinstance(found, Refusal):
        note_failure(access, client, "/login", given)
        return await page(request, "login.html", "", {"next": wanted, "problem": "That was not a token."}, 401)
    access.logins.succeeded(client)
    if refused := found.refusal(Scope.READ):
        return await page(request, "login.html", "", {"next": wanted, "problem": refused.detail}, refused.status)
    answer = RedirectResponse(wanted, 303)
    answer.set_cookie(
        COOKIE, access.logins.begin(found.token_id), httponly=True, samesite="strict", path="/", max_age=LOGIN_SECONDS,
        secure=_is_tls(request),
    )  # fmt: skip
    return answer


def _is_tls(request: Request) -> bool:
    # Behind a proxy that ends TLS. Who sends this without one keeps the cookie from themselves.
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").lower())


async def logout(request: Request) -> Response:
    """Forget the token in this browser."""
    console_of(request).access.logins.end(cookie_of(request.headers))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer
