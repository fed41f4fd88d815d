"""What `inventory run` does with the demo: chooses it, rests its clock, and says how it goes.

Not here: what the demo is (`inventory_assets.demo`), its process (`trader`).
"""

from datetime import datetime

import click
import duckdb
import msgspec

from inventory_assets.clock import clock_of, machine_now, set_clock
from inventory_assets.commands.output import notes
from inventory_assets.demo.retailer import (
    SPEED,
    Progress,
    Retailer,
    incidents_path,
    new_retailer,
    read_progress,
    read_retailer,
    write_retailer,
)
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.counts import has_versions
from inventory_assets.settings import Settings
from inventory_assets.words import times

# What is built within two minutes on two cores; a busier retailer has a shorter past.
MOST_PAST_MESSAGES = 350_000
# Thirteen weeks: what nobody bought in them is dead stock, which takes 90 days.
HISTORY_DAYS = 91

OWN_DATA = """\
no demo: this product waits for your messages.
  stock levels   → inventory-updates-topic        transactions → inventory-transactions-topic
  rules          → thresholds-topic               all of these → inventory-topic
  CloudEvents    → inventory-topic                service events → inventory-events
in another terminal, for example:
  echo '{"sku": "MUG-1", "warehouse_id": "WH-1", "current_stock": 40, "min_threshold": 50, \
"last_updated": "%s"}' | .venv/bin/inventory publish - --topic inventory-updates-topic
  echo '{"specversion": "1.0", "id": "1", "source": "/wms", "type": "warehouse.stock.adjusted", \
"data": {"sku": "MUG-1", "warehouse_id": "WH-1", "quantity_change": -40}}' \
| .venv/bin/inventory publish - --topic inventory-topic
  .venv/bin/inventory alerts\
"""


def choose_retailer(settings: Settings, *, skus: int, warehouses: int, rate: float) -> Retailer | None:
    """The home's retailer, or a new one in a home without data; None where the data are the user's own.

    Args:
        settings: Of the home.
        skus, warehouses: Of a new one.
        rate: Messages a real second of a new one.
    """
    known = read_retailer(settings)
    if known is not None:
        return known
    if _has_data(settings):
        notes.print(
            f"the data in {str(settings.home)!r} are no demo's, so none is begun there. "
            "For a demo: INVENTORY_HOME=/some/other/place make run",
            style="yellow",
        )
        return None
    per_day = rate * 86_400 / SPEED
    retailer = new_retailer(
        now=machine_now(), skus=skus, warehouses=warehouses, messages_per_day=per_day,
        history_days=max(1, min(HISTORY_DAYS, int(MOST_PAST_MESSAGES / per_day))),
    )  # fmt: skip
    settings.home.mkdir(parents=True, exist_ok=True)
    write_retailer(settings, retailer)
    return retailer


def refuse_demo(settings: Settings) -> None:
    """Refuse a home with a demo to who wants none: his data and the demo's would be one stock, by the demo's clock.

    Raises:
        click.ClickException: It has one.
    """
    if read_retailer(settings) is not None:
        raise click.ClickException(
            f"{str(settings.home)!r} has a demo in it; without one, the product starts on your own data alone. "
            "Choose another home: INVENTORY_HOME=/some/other/place make run DEMO=0"
        )


def _has_data(settings: Settings) -> bool:
    try:
        return has_versions(LakeReader(settings))
    except (LakeError, duckdb.Error):
        return False


def describe(retailer: Retailer) -> str:
    """What the retailer is, for the first lines."""
    size = f"{retailer.skus:,} SKUs in {retailer.warehouses} warehouses, a day in ten minutes"
    if retailer.shown is None:
        return f"{size}; its past of {times.day_count(retailer.history_days)} is built first"
    return f"{size}; goes on at {_moment(retailer.shown)}"


def rest_clock(settings: Settings) -> None:
    """Set the demo's clock to where the retailer is, at our pace: until he trades, its days must not pass."""
    retailer = read_retailer(settings)
    if retailer is not None:
        set_clock(settings, shown=retailer.shown or retailer.opens_at, speed=1)


def stop_clock(settings: Settings) -> None:
    """Note what the demo's clock shows, so that the next start goes on from there."""
    retailer = read_retailer(settings)
    if retailer is not None and retailer.shown is not None:
        shown = max(retailer.shown, clock_of(settings).now())
        write_retailer(settings, msgspec.structs.replace(retailer, shown=shown))
        set_clock(settings, shown=shown, speed=1)


class DemoLines:
    """What there is to say of the demo, each thing once."""

    def __init__(self, settings: Settings, retailer: Retailer) -> None:
        self._settings = settings
        self._is_built = retailer.shown is not None
        self._said: Progress | None = None
        self._place = _size_of(settings)

    def new(self) -> list[str]:
        """What is new since the last call: how far the past is, what goes wrong in the shop."""
        return [*self._progress(), *self._incidents()]

    def moment(self) -> str:
        """The demo's time, and how fast it goes."""
        clock = clock_of(self._settings)
        pace = "a day in ten minutes" if clock.speed > 1 else "as fast as ours"
        return f"{_moment(clock.now())}, {pace}" if self._is_built else ""

    def _progress(self) -> list[str]:
        if self._is_built:
            return []
        progress = read_progress(self._settings)
        if progress is None or progress == self._said:
            return []
        self._said = progress
        found = [f"history: {progress.day} of {progress.days} days, {progress.messages:,} events"]
        if progress.day == progress.days:
            self._is_built = True
            found.append("history is built; the retailer trades, a day in ten minutes")
        return found

    def _incidents(self) -> list[str]:
        try:
            with incidents_path(self._settings).open("rb") as file:
                file.seek(self._place)
                # A line that is being written is read by the next look.
                *lines, _ = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        self._place += sum(len(line) + 1 for line in lines)
        told = [msgspec.json.decode(line) for line in lines]
        return [f"{_moment(datetime.fromisoformat(each['at']))}  {each['text']}" for each in told]


def _size_of(settings: Settings) -> int:
    try:
        return incidents_path(settings).stat().st_size
    except FileNotFoundError:
        return 0


def _moment(at: datetime) -> str:
    return f"{times.day(at)} {at:%H:%M}"
