"""What the converted lines must add up to, counted by DuckDB straight from the file.

Shares nothing with `convert`: the same rules, written a second time in SQL, so that a slip in
either shows.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb

_LINES = """
    with lines as (
        select
            file_row_number as line,
            StockCode as sku,
            InvoiceDate::date as day,
            case
                when StockCode in ('POST', 'DOT', 'M', 'm', 'C2', 'D', 'S', 'B',
                                   'BANK CHARGES', 'AMAZONFEE', 'CRUK')
                    or StockCode like 'gift\\_%' escape '\\' then 'SKIPPED'
                when UnitPrice = 0 then 'ADJUSTMENT'
                when InvoiceNo like 'C%' then 'RETURN'
                when Quantity > 0 then 'ORDER'
            end as type,
            case when UnitPrice = 0 then Quantity else -Quantity end as units
        from read_parquet(?, file_row_number = true)
    ),
    running as (
        select *, sum(units) over (partition by sku order by line) as stock
        from lines
        where type <> 'SKIPPED'
    )
"""


class ExpectedSku(NamedTuple):
    """Units of one SKU: net of all its lines, and the opening stock that just suffices."""

    net_units: int
    opening_units: int


class ExpectedDay(NamedTuple):
    """Units of one day: sold, on hand at its end, and how many SKUs then had none."""

    sold_units: int
    on_hand: int
    empty_skus: int


def lines_by_type(path: Path) -> dict[str, int]:
    """Count lines per transaction type; `SKIPPED` are no goods."""
    query = _LINES + "select type, count(*) from lines group by type order by type"
    return dict(duckdb.connect().execute(query, [str(path)]).fetchall())


def units_by_sku(path: Path) -> dict[str, ExpectedSku]:
    """Sum the lines of each SKU."""
    query = _LINES + (
        "select sku, sum(units)::bigint, greatest(-min(stock), 0)::bigint from running group by sku order by sku"
    )
    rows = duckdb.connect().execute(query, [str(path)]).fetchall()
    return {sku: ExpectedSku(net, opening) for sku, net, opening in rows}


def units_by_type(path: Path) -> dict[str, int]:
    """Sum signed units per transaction type."""
    query = _LINES + "select type, sum(units)::bigint from running group by type order by type"
    return dict(duckdb.connect().execute(query, [str(path)]).fetchall())


def units_by_day(path: Path) -> dict[date, ExpectedDay]:
    """Sum the lines of each day that has one; stock begins with the opening stock."""
    query = (
        _LINES
        + """
        , opening as (select sku, greatest(-min(stock), 0) as units from running group by sku),
        days as (select distinct day from running),
        closing as (
            select days.day, opening.sku,
                opening.units + coalesce((select sum(units) from running r where r.sku = opening.sku
                                          and r.day <= days.day), 0) as on_hand
            from days cross join opening
        ),
        sold as (select day, -sum(units) as units from running where type = 'ORDER' group by day)
        select day, coalesce(any_value(sold.units), 0)::bigint, sum(on_hand)::bigint,
            count(*) filter (on_hand <= 0)
        from closing left join sold using (day) group by day order by day
    """
    )
    return {row[0]: ExpectedDay(*row[1:]) for row in duckdb.connect().execute(query, [str(path)]).fetchall()}


def sold_between(path: Path, first: date, last: date) -> dict[str, int]:
    """Units sold of each SKU in a range of days, both included."""
    query = _LINES + (
        "select sku, -sum(units)::bigint from running where type = 'ORDER' and day between ? and ? group by sku"
    )
    return dict(duckdb.connect().execute(query, [str(path), first, last]).fetchall())
