"""What changed since the last report, and what concerns many shelves, in words. Pure."""

from collections import Counter
from collections.abc import Sequence

from inventory_assets.reports.page.view import Cell, Section, Table, columns_of
from inventory_assets.reports.read.lines import OpenIncident, ShelfChange, ThresholdChange
from inventory_assets.reports.read.model import Nightly
from inventory_assets.words.alerts import CONDITIONS, ended
from inventory_assets.words.numbers import UNKNOWN, count
from inventory_assets.words.text import clean, listed, name, sentence
from inventory_assets.words.times import moment

SHOWN_CHANGES = 12
SHOWN_RULES = 10
# Of an incident: it names a shelf and a transaction.
MAX_TITLE = 300
_STEP_WORDS = {"new": "new", "worse": "got worse", "better": "got better", "over": "over"}


def incidents_section(found: Sequence[OpenIncident]) -> list[Section]:
    """What concerns many shelves at once; no section where there is nothing."""
    if not found:
        return []
    rows = [
        [
            Cell(sentence(clean(each.title, MAX_TITLE)), "", "bad" if each.priority == "CRITICAL" else "warn"),
            Cell(moment(each.opened_at), "new" if each.is_new else ""),
            Cell(each.priority.lower()),
        ]
        for each in found[:SHOWN_RULES]
    ]
    columns = columns_of("What", "Since", "Severity")
    table = Table(columns, rows, len(found) - len(rows), "incidents.csv")
    return [Section("incidents", "Bigger than one shelf", [], [table], csv="incidents.csv")]


def changes_section(report: Nightly) -> Section:
    """What changed since the last report, or where there is none, since the day began."""
    earlier = report.basis.earlier
    steps = Counter(each.step for each in report.changes)
    since = (
        "There is no earlier report to compare with; this is since the day began."
        if earlier is None
        else f"Since the report of {earlier.key}, which read version {earlier.version:,}."
    )
    parts = [f"{steps[step]:,} {words}" for step, words in _STEP_WORDS.items() if steps[step]]
    lines = [since, sentence(f"shelves with an alert: {listed(parts)}") if parts else "No shelf's alert has changed."]
    tables = []
    for title, wanted in (("New and worse", ("new", "worse")), ("Better and over", ("better", "over"))):
        chosen = [each for each in report.changes if each.step in wanted]
        if chosen:
            tables.append(_changes_table(title, chosen))
    if report.threshold_changes:
        tables.append(_rules_table(report.threshold_changes))
    else:
        lines.append("No threshold was changed.")
    return Section("changed", "What changed", lines, tables, csv="changes.csv" if report.changes else "")


def _changes_table(title: str, found: Sequence[ShelfChange]) -> Table:
    def before(each: ShelfChange) -> str:
        return "" if each.available_before is None else f"{each.available_before:,} → "

    columns = columns_of("Product", "Warehouse", "Was", "Is now", "#Available")
    rows = [
        [
            Cell(name(each.product), "" if each.sku == each.product else name(each.sku)), Cell(name(each.warehouse_id)),
            Cell(_condition(each.condition_before), tone="quiet"),
            Cell(_condition(each.condition_now),
                 ended(each.reason),
                 "bad" if each.condition_now == "STOCKOUT" else "good" if each.condition_now is None else "warn"),
            Cell(before(each) + count(each.available_now)),
        ]
        for each in found[:SHOWN_CHANGES]
    ]  # fmt: skip
    return Table(columns, rows, len(found) - len(rows), "changes.csv", f"{title}: {len(found):,}")


def _condition(code: str | None) -> str:
    return "fine" if code is None else CONDITIONS.get(code, name(code))


def _rules_table(found: Sequence[ThresholdChange]) -> Table:
    columns = columns_of("Threshold", "Change", "By", "Why", "When")
    rows = [
        [
            Cell(name(each.scope), each.action), Cell(name(each.change) or UNKNOWN), Cell(name(each.author or UNKNOWN)),
            Cell(name(each.reason or "no reason given"), tone="" if each.reason else "quiet"),
            Cell(moment(each.changed_at)),
        ]
        for each in found[:SHOWN_RULES]
    ]  # fmt: skip
    return Table(columns, rows, len(found) - len(rows), "threshold_changes.csv", f"Thresholds changed: {len(found):,}")
