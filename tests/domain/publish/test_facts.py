"""A row's document: what it says, what stands for it where it says nothing (RULES 40)."""

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.publish.cells import CellFormat
from inventory_assets.domain.publish.columns import ColumnMapping, choose_columns
from inventory_assets.domain.publish.facts import FactReader, judge, to_bytes
from inventory_assets.domain.values import InvalidValue
from tests import builders

NOW = 1_650_500_000_000_000


def read(header, cells, *, time=None, **constants):
    columns = choose_columns(header.split(","), ColumnMapping({}, constants) if constants else None)
    return FactReader(columns, CellFormat(), name="file/abc", time=time).read(3, cells.split(","))


def test_a_quantity_is_a_completed_adjustment_of_its_row():
    assert read("sku,wh,qty,time", "0017,W1,-5,2022-04-20T07:00:00Z") == {
        "transaction_id": "file/abc/3", "transaction_type": "ADJUSTMENT", "status": "COMPLETED", "sku": "0017",
        "warehouse_id": "W1", "quantity": -5, "timestamp": "2022-04-20T07:00:00Z",
    }  # fmt: skip


def test_a_stock_is_a_level():
    assert read("sku,stock,time", "S,5,T", warehouse_id="W1") == {
        "sku": "S", "current_stock": 5, "last_updated": "T", "warehouse_id": "W1",
    }  # fmt: skip


def test_a_constant_stands_where_a_cell_is_empty_and_a_default_only_where_a_column_lacks():
    header = "sku,wh,qty,time,transaction_type,status"

    said = read(header, "S,,-5,T,ORDER,", warehouse_id="W9")

    assert ("W9", "ORDER", None) == (said["warehouse_id"], said["transaction_type"], said.get("status"))


def test_a_row_without_a_time_needs_one():
    assert "NOW" == read("sku,wh,qty", "S,W,5", time="NOW")["timestamp"]
    assert "T" == read("sku,wh,qty,time", "S,W,5,T", time="NOW")["timestamp"]
    with pytest.raises(InvalidValue, match="--time"):
        read("sku,wh,qty,time", "S,W,5,")


def test_what_would_be_left_out_of_a_level_is_refused():
    """From a database it is counted and left out (RULES 5); a file can still be mended."""
    good, bad = builders.level(5, lead_time_days="7"), builders.level(5, lead_time_days="x")

    assert 5 == judge("level", good, "abc:3", NOW, ParseSettings()).on_hand
    with pytest.raises(InvalidValue, match="lead_time_days would be left out"):
        judge("level", bad, "abc:3", NOW, ParseSettings())
    with pytest.raises(InvalidValue, match="not valid Unicode"):
        to_bytes({"sku": "\ud800"})
