"""Dagster's own UI behind the console's guard: `python -m inventory_assets.console.dagster_ui`.

The options are those of `dagster-webserver`.

By itself it answers whatever name it is called by, and carries out `GET /graphql?query=mutation…`: any page
open in the same browser could stop a sensor or wipe an asset. Dagster has no switch for either.
"""

import os
from typing import Any

import dagster_webserver.cli as webserver
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from inventory_assets.console.access import Access
from inventory_assets.console.guard import Guard, refuse

# Names it is opened by beside localhost and any bare address, with commas between.
NAMES_VARIABLE = "INVENTORY_UI_NAMES"
# Not the console's policy: Dagster's pages bring a policy of their own. Nobody else's page may frame them.
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class DagsterGuard(Guard):
    """The console's guard, and nothing carried out by a GET."""

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to who may not come in."""
        refused = super().refusal(scope)
        # Not only mutations: to tell them apart here would be a second reading of GraphQL beside Dagster's.
        is_query = scope["path"].rstrip("/").endswith("/graphql") and "query" in QueryParams(scope["query_string"])
        if refused is None and is_query and scope["method"] != "POST":
            return refuse(405, "a query is sent by POST: a GET could come from any page")
        return refused


def guarded(app: ASGIApp) -> Guard:
    """Dagster's application behind the guard; it has no token, so put a proxy that asks for one before it."""
    names = filter(None, (name.strip().lower() for name in os.environ.get(NAMES_VARIABLE, "").split(",")))
    return DagsterGuard(app, Access(frozenset({"localhost", *names})), HEADERS)


def main() -> None:
    """Serve the UI with `dagster-webserver`'s own options."""
    build = webserver.create_app_from_workspace_process_context

    def build_guarded(*arguments: Any, **options: Any) -> Guard:
        return guarded(build(*arguments, **options))

    # The one place between its options and its server where the application can be had.
    webserver.create_app_from_workspace_process_context = build_guarded  # type: ignore[assignment]
    webserver.main()


if __name__ == "__main__":
    main()
