"""The Overview: what is so now, what changed since yesterday, warehouse by warehouse. The first page."""

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.console import questions
from inventory_assets.console.http import ask, console_of, read_query
from inventory_assets.console.pages.overview_views import Known, changes_view, figures_view, rows_view, said
from inventory_assets.console.pages.rendering import kept, page


@kept
async def overview(request: Request) -> Response:
    """All of it on one page."""
    read_query(request, ())
    console = console_of(request)
    found, pictured = console.overview, console.pictured
    # First what may have to be waited for, then what is of one version.
    changes, plan, (fills, are_fills_known) = await found.changes(), await found.plan(), await found.fills()
    picture = await pictured.picture()
    known = Known(
        sums=await found.sums(picture), alerts=await found.alerts(picture), changes=changes, plan=plan, fills=fills,
        are_fills_known=are_fills_known,
    )  # fmt: skip
    counts = pictured.summarize(picture) if picture is not None else await ask(request, "summary", questions.summarize)
    figures, rows = figures_view(known, counts), rows_view(known)
    values = {
        "counts": counts, "figures": figures, "changes": changes_view(known), "rows": rows,
        "is_pending": known.is_pending, "said": said(figures, counts), "since": changes and changes.since,
        "as_of": changes and changes.as_of, "built_at": fills and fills.built_at,
    }  # fmt: skip
    shown = None if picture is None else pictured.shown(picture)
    return await page(request, "overview.html", "overview", values, shown=shown)
