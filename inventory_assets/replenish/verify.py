"""Derive many lines of plans again: those of one making in one pass over its version (RULES 42)."""

from typing import NamedTuple

import polars as pl

from inventory_assets.domain.events.kinds import Key
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.lake.tables import PLANS
from inventory_assets.replenish.explain import compare_lines, named_skus, read_stock
from inventory_assets.replenish.read import place_of
from inventory_assets.settings import Settings

_MAKING = ["as_of_version", "plan_date", "review_days", "default_service_level", "least_transfer", "season_method",
           "method"]  # fmt: skip


class LineDifference(NamedTuple):
    """A line, and something that is not as it was when it was derived again."""

    line: str
    as_of_version: int
    difference: str


class Verified(NamedTuple):
    """How many lines were derived again, of how many makings, and what differed."""

    lines: int
    makings: int
    differences: list[LineDifference]


def verify_lines(settings: Settings, *, is_past: bool = False, sample: int | None = None, seed: int = 0) -> Verified:
    """Derive the plan's lines again, each from what its own version knew.

    Args:
        settings: Where the lake is.
        is_past: Also the lines that others have come after.
        sample: So many of them, drawn by `seed`; all where there are no more.
        seed: The same seed draws the same lines.
    """
    with history_reader(settings) as reader:
        lines = _draw(reader, PLANS.changes if is_past else PLANS.full_name, sample, seed)
    makings = lines.partition_by(_MAKING, maintain_order=True)
    differences: list[LineDifference] = []
    for making in makings:
        # A reader of its own for each: one that showed an earlier version cannot show another.
        with history_reader(settings) as reader:
            pin_version(reader.connection, making["as_of_version"][0])
            place = place_of(making["as_of_version"][0], named_skus(making))
            found = compare_lines(reader, making, read_stock(reader, place))
        version, line_ids = making["as_of_version"][0], _line_ids(making)
        differences += [LineDifference(line_ids[key], version, text) for key, texts in found.items() for text in texts]
    return Verified(lines.height, len(makings), differences)


def _line_ids(lines: pl.DataFrame) -> dict[Key, str]:
    return {(row[0], row[1]): row[2] for row in lines.select(*PLANS.key, "line_id").iter_rows()}


def _draw(reader: LakeReader, table: str, sample: int | None, seed: int) -> pl.DataFrame:
    # A shelf that has left the plan has a row without a line. Each line's place in the draw is its own,
    # whatever others there are.
    lines = f"SELECT * FROM {table} WHERE line_id IS NOT NULL"
    if sample is not None:
        lines += f" ORDER BY md5(concat_ws(' ', {seed}, line_id, version)), warehouse_id LIMIT {sample}"
    return reader.query(f"SELECT * FROM ({lines}) ORDER BY version, sku, warehouse_id")
