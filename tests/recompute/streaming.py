"""What bursts write to the derived tables, without a lake; and what the second engine makes of it."""

from typing import Any

import polars as pl

from inventory_assets.ingest.replay import RecordedBurst
from inventory_assets.ingest.verify import derived_frames
from inventory_assets.lake.tables import ROLLUPS, SKU_STATE
from inventory_assets.recompute.run import Recomputed, frames_as_lake, recompute
from inventory_assets.settings import Settings
from tests.rules.playing import play
from tests.rules.product import ProductEngine


class Writer(ProductEngine):
    """The product, with the rows of each of its bursts."""

    def __init__(self, **made_with: Any) -> None:
        self.frames: dict[str, list[pl.DataFrame]] = {}
        super().__init__(**made_with)

    def _process(self, messages, inputs=None, committed_at=0):
        outcomes = super()._process(messages, inputs, committed_at)
        result = self.results[-1]
        # Dead letters are of no concern here: they alone need the messages.
        result.arrivals[:] = [each for each in result.arrivals if each.rejection is None]
        burst = RecordedBurst(self.state.version, [None] * len(result.arrivals), [], {}, inputs)
        for table, rows in derived_frames(burst, result).items():
            self.frames.setdefault(table.changes, []).append(rows)
        return outcomes


def recomputed(settings: Settings, steps: list, **made_with: Any) -> Recomputed:
    """Both engines over a stream, and where they differ."""
    writer = Writer(**made_with)
    play(writer, steps)
    frames = {name: pl.concat(rows, how="vertical_relaxed") for name, rows in writer.frames.items()}
    with frames_as_lake(settings, frames) as made:
        return recompute(made, (SKU_STATE, ROLLUPS), meaning=writer.state.meaning)
