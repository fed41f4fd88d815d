"""Which column is which field: known names, a mapping, and headers that say two things (RULES 40)."""

import pytest

from inventory_assets.domain.publish.columns import ColumnMapping, ColumnsError, choose_columns


def fields(header, mapping=None):
    chosen = choose_columns(header.split(","), mapping)
    return chosen.kind, {field: column for field, _, column in chosen.fields}, [name for name, _ in chosen.extras]


@pytest.mark.parametrize(
    ("header", "kind", "expected", "extras"),
    [
        ("item_id,adjustment,timestamp,warehouse_id", "transaction",
         {"sku": "item_id", "quantity": "adjustment", "timestamp": "timestamp", "warehouse_id": "warehouse_id"}, []),
        ("SKU,Store ID,Qty,Date,colour", "transaction",
         {"sku": "SKU", "warehouse_id": "Store ID", "quantity": "Qty", "timestamp": "Date"}, ["colour"]),
        ("sku,Item,warehouseId,stock,date", "level",
         {"sku": "sku", "warehouse_id": "warehouseId", "current_stock": "stock", "last_updated": "date"}, ["Item"]),
        ("sku,wh,current_stock,last_updated,timestamp", "level",
         {"sku": "sku", "warehouse_id": "wh", "current_stock": "current_stock", "last_updated": "last_updated"},
         ["timestamp"]),
        ("transaction_id,transaction_type,status,sku,warehouse_id,quantity,timestamp,current_stock", "transaction",
         {name: name for name in ("transaction_id", "transaction_type", "status", "sku", "warehouse_id", "quantity",
                                  "timestamp")}, ["current_stock"]),
    ],
)  # fmt: skip
def test_known_names_say_what_a_column_is(header, kind, expected, extras):
    assert (kind, expected, extras) == fields(header)


@pytest.mark.parametrize(
    ("header", "mapping", "said"),
    [
        ("sku,wh,qty,stock", None, "both a quantity"),
        ("item,article,wh,qty", None, "'item' and 'article' may both be the sku"),
        ("sku,wh,qty,location", None, "'wh' and 'location' may both be the warehouse_id"),
        ("sku,qty,time", None, "no column is the warehouse_id"),
        ("name,wh,qty", None, "no column is the sku"),
        ("sku,wh,quantitty", None, "near quantity"),
        ("sku,wh,qty,namespace,operation", None, "another kind of message"),
        ("a,b", ColumnMapping({"sku": "a", "quantity": "c"}), "'c', which the header lacks"),
        ("a,b", ColumnMapping({"sku": "a", "quantity": "b"}), "no column is the warehouse_id"),
        ("a,b", ColumnMapping({"sku": "a", "quantity": "b", "reserved_stock": "b"}, {"warehouse_id": "W"}), "no field"),
        ("a,b", ColumnMapping({"sku": "a"}, {"warehouse_id": "W"}), "no column is a quantity"),
        ("sku,qty", ColumnMapping({}, {"warehouse_id": "W", "brand_id": "B"}), "'brand_id' is no field"),
    ],
)
def test_a_header_that_says_two_things_or_none_is_refused(header, mapping, said):
    with pytest.raises(ColumnsError, match=said):
        choose_columns(header.split(","), mapping)


def test_the_default_warehouse_is_of_a_file_without_one():
    """RULES 41. Where there is a column, a row that has none says nothing, and is refused."""
    assert {"warehouse_id": "W9"} == choose_columns(["sku", "qty"], None, "W9").constants
    assert {} == choose_columns(["sku", "qty", "wh"], None, "W9").constants


def test_a_mapping_alone_decides():
    """What it does not name is left out: it might mean anything."""
    mapping = ColumnMapping({"sku": "b", "quantity": "a", "timestamp": "sku"}, {"warehouse_id": "W"})

    assert ("transaction", {"sku": "b", "quantity": "a", "timestamp": "sku"}, []) == fields("a,b,sku,document", mapping)
