"""The retailer's past, taken in by the engine itself in the order of event time.

Belongs here: what is done with a chunk of the past. Not here: how it is cut (`chunks`), the process
that does it (`builder`), nor what is computed from the past alone (snapshots, marts, reports).
"""

from collections.abc import Iterator

from inventory_assets.clock import machine_microseconds
from inventory_assets.demo.chunks import Chunk, chunks_of
from inventory_assets.demo.retailer import Retailer
from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.sweep import sweep
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.incidents import refresh_incidents
from inventory_assets.refresh.products import import_products, read_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.settings import Settings
from inventory_assets.simulator import SimulatedMessage, products_csv
from inventory_assets.simulator.pulse import Pulse


def import_catalog(engine: Engine, settings: Settings, csv: str) -> None:
    """Import the retailer's product data; `csv` as `products_csv` has it."""
    path = settings.home / "simulated-products.csv"
    path.write_text(csv)
    with engine.past():
        import_products(engine, read_products(path))


def take_in(engine: Engine, chunk: Chunk) -> None:
    """Make a chunk versions of the lake. Nobody is told of what it finds: it is history.

    Business incidents are looked for in the end, where all is computed: those that are open then.
    """
    with engine.past():
        if chunk.messages:
            engine.commit_burst(arrived(chunk.messages, chunk.taken - len(chunk.messages)))
        if chunk.night is not None:
            refresh_velocity(engine, chunk.night.date())
            if chunk.with_limits:
                refresh_dynamic(engine, engine.lake, chunk.night.date())
            # What a cooldown held back is told in its day, too, and not when the demo begins.
            sweep(engine, to_microseconds(chunk.night), with_policy=False)
            if chunk.is_last:
                refresh_incidents(engine, to_microseconds(chunk.night))


def arrived(messages: list[SimulatedMessage], first: int) -> list[Message]:
    """The messages as Pub/Sub would hand them over; the first one's number in the whole is `first`.

    They are published now, as those of live trade are: a publish time is the machine's, and by it the pipeline
    judges how long messages take.
    """
    now = machine_microseconds()
    return [
        Message(f"demo-{number}", message.topic, now, "", message.attributes, message.data)
        for number, message in enumerate(messages, first)
    ]


def build_past(engine: Engine, retailer: Retailer, pulse: Pulse) -> Iterator[Chunk]:
    """Build the past in this process; each chunk once it is in. For tests and measurements."""
    import_catalog(engine, engine.settings, products_csv(pulse.simulation.catalog))
    for chunk in chunks_of(retailer, pulse):
        take_in(engine, chunk)
        yield chunk
