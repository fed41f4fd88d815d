"""`inventory publish`: people's files as messages, row by row or line by line."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from inventory_assets.addresses import listens
from inventory_assets.clock import machine_microseconds
from inventory_assets.commands.output import format_option, notes
from inventory_assets.commands.run.outgoing import opened
from inventory_assets.commands.run.preview import checked, preview, say_left_out
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.domain.values import InvalidValue, format_time, read_time
from inventory_assets.given_text import GivenFileError
from inventory_assets.ingest.meaning import meaning_of, parsing_of
from inventory_assets.messaging.errors import MessagingError, PublishError
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.messaging.topology import load_topology
from inventory_assets.publishing.asked import EnvelopeError, asked_envelope
from inventory_assets.publishing.delimited import plan_messages, read_delimited
from inventory_assets.publishing.lines import judged, read_messages
from inventory_assets.publishing.mapping import FileFormat, of_opening_stock, read_mapping
from inventory_assets.publishing.rows import Order, plan_rows
from inventory_assets.publishing.send import Progress, send
from inventory_assets.publishing.table import read_table
from inventory_assets.settings import Settings, emulator_host, load_settings

_ROW_FORMATS = ("csv", "tsv", "state", "protobuf")
_OF_MESSAGES = ("--as", "--skip-bad")


@click.command()
@click.argument("file", type=click.Path(exists=True, allow_dash=True, dir_okay=False))
@click.option("--topic", required=True, help="Short name of the topic.")
@click.option("--format-in", type=click.Choice(["json", "csv", "tsv", "state", "messages", "protobuf"]), default="json",
              show_default=True, help="json: one message a line, as is; with --as or --map, an object a line. "
              "csv, tsv: a header, then rows. state: one JSON object of SKUs and their stock. "
              "messages: lines of {topic, data, attributes, ordering_key}. protobuf: binary events of the "
              "schema, each behind its length.")  # fmt: skip
@click.option("--as", "as_", type=click.Choice([str(each) for each in Envelope]),
              help="How rows are said.  [default: what the topic's schema asks, else r0]")  # fmt: skip
@click.option("--map", "map_", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A TOML file: which column is which field, constants, how the file is written.")  # fmt: skip
@click.option("--delimiter", help="Between cells: , ; | or tab.  [default: found in the header]")
@click.option("--encoding", help="Of a file that is no UTF-8, as windows-1252.")
@click.option("--zone", help="Of times without one, as Europe/Berlin or +02:00.  [default: UTC]")
@click.option("--thousands", help="The sign between groups of three digits, if the file writes one.")
@click.option("--decimal", help="The sign before a fraction, if the file writes one.")
@click.option("--time", "time_", help="Of rows without a time, as 2026-01-31T08:00:00Z.")
@click.option("--skip-bad", is_flag=True, help="Publish the good rows of a file that has bad ones.")
@click.option("--dry-run", is_flag=True, help="Only show what each row would become, and what is wrong.")
@click.option("--again", is_flag=True, help="From the beginning, also where an earlier try was cut off.")
@format_option
def publish(
    file: str, topic: str, format_in: str, as_: str | None, map_: Path | None, delimiter: str | None,
    encoding: str | None, zone: str | None, thousands: str | None, decimal: str | None, time_: str | None,
    skip_bad: bool, dry_run: bool, again: bool, format_: str,
) -> None:  # fmt: skip
    """Publish FILE (or - for standard input), one message a line or row; empty lines are skipped.

    Of rows, nothing is published while one is wrong, unless --skip-bad says so. The same command again goes on where
    a try was cut off. Exit 0: published, or with --dry-run nothing is wrong; 1: a row is wrong or the broker failed;
    2: the command was.
    """
    names = {spec.name for spec in load_topology().topics}
    if topic not in names:
        raise click.UsageError(f"--topic was {topic!r}; expected one of {', '.join(sorted(names))}.")
    said = FileFormat(delimiter=delimiter, encoding=encoding, zone=zone, thousands=thousands, decimal=decimal)
    of_rows = {"--as": as_, "--map": map_, "--time": time_, "--skip-bad": skip_bad or None}
    of_rows |= {f"--{name}": getattr(said, name) for name in ("encoding", "zone", "thousands", "decimal", "delimiter")}
    given = [name for name, value in of_rows.items() if value is not None]
    settings = load_settings()
    with opened(file, sys.stdin.buffer) as (source, name):
        if format_in not in _ROW_FORMATS and (format_in == "messages" or not given):
            if given:
                raise click.UsageError(f"{given[0]} is for rows, and --format-in messages has none.")
            messages = read_messages(source, name, format_in, topic, names)
            if dry_run:
                now, parsing = machine_microseconds(), parsing_of(meaning_of(settings))
                preview(lambda: judged(messages, now, parsing), name, format_)
            else:
                progress = None
                if source.seekable():
                    progress = Progress.of(settings.home, _digest(source), topic, settings.project, format_in)
                publish_messages(settings, (message for _, message in messages), progress=progress, again=again)
            return
        if format_in == "protobuf" and (strange := [each for each in given if each not in _OF_MESSAGES]):
            raise click.UsageError(f"{strange[0]} is for files of text; messages of the schema say it themselves.")
        mapping, format_of_file = (None, FileFormat()) if map_ is None else read_mapping(map_)
        if format_in == "state":
            mapping = of_opening_stock(mapping)
        written = said.check().over(format_of_file)
        if format_in == "protobuf":
            table = read_delimited(source, name)
        else:
            table = read_table(source, name, format_in, written, mapping)
    envelope, is_binary = _asked_envelope(settings, topic, None if as_ is None else Envelope(as_))
    order = Order(
        topic=topic,
        envelope=envelope,
        is_binary=is_binary,
        now=machine_microseconds(),
        parsing=parsing_of(meaning_of(settings)),
        time=None if time_ is None else _time(time_),
    )
    plan = plan_messages(table, order) if format_in == "protobuf" else plan_rows(table, mapping, written, order)
    if dry_run:
        preview(plan.drafts, name, format_, settings, skip_bad=skip_bad)
        return
    tally = checked(plan.drafts, settings)
    if tally.bad and not skip_bad:
        raise GivenFileError(tally.complaint(name, "nothing published"))
    if tally.bad:
        say_left_out(tally, name)
    asked = (order.topic, order.envelope.value, order.is_binary, order.time, order.parsing.default_warehouse)
    progress = Progress.of(
        settings.home, table.digest, settings.project, *asked, str(mapping), written, sorted(tally.bad)
    )
    good = tally.rows - len(tally.bad)
    publish_messages(settings, plan.messages(tally.bad), progress=progress, again=again, total=good)


def publish_messages(
    settings: Settings,
    messages: Iterable[OutgoingMessage],
    *,
    progress: Progress | None = None,
    again: bool = False,
    total: int | None = None,
) -> int:
    """Publish messages a chunk at a time, each confirmed before the next; how many are, with earlier tries'."""
    if progress is not None and again:
        progress.clear()
    if progress is not None and (before := progress.read()):
        notes.print(
            f"{before:,} messages were confirmed when an earlier try was cut off: going on after them "
            "(--again: from the beginning, as where the broker has lost them).", style="dim",
        )  # fmt: skip
    # Here: a file can be looked at without the engine, and that takes long to load.
    from inventory_assets.wiring import ensure_topics, publisher_of

    ensure_topics(settings)
    of = "" if total is None else f" of {total:,}"
    with publisher_of(settings) as publisher, notes.status("publishing") as status:
        try:
            count = send(
                publisher, messages, progress=progress,
                on_sent=lambda sent: status.update(f"published {sent:,}{of}"),
            )  # fmt: skip
        except PublishError as error:
            if progress is not None and (sent := progress.read()):
                notes.print(f"{sent:,} messages{of} are confirmed; the same command goes on after them.")
            raise error
    notes.print(f"published {count:,} messages", style="green")
    return count


def _digest(source: Any) -> str:
    """Of a file's bytes, from where it stands."""
    start = source.tell()
    digest = hashlib.file_digest(source, "sha256").hexdigest()
    source.seek(start)
    return digest


def _time(text: str) -> str:
    try:
        return format_time(read_time("--time", text))
    except InvalidValue as error:
        raise click.UsageError(f"{error.detail}, as 2026-01-31T08:00:00Z.") from error


def _asked_envelope(settings: Settings, topic: str, said: Envelope | None) -> tuple[Envelope, bool]:
    """(envelope, whether it is binary): as said, or what the topic's schema asks, else documents."""
    host = emulator_host(settings)
    if said in (None, Envelope.PROTOBUF) and host and not listens(host):
        return said or Envelope.DOCUMENT, False  # a file can be looked at without a broker
    try:
        return asked_envelope(settings, topic, said)
    except EnvelopeError as error:
        raise click.UsageError(str(error)) from error
    except MessagingError as error:
        if said is not None:
            raise
        notes.print(f"{error} Rows go out as plain documents.", style="yellow")
        return Envelope.DOCUMENT, False
