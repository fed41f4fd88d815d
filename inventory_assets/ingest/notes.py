"""Versions that change nothing kept warm: who delivers, judges or reports writes them beside the bursts."""

from collections.abc import Callable
from typing import Protocol

from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.retries import try_again, with_retries
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.transaction import Lake, LakeTransaction

STALE_TRIES = 20


class Notes(Protocol):
    """Something that makes a version which changes no stock: the engine, or `LakeNotes`."""

    def commit_note(self, stage: Stage, write: Callable[[LakeTransaction], object]) -> int:
        """Make the version; its number."""
        ...


class LakeNotes:
    """A writer that keeps no warm state."""

    def __init__(self, lake: Lake, code_version: str) -> None:
        self._lake = lake
        self._code_version = code_version

    def commit_note(self, stage: Stage, write: Callable[[LakeTransaction], object], run_id: str = "") -> int:
        """Make the version, on whatever version is the latest."""

        def attempt() -> int:
            # With the journal's head held: who reads first and then waits is always behind whom it waited for.
            with self._lake.committing():
                watermark = self._lake.watermark()
                with self._lake.transaction(
                    watermark, stage=stage, run_id=run_id, code_version=self._code_version
                ) as transaction:
                    write(transaction)
            return watermark.version

        # Stale only while the lake is made anew.
        return try_again(
            lambda: with_retries(attempt),
            when=lambda error: isinstance(error, StaleStateError),
            tries=STALE_TRIES,
            pause=lambda number: 0.5,
        )
