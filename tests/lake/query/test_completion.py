"""Tables, columns of the tables named, and the words of SQL are completed."""

import pytest

from inventory_assets.lake.query.completion import KEYWORDS, completions
from inventory_assets.lake.query.names import Names, Shown

NAMES = Names({
    name: Shown(name, tuple((column, "VARCHAR") for column in columns))
    for name, columns in {
        "core.sku_state": ("warehouse_id", "sku", "available"), "core.events": ("event_id", "event_at"),
        "core.events_changes": ("event_id",), "marts.stockouts": ("first_date",),
    }.items()
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("SELECT * FROM core.s", "core.s", ["core.sku_state"]),
        ("SELECT * FROM CORE.S", "CORE.S", ["core.sku_state"]),
        ("SELECT * FROM core.sku_state WHERE ava", "ava", ["available"]),
        ("SELECT * FROM core.sku_state s JOIN core.events e USING (sku) WHERE s.wa", "s.wa", ["s.warehouse_id"]),
        ("SELECT * FROM core.events AS e WHERE e.event_", "e.event_", ["e.event_id", "e.event_at"]),
        ("SELECT * FROM core.sku_state WHERE core.sku_state.av", "core.sku_state.av", ["core.sku_state.available"]),
        ("SELECT x.a", "x.a", []),
        ("SELECT * FROM core.ev", "core.ev", ["core.events"]),
        ("SELECT * FROM core.events_", "core.events_", ["core.events_changes"]),
        ("sel", "sel", ["select"]),
        ("SELECT * FROM ma", "ma", ["marts.stockouts", "max"]),
    ],
)
def test_tables_columns_and_words_are_completed(text, word, expected):
    assert expected == completions(text, word, NAMES)


def test_every_word_is_offered_to_who_begins_it():
    assert all(each in completions(each, each[:-1], NAMES) for each in KEYWORDS)
