"""Rows as a file for a spreadsheet, in one way for every page that offers one."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import Response

from inventory_assets.words.text import formula_safe


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Some columns of rows as CSV; what a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return out.getvalue()


def csv_answer(text: str, name: str) -> Response:
    """A CSV as a file of this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, headers=headers, media_type="text/csv")


def _cell(found: object) -> object:
    if found is None:
        return ""
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, datetime):
        # Times of the lake are UTC, and naive.
        return f"{found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(found, date):
        return found.isoformat()
    return formula_safe(found) if isinstance(found, str) else found
