"""A home of its own, a gate whose seconds the test moves, and the home's clock, which it sets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inventory_assets.access.gate import Gate
from inventory_assets.access.store import FILE
from inventory_assets.settings import Settings


@dataclass
class Seconds:
    """Seconds that pass when the test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Door:
    """A gate and its seconds; each look is a new one."""

    settings: Settings
    seconds: Seconds = field(default_factory=Seconds)

    def __post_init__(self) -> None:
        self.gate = Gate(self.settings, monotonic=self.seconds)

    def pass_(self, seconds: float) -> None:
        self.seconds.now += seconds


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Path:
    return settings.home / FILE


@pytest.fixture
def door(settings: Settings) -> Iterator[Door]:
    door = Door(settings)
    yield door
    door.gate.close()


def set_home_clock(settings: Settings, shown: str) -> None:
    """Have the home's clock show a time, at about the machine's pace."""
    path = settings.home / "clock.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"real": "2026-01-01T00:00:00Z", "shown": shown, "speed": 1}))
    fresh.replace(path)
