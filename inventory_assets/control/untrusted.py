"""Hold the alerts of stock that a data check found wrong, and let go of them when it passes again.

Here: from what a check found to commands on `control-topic`, under a source of
the check's own. Not here: the checks (`assets.checks`).
"""

from collections.abc import Iterable, Sequence

from inventory_assets.control.issue import issue
from inventory_assets.domain.alerts.lifecycle import in_force
from inventory_assets.domain.events.kinds import Command
from inventory_assets.ingest.engine import Commit, Engine

SOURCE = "data-quality"

Place = tuple[str, str | None]
"""(warehouse_id, sku); a null SKU is the whole warehouse."""


def source_of(check: str) -> str:
    """In whose name a check holds."""
    return f"{SOURCE}:{check}"


def hold_untrusted(engine: Engine, check: str, places: Iterable[Place], *, now: int) -> list[Commit]:
    """Inhibit what a check found wrong and lift what it holds no longer; nothing where nothing changed.

    Args:
        engine: Where to commit.
        check: The check's name: each holds and lifts its own.
        places: All that it finds wrong now; none where it passes.
        now: Microseconds.
    """
    engine.refresh()
    source = source_of(check)
    held = {_place(command) for command in in_force(engine.state.inhibitions) if command.source == source}
    wrong = set(places)
    bodies = [_command("inhibit", place, source, f"the check {check} failed") for place in _in_order(wrong - held)] + [
        _command("uninhibit", place, source, f"the check {check} passes again") for place in _in_order(held - wrong)
    ]
    return issue(engine, bodies, now=now, origin=SOURCE) if bodies else []


def _place(command: Command) -> Place:
    assert command.warehouse_id is not None  # a check names no other scope
    return command.warehouse_id, command.sku


def _in_order(places: Iterable[Place]) -> Sequence[Place]:
    return sorted(places, key=lambda place: (place[0], place[1] or ""))


def _command(name: str, place: Place, source: str, reason: str) -> dict[str, str]:
    warehouse_id, sku = place
    scope = {"warehouse_id": warehouse_id} | ({} if sku is None else {"sku": sku})
    return {"command": name, **scope, "source": source, "reason": reason, "issued_by": SOURCE}
