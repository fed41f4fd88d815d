"""`inventory thresholds validate | resolve`: what is wrong with the rules, and which one holds."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.output import format_option, limit_option, no_stock_of, notes, print_found, print_rows
from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.ingest.meaning import defaults_of
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import load_settings
from inventory_assets.thresholds.check import conflict_rows, problem_rows, read_rungs
from inventory_assets.thresholds.edits import read_rules
from inventory_assets.thresholds.files import read_rule_file
from inventory_assets.words.numbers import counted


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@limit_option
@format_option
def validate(file: Path | None, limit: int, format_: str) -> None:
    """Find conflicts in the rules, or in a file of them.

    Errors are what an import refuses: two rules for one scope, min above
    reorder, nothing set. Warnings are rules that do not do what they seem to:
    out of every key's reach, disabled in front of an enabled one, for an
    unknown warehouse. Exit 1 on errors, 0 on warnings only.
    """
    rows: list[dict[str, Any]] = []
    places: dict[Scope, str] = {}
    rules: dict[Scope, ThresholdRule] = {}
    together = rules
    if file is not None:
        found = read_rule_file(file)
        rows += problem_rows(found)
        places = {rule.scope: place for place, rule in found.rules}
        rules = {rule.scope: rule for _, rule in found.rules}
    try:
        reader = LakeReader(load_settings())
    except LakeMissingError:
        if file is None:
            raise
        notes.print("there is no lake yet: the file was checked by itself", style="dim")
    else:
        known = {scope: stored.rule for scope, stored in read_rules(reader).items()}
        together = {scope: rule for scope, rule in (known | rules).items() if not rule.is_deleted}
        rows += conflict_rows(reader, together, places if file is not None else None)
    print_found(rows, format_, limit=limit)
    bad = [row["place"] for row in rows if row["severity"] == "error"]
    errors = len(bad)
    checked = len({*places.values(), *bad} if file else together)
    counts = ((checked, "rule"), (errors, "error"), (len(rows) - errors, "warning"))
    notes.print(f"checked: {', '.join(counted(*each) for each in counts)}", style="red" if errors else "green")
    if errors:
        sys.exit(1)


@click.command()
@click.argument("warehouse_id", metavar="WAREHOUSE", shell_complete=ids_of("warehouse"))
@click.argument("sku", shell_complete=ids_of("sku"))
@format_option
def resolve(warehouse_id: str, sku: str, format_: str) -> None:
    """Show which rule holds for a key, and why.

    The whole ladder: what is set at each rung, which rule won, what it hides.

    \b
    inventory thresholds resolve WH-EAST-1 IPHONE13-PRO-256-SILVER
    """
    settings = load_settings()
    reader = LakeReader(settings)
    rungs = read_rungs(reader, warehouse_id, sku, defaults_of(settings))
    if rungs is None:
        raise no_stock_of(warehouse_id, sku)
    rows: list[dict[str, Any]] = [
        {
            "": "→" if rung.is_winner else "", "level": rung.level_type, "id": rung.level_id,
            "warehouse": rung.warehouse_id or "all", "rule": rung.rule, "verdict": rung.verdict,
        }
        for rung in rungs
    ]  # fmt: skip
    if format_ != "table":
        rows = [asdict(rung) for rung in rungs]
    title = f"Which threshold holds for {sku} at {warehouse_id}, most specific first"
    print_rows(rows, format_, title=title, leaving=("id", "warehouse"))
