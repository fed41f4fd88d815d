"""Play steps to an engine, the product or the oracle, and read off what a case speaks of."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.rules.case import PUBLISHED, Case, Committed, Sweep, Velocities, message
from tests.rules.reading import Message, Rejected, read_event


def hand_computed(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test once a case, under the case's name."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def play(engine: Any, steps: list) -> list[tuple[str, str | None]]:
    """Play bursts, sweeps and velocities; outcomes in arrival order."""
    outcomes = []
    for step in steps:
        if isinstance(step, Sweep):
            engine.sweep(datetime.fromisoformat(step.now))
        elif isinstance(step, Velocities):
            engine.velocities(step.date, step.units_per_day)
        elif isinstance(step, Committed):
            messages = [message(document) for document in step.documents]
            outcomes += engine.burst(messages, committed_at=datetime.fromisoformat(step.at))
        else:
            messages = [message(document) for document in step]
            outcomes += engine.burst(messages, committed_at=newest_time(messages))
    return outcomes


def newest_time(messages: list[Message]) -> datetime:
    """The time of the newest stock event: a sweep after it then judges as of its own clock (RULE 28)."""
    times = []
    for each in messages:
        try:
            event = read_event(each)
        except Rejected:
            continue
        times += [event.at] if event.keys else []
    return max(times, default=PUBLISHED)


def facts(make: Callable[..., Any], case: Case) -> dict[str, Any]:
    """What an engine makes of a case, in the shape of `Case.facts` and no more than it names."""
    engine = make(
        products=case.products,
        velocity=case.velocity,
        default_min=case.default_min,
        default_reorder=case.default_reorder,
        grace_minutes=case.grace_minutes,
    )
    outcomes = play(engine, case.steps)
    found: dict[str, Any] = {
        "states": {key: _named(expected, engine.states()[key]) for key, expected in case.states.items()},
        "rollups": {node: _named(expected, engine.rollups().get(node)) for node, expected in case.rollups.items()},
        "resolved": {key: _named(expected, engine.resolved(*key)) for key, expected in case.resolved.items()},
        "transitions": {
            key: [spell(t) for t in engine.transitions() if (t["warehouse_id"], t["sku"]) == key]
            for key in case.transitions
        },
    }
    if case.outcomes is not None:
        found["outcomes"] = [reason or outcome for outcome, reason in outcomes]
    if case.alerts is not None:
        alerts = engine.alerts()
        # One too many shows whole.
        named = [_named(expected, alert) for expected, alert in zip(case.alerts, alerts, strict=False)]
        found["alerts"] = named + alerts[len(case.alerts) :]
    return found


def spell(transition: dict) -> str:
    """`<type> <transition> <reason> <time of day>[ late]`, as the cases write them."""
    clock = transition["at"][11:16]
    parts = [transition["alert_type"], transition["transition"], transition["reason"], clock]
    return " ".join([*parts, "late"] if transition["is_late"] else parts)


def _named(expected: dict | None, actual: dict | None) -> dict | None:
    if expected is None or actual is None:
        return actual
    return {name: actual[name] for name in expected}
