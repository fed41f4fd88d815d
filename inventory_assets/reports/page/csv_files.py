"""The sections as CSV: one file each, a dataclass's fields as columns, every row.

RFC 4180 with a header; UTF-8; moments as RFC 3339 with Z. A text that a
spreadsheet would take for a formula gets an apostrophe before it
(`words.text.formula_safe`); numbers stay numbers.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from inventory_assets.words.text import formula_safe


def write_csv(row_type: type, rows: Sequence[Any]) -> bytes:
    """Rows of one dataclass as CSV; without rows the header alone."""
    names = [field.name for field in fields(row_type)]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    return formula_safe(value) if isinstance(value, str) else value
