"""The retailer trades: its past first where that is not built, then each message when the demo's clock has reached it.

`commands.run.trader` is the process; `inventory run` starts it.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from inventory_assets.clock import clock_of, set_clock
from inventory_assets.demo.builder import build_in_process
from inventory_assets.demo.chunks import Chunk, chunks_of
from inventory_assets.demo.retailer import (
    SPEED,
    DemoError,
    Progress,
    Retailer,
    incidents_path,
    read_retailer,
    retailer_path,
    write_progress,
    write_retailer,
)
from inventory_assets.messaging.client import OutgoingMessage, PubSubPublisher
from inventory_assets.settings import Settings, emulator_host
from inventory_assets.simulator import SimulatedMessage, products_csv
from inventory_assets.simulator.pulse import Pulse

# In one request to the broker; more is due only after a stop.
LOT = 2_000
PAUSE_SECONDS = 0.2


def run(settings: Settings, stop: threading.Event) -> None:
    """Build what of the past is not there, then trade until stopped.

    Raises:
        DemoError: The home has no retailer.
        BuilderError: The past could not be built.
        PublishError: The broker did not take a message; the next run publishes it again.
    """
    retailer = read_retailer(settings)
    if retailer is None:
        raise DemoError(f"{str(retailer_path(settings))!r} was not there; `inventory run` begins a demo.")
    if retailer.shown is None:
        retailer, pulse = _build(settings, retailer)
    else:
        pulse = Pulse(retailer.simulation(), taken=retailer.published)
    assert retailer.shown is not None  # the past is built
    pulse.skip_notes(_count_told(settings))
    set_clock(settings, shown=retailer.shown, speed=SPEED)
    clock = clock_of(settings)
    publisher = PubSubPublisher(settings.project, emulator_host=emulator_host(settings))
    try:
        while not stop.wait(PAUSE_SECONDS):
            now = clock.now()
            tell_notes(settings, pulse, now)
            for reached in publish_due(retailer, pulse, now, lambda lot: publisher.publish(to_outgoing(lot))):
                write_retailer(settings, reached)
    finally:
        publisher.close()


def _build(settings: Settings, retailer: Retailer) -> tuple[Retailer, Pulse]:
    begun, simulation = retailer, retailer.simulation()
    pulses: list[Pulse] = []

    def chunks() -> Iterator[Chunk]:
        # Once the builder has begun: what is there already takes long to pass over, and the loop that takes
        # messages in must not be first.
        pulses.append(Pulse(simulation, taken=begun.published))
        yield from chunks_of(begun, pulses[0])

    for chunk in build_in_process(products_csv(simulation.catalog), chunks()):
        retailer = msgspec.structs.replace(retailer, published=chunk.taken)
        # A kill in between takes in the chunk's messages again: they are duplicates.
        write_retailer(settings, retailer)
        if chunk.messages:
            day = (chunk.messages[-1].event_time - retailer.start_at).days
            write_progress(settings, Progress(max(0, day), retailer.history_days, chunk.taken))
    retailer = msgspec.structs.replace(retailer, shown=retailer.opens_at)
    write_retailer(settings, retailer)
    write_progress(settings, Progress(retailer.history_days, retailer.history_days, retailer.published))
    return retailer, pulses[0]


def publish_due(
    retailer: Retailer, pulse: Pulse, now: datetime, publish: Callable[[list[SimulatedMessage]], object]
) -> Iterator[Retailer]:
    """Publish what is due by `now`, a lot at a time; after each the record of how far it is.

    Who is killed before that is written publishes the lot again: the same messages, so they are duplicates.
    """
    while lot := pulse.take(now, LOT):
        publish(lot)
        yield msgspec.structs.replace(retailer, published=pulse.taken, shown=now)


def tell_notes(settings: Settings, pulse: Pulse, now: datetime) -> None:
    """Add what has gone wrong by `now` to the file that `inventory run` prints from."""
    notes = pulse.notes(now)
    if notes:
        with incidents_path(settings).open("ab") as file:
            file.writelines(
                msgspec.json.encode({"at": note.at, "kind": note.kind, "text": note.text}) + b"\n" for note in notes
            )


def _count_told(settings: Settings) -> int:
    try:
        return incidents_path(settings).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def to_outgoing(messages: list[SimulatedMessage]) -> list[OutgoingMessage]:
    """Messages as they are published."""
    # Without their ordering keys: Pub/Sub takes one key a request, so keys would cost a request a message.
    return [OutgoingMessage(each.topic, each.data, each.attributes) for each in messages]
