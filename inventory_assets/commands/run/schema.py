"""`inventory schema show | validate | diff`: files held to a schema, and a schema to what is registered."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from inventory_assets.commands.output import format_option, notes, print_found, written_as_utf8
from inventory_assets.messaging.topology import SchemaSpec, load_topology
from inventory_assets.settings import emulator_host, load_settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# What a terminal is for: the first few say what is wrong with the rest.
MOST_PROBLEMS = 100


@click.group()
def schema() -> None:
    """The schema of events: files held to it, and what is registered."""


@schema.command()
def show() -> None:
    """Print the product's definition, as `gcloud pubsub schemas create` takes it."""
    with written_as_utf8() as out:
        out.write(_packaged().definition)


@schema.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE…")
@click.option(
    "--schema", "schema_file", type=_FILE, help="Hold messages to this .proto file.  [default: the product's]"
)
@click.option("--encoding", type=click.Choice(["json", "binary"]), default="json", show_default=True,
              help="json: one message a line, empty lines skipped. binary: a file is one message.")  # fmt: skip
@format_option
def validate(files: tuple[Path, ...], schema_file: Path | None, encoding: str, format_: str) -> None:
    """Hold the messages in FILEs to the schema; of a .proto FILE, say whether a registry takes it.

    Asks no broker. Exit 1 if anything does not hold.
    """
    # Here, as below: protoc and gRPC take a second, and `--help` needs neither.
    from inventory_assets.messaging.schemas import parsed

    definition = _text(schema_file) if schema_file else _packaged().definition
    held = parsed(definition, str(schema_file or "the product's definition"))
    rows: list[dict[str, Any]] = []
    count = 0
    for path in files:
        for line, problem in _judged(path, held, encoding):
            count += 1
            if problem:
                rows.append({"file": str(path), "line": line, "problem": problem})
    print_found(rows[:MOST_PROBLEMS] if format_ == "table" else rows, format_)
    if rows:
        hidden = f"; the first {MOST_PROBLEMS} are shown" if format_ == "table" and len(rows) > MOST_PROBLEMS else ""
        raise click.ClickException(f"{len(rows):,} of {count:,} do not hold{hidden}. Mend these, then publish.")
    are_messages = any(path.suffix != ".proto" for path in files)
    what = f"hold to {held.message_name}" if are_messages else "are what a registry takes"
    notes.print(f"{count:,} of {count:,} {what}", style="green")


@schema.command()
@click.argument("file", required=False, type=_FILE)
@click.option("--against", type=_FILE, help="Compare with this .proto file, and ask no registry.")
@format_option
def diff(file: Path | None, against: Path | None, format_: str) -> None:
    """Show what would change at the registry with FILE, a .proto  [default: the product's]; changes nothing.

    Exit 1 if a registry would refuse it.
    """
    from inventory_assets.messaging.schemas import compare_texts, compare_with_registered

    spec = _packaged()
    definition = _text(file) if file else spec.definition
    if against:
        changes = compare_texts(_text(against), definition)
        rows = [_row(str(against), change) for change in changes]
        nothing = "no field differs"
    else:
        settings = load_settings()
        found = compare_with_registered(settings.project, spec.name, definition, emulator_host=emulator_host(settings))
        newest = found.revisions[0] if found.revisions else ""
        older = [each for each in found.refused if each[0] != newest] if not found.known_as else []
        rows = [_row(newest, change) for change in found.changes] + [_row(*each) for each in older]
        nothing = f"no field differs from revision {newest} of {spec.name}"
        if not found.revisions:
            nothing = f"{spec.name} is not registered; `inventory topics apply --attach-schemas` would create it"
        elif found.known_as and found.known_as != newest:
            notes.print(f"revision {found.known_as} of {spec.name} is this text; {newest} came after it", style="dim")
    print_found(rows, format_, nothing)
    if any(not row["compatible"] for row in rows):
        raise click.ClickException(
            "a registry refuses this: only optional fields may be added or removed, and none may be edited."
        )


def _row(revision: str, change: Any) -> dict[str, Any]:
    return {"since": revision, "field": change.path, "change": change.what, "compatible": change.is_compatible}


def _packaged() -> SchemaSpec:
    return load_topology().schemas[0]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{str(path)!r} is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error


def _judged(path: Path, held: Any, encoding: str) -> Iterator[tuple[int | None, str]]:
    """Each message of a file, or the definition it is: its line, and what is wrong with it."""
    from inventory_assets.schemas.protobuf import ProtoSchema

    if path.suffix == ".proto":
        yield None, _problem(ProtoSchema, _text(path))
    elif encoding == "binary":
        yield None, _problem(held.check_binary, path.read_bytes())
    else:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _problem(held.check_json, line.rstrip(b"\r\n"))


def _problem(check: Callable[[Any], Any], given: bytes | str) -> str:
    from inventory_assets.schemas.protobuf import ProtoError

    try:
        check(given)
    except ProtoError as error:
        return str(error)
    return ""
