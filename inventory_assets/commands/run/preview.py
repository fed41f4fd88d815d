"""Look at rows before they are published: what each would become, what is wrong by line, what contradicts the lake.

Not here: reading them (`publishing`), sending them (`publish`).
"""

from collections.abc import Callable, Iterator
from typing import Any

from inventory_assets.commands.output import notes, print_batches, print_rows
from inventory_assets.commands.run.outgoing import Teller
from inventory_assets.domain.events.kinds import Event, Level, Transaction
from inventory_assets.domain.values import format_time
from inventory_assets.given_text import GivenFileError
from inventory_assets.publishing.rows import MAX_SHOWN, Draft, Tally
from inventory_assets.settings import Settings

Drafts = Callable[[], Iterator[Draft]]

PREVIEW_ROWS = 5_000
COLUMNS = ("line", "becomes", "warehouse_id", "sku", "type", "status", "quantity", "event_time", "message", "problem")
_TABLE = tuple(name for name in COLUMNS if name != "message")


def checked(drafts: Drafts, settings: Settings) -> Tally:
    """Look at every row before any is published, and tell what contradicts what is known."""
    tally = Tally()
    teller = Teller(settings)
    with notes.status("reading") as status:
        for draft in drafts():
            tally.count(draft)
            _take(teller, draft)
            if not tally.rows % PREVIEW_ROWS:
                status.update(f"read {tally.rows:,} rows, {len(tally.bad):,} bad")
    teller.tell()
    return tally


def _take(teller: Teller, draft: Draft) -> None:
    if draft.event is not None:
        own = type(draft.event) is Transaction and draft.event.transaction_id.startswith(("file/", "r4/file/"))
        teller.take(draft.line, draft.event, is_own=own)


def preview(
    drafts: Drafts, name: str, format_: str, settings: Settings | None = None, *, skip_bad: bool = False
) -> None:
    """Show what rows become; exit 1 where one is wrong."""
    tally = Tally()
    teller = None if settings is None else Teller(settings)
    kinds: dict[str, int] = {}

    def counted() -> Iterator[Draft]:
        for draft in drafts():
            tally.count(draft)
            if draft.message is not None:
                kind = _becomes(draft.event)
                kinds[kind] = kinds.get(kind, 0) + 1
            if teller is not None:
                _take(teller, draft)
            yield draft

    if format_ == "table":
        first = [draft for number, draft in enumerate(counted()) if number < MAX_SHOWN]
        print_rows([_row(draft) for draft in first], "table", columns=_TABLE)
    else:
        print_batches(COLUMNS, _batches(counted()), format_)
    if tally.rows > MAX_SHOWN and format_ == "table":
        notes.print(f"the first {MAX_SHOWN} of {tally.rows:,} rows; all of them, with their messages: --format json")
    if teller is not None:
        teller.tell()
    would = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items())) or "nothing"
    notes.print(f"dry run: {tally.rows:,} rows; would be published: {would}", style="dim")
    if tally.bad and skip_bad:
        say_left_out(tally, name)
    elif tally.bad:
        raise GivenFileError(tally.complaint(name, "nothing would be published"))


def say_left_out(tally: Tally, name: str) -> None:
    """Name the bad rows that the others are published without."""
    for line in tally.complaint(name, "left out").splitlines():
        notes.print(line, style="yellow")


def _batches(drafts: Iterator[Draft]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    for draft in drafts:
        batch.append(list(_row(draft).values()))
        if len(batch) == PREVIEW_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _becomes(event: Event | None) -> str:
    return "message" if event is None else event.kind


def _row(draft: Draft) -> dict[str, Any]:
    event = draft.event
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"line": draft.line, "problem": draft.problem or None}
    if draft.message is not None:
        row |= {"becomes": _becomes(event), "message": draft.message.data.decode("utf-8", "backslashreplace")}
    if event is not None:
        row["event_time"] = format_time(event.event_at)
    if isinstance(event, Transaction):
        row |= {"type": event.type, "status": event.status, "quantity": event.quantity}
    elif isinstance(event, Level):
        row["quantity"] = event.on_hand
    if isinstance(event, Transaction | Level):
        row |= {"warehouse_id": event.warehouse_id, "sku": event.sku}
    return row
