"""Which retailer a home's demo has, and how far it is: `simulator.json`.

Belongs here: what the demo is made from, and the files in which its processes tell each other how
far they are. Not here: the past (`past`), trade (`trade`).
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from inventory_assets.errors import InventoryError
from inventory_assets.settings import Settings
from inventory_assets.simulator import Simulation
from inventory_assets.simulator.settings import trade_settings

SPEED = 144.0
"""A demo's day lasts ten minutes."""

# At its speed it gains on our clock; begun so far behind, it does not catch up within a day.
BEGINS_DAYS_AGO = 150
SEED = 7


class DemoError(InventoryError):
    """The home's demo cannot go on."""


class Retailer(msgspec.Struct, frozen=True, kw_only=True):
    """A demo: equal fields but the last two are equal messages, one by one.

    Attributes:
        start_at: When its history begins.
        history_days: How long that is; trade by the clock begins at its end.
        published: How many of its messages have been taken in, or published.
        shown: What its clock showed then; None while the past is being built.
    """

    seed: int
    skus: int
    warehouses: int
    messages_per_day: float
    start_at: datetime
    history_days: int
    published: int = 0
    shown: datetime | None = None

    @property
    def opens_at(self) -> datetime:
        """When the history ends and trade by the clock begins."""
        return self.start_at + timedelta(days=self.history_days)

    def simulation(self) -> Simulation:
        """Its messages, from the first."""
        return Simulation(
            trade_settings(
                seed=self.seed, skus=self.skus, warehouses=self.warehouses, messages_per_day=self.messages_per_day,
                start_at=self.start_at, history=timedelta(days=self.history_days),
            )
        )  # fmt: skip


class Progress(msgspec.Struct, frozen=True):
    """How far the past is."""

    day: int
    days: int
    messages: int


def new_retailer(
    *, now: datetime, skus: int, warehouses: int, messages_per_day: float, history_days: int, seed: int = SEED
) -> Retailer:
    """A retailer that opens at eight in the morning, long enough before `now`."""
    opens_at = (now.astimezone(UTC) - timedelta(days=BEGINS_DAYS_AGO)).replace(
        hour=8, minute=0, second=0, microsecond=0
    )
    return Retailer(
        seed=seed, skus=skus, warehouses=warehouses, messages_per_day=messages_per_day,
        start_at=opens_at - timedelta(days=history_days), history_days=history_days,
    )  # fmt: skip


def retailer_path(settings: Settings) -> Path:
    """Where a home says which retailer it has."""
    return settings.home / "simulator.json"


def read_retailer(settings: Settings) -> Retailer | None:
    """The home's retailer; None where it has none.

    Raises:
        DemoError: The file says something else.
    """
    path = retailer_path(settings)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Retailer)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DemoError(
            f"{str(path)!r} was no demo's record: {error}. It says how far the retailer is; without it the demo cannot "
            "go on. Put it back, or start afresh in another home: INVENTORY_HOME=/some/other/place make run"
        ) from error


def write_retailer(settings: Settings, retailer: Retailer) -> None:
    """Write the record down, whole or not at all."""
    write_whole(retailer_path(settings), msgspec.json.encode(retailer))


def progress_path(settings: Settings) -> Path:
    """Where the building of the past says how far it is."""
    return settings.home / "demo-progress.json"


def write_progress(settings: Settings, progress: Progress) -> None:
    """Say how far the past is."""
    write_whole(progress_path(settings), msgspec.json.encode(progress))


def read_progress(settings: Settings) -> Progress | None:
    """How far the past is; None where nobody has said."""
    try:
        return msgspec.json.decode(progress_path(settings).read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        return None


def incidents_path(settings: Settings) -> Path:
    """Where what goes wrong is told, a line each."""
    return settings.home / "demo-incidents.jsonl"


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file; who reads it meanwhile sees the old or the new one."""
    partial = path.with_name(f"{path.name}.new")
    partial.write_bytes(data)
    os.replace(partial, path)
