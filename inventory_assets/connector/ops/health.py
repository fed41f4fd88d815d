"""Judge a connector's vitals: does it live, is it ready, and what is wrong in words.

Here: pure rules. Not here: HTTP (`server`).

Alive and ready differ by what helps: a connector that is not alive is restarted, which mends a stuck
thread and does nothing for a database that is down. Not ready means: tell somebody, do not restart.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from inventory_assets.connector.ops.vitals import Circuit, CircuitState, State, Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something is wrong.

    Attributes:
        lag_seconds: R1's alert policy warns at the same two minutes.
        stall_seconds: The stream's thread waits at most seconds at a time, so minutes mean that it hangs.
        start_seconds: A start opens two connections and reads one record.
        heartbeat_seconds: Three that are 30 s apart may fail.
        token_age_seconds: The heartbeat moves the token on idle collections, too.
    """

    lag_seconds: float = 120.0
    stall_seconds: float = 300.0
    start_seconds: float = 120.0
    heartbeat_seconds: float = 100.0
    token_age_seconds: float = 300.0


class Verdict(NamedTuple):
    """What `judge` found; `reasons` is empty when there is nothing to say."""

    is_alive: bool
    is_ready: bool
    reasons: tuple[str, ...]


def judge(vitals: Vitals, now: datetime, limits: Limits) -> Verdict:
    """Judge one connector."""
    deadly = _deadly(vitals, now, limits)
    troubling = [*_of_state(vitals, now, limits), *_of_circuits(vitals, now), *_of_delay(vitals, now, limits)]
    return Verdict(is_alive=not deadly, is_ready=not deadly and not troubling, reasons=(*deadly, *troubling))


def _deadly(vitals: Vitals, now: datetime, limits: Limits) -> list[str]:
    if vitals.state is State.FAILED:
        return [f"the stream ended for good and the process did not: {vitals.last_error or 'no error is known'}"]
    silent = (now - vitals.last_turn_at).total_seconds()
    # Behind an open circuit it waits for somebody else, and a restart would only begin the wait anew.
    if silent > limits.stall_seconds and not _open(vitals) and vitals.state is not State.STOPPING:
        return [f"the stream's thread has not come round for {silent:.0f} s (limit {limits.stall_seconds:.0f} s)"]
    return []


def _of_state(vitals: Vitals, now: datetime, limits: Limits) -> list[str]:
    if vitals.state is State.STOPPING:
        return ["the connector is stopping"]
    if vitals.state is State.STARTING:
        age = (now - vitals.started_at).total_seconds()
        slow = f"; limit {limits.start_seconds:.0f} s" if age > limits.start_seconds else ""
        error = f"; last error: {vitals.last_error}" if vitals.last_error else ""
        return [f"the connector has been starting for {max(0.0, age):.0f} s{slow}{error}"]
    if vitals.state is State.RECOVERING:
        return [f"the stream is being opened anew after an error: {vitals.last_error or 'unknown'}"]
    return []


def _of_circuits(vitals: Vitals, now: datetime) -> list[str]:
    reasons = []
    for circuit in vitals.circuits:
        if circuit.state is not CircuitState.CLOSED:
            seconds = max(0.0, (now - circuit.since).total_seconds())
            words = "is not asked" if circuit.state is CircuitState.OPEN else "is being tried again"
            reasons.append(
                f"{circuit.dependency} {words} since {seconds:.0f} s (circuit {circuit.state}): "
                f"{circuit.last_error or 'no error is known'}"
            )
    return reasons


def _of_delay(vitals: Vitals, now: datetime, limits: Limits) -> list[str]:
    if vitals.state in (State.STARTING, State.STOPPING, State.FAILED):
        return []
    reasons = []
    # A copy reads the past on purpose: what happens meanwhile waits for its end, and is late then.
    if vitals.state is not State.COPYING:
        if (lag := vitals.lag_seconds) is not None and lag > limits.lag_seconds:
            reasons.append(f"messages are {lag:.0f} s behind the database (limit {limits.lag_seconds:.0f} s)")
        if (age := vitals.token_age_seconds) is not None and age > limits.token_age_seconds:
            reasons.append(
                f"the saved token is {age:.0f} s old (limit {limits.token_age_seconds:.0f} s): "
                "it is lost when the oplog's retention passes it"
            )
    silent = (now - (vitals.last_heartbeat_at or vitals.started_at)).total_seconds()
    if silent > limits.heartbeat_seconds:
        reasons.append(f"no heartbeat was confirmed for {silent:.0f} s (limit {limits.heartbeat_seconds:.0f} s)")
    return reasons


def _open(vitals: Vitals) -> list[Circuit]:
    return [circuit for circuit in vitals.circuits if circuit.state is not CircuitState.CLOSED]
