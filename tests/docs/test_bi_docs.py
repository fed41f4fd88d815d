"""The notebook of `docs/bi.md` answers: its cells run in order, in one namespace, as Jupyter runs them."""

import ast
import json
import os
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.marts import attach_marts
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.make import refresh_plan
from tests.builders import level, messages, rule, transaction
from tests.docs.markdown import ROOT, blocks

NOTEBOOK = ROOT / "examples" / "stock.ipynb"
DOCUMENT = ROOT / "docs" / "bi.md"


def cells() -> dict[str, str]:
    """The code of the notebook's cells, by id, in order."""
    notebook = json.loads(NOTEBOOK.read_text())
    return {each["id"]: "".join(each["source"]) for each in notebook["cells"] if each["cell_type"] == "code"}


@pytest.fixture
def answers(monkeypatch):
    """Run the notebook on a home; what each cell shows: its last line's value, rows where it is a relation."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def run_(home: Path) -> dict[str, Any]:
        monkeypatch.setenv("INVENTORY_HOME", str(home))
        namespace: dict[str, Any] = {}
        return {name: _shown(code, namespace) for name, code in cells().items()}

    return run_


def _shown(code: str, namespace: dict[str, Any]) -> Any:
    *before, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), namespace)
    value = eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), namespace)
    return value.fetchall() if hasattr(value, "fetchall") else value


def _trade(engine) -> None:
    engine.commit_burst(messages(rule(10, 20), level(100), level(50, sku="=S'2", warehouse_id="W/2")))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))
    engine.land()
    refresh_plan(engine, LakeReader(engine.settings), date(2022, 4, 21), PLAN_DEFAULTS)


def test_every_cell_answers(answers, open_filled, settings, home):
    engine = open_filled(_trade)
    engine.land()
    writer = open_duckdb(settings, "ducklake")
    attach_marts(writer, settings, read_only=False)
    # As the mart has them; `tests/marts/test_queries.py` asks the real one.
    writer.execute(
        "CREATE TABLE marts.main.fill_rates AS SELECT 'W' AS warehouse_id, 200 AS judged_units, 1 AS short_units"
    )
    writer.close()

    shown = answers(home)

    assert [1, 1] == [skus for _, skus, *_ in shown["stock-by-warehouse"]]
    assert [(date(2022, 4, 20), 1, 0, 1)] == shown["alerts-by-day"]
    assert [("W", 200, 1, 99.5)] == shown["fill-rate"]
    assert [(date(2022, 4, 21), 5)] == [(day, on_hand) for day, _, _, on_hand, *_ in shown["one-sku"]]
    assert all(units > 0 for _, _, units, *_ in shown["plan-by-supplier"]) and shown["plan-by-supplier"]


def test_a_lake_without_an_alert_or_marts_says_so(answers, open_filled, home):
    def stocked(engine) -> None:
        engine.commit_burst(messages(level(10**12)))

    open_filled(stocked)

    shown = answers(home)

    assert 10**12 == shown["stock-by-warehouse"][0][2]
    assert "inventory marts build" in shown["fill-rate"]
    assert "No alert has been opened yet." == shown["one-sku"]
    assert [] == shown["plan-by-supplier"]


def test_the_notebook_is_kept_without_answers():
    """They are somebody's numbers, and a change of them is no change of the notebook."""
    found = json.loads(NOTEBOOK.read_text())["cells"]

    assert 6 <= len(cells()) <= 8
    assert [] == [each["id"] for each in found if each.get("outputs") or each.get("execution_count")]


def test_the_document_asks_for_the_release_that_the_product_has():
    code = "\n".join(block.code for block in blocks(DOCUMENT))
    requirement = re.search(r'"duckdb==([\d.]+)"', (ROOT / "pyproject.toml").read_text())

    assert requirement is not None
    assert {requirement[1]} == set(re.findall(r"duckdb(?:-cli)?==([\d.]+)", code))
