"""Change threshold rules from here, as messages on `thresholds-topic` would.

Here: what is in force, what a change would do, and its commit. A change is made
of ordinary messages, so it is parsed, recorded, replayed and verified as any
other, and re-evaluates what it touches in its own version. Not here: files
(`files`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import msgspec

from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.thresholds.audit import RuleChange
from inventory_assets.domain.thresholds.changes import RuleEdit, scope_order
from inventory_assets.domain.thresholds.document import name_scope, scope_document, to_document
from inventory_assets.domain.thresholds.resolve import StoredRule
from inventory_assets.domain.values import format_time
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.retries import try_again
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import THRESHOLD_AUDIT, THRESHOLD_RULES
from inventory_assets.lake.transaction import LakeTransaction

# A writer that changes the same rules between our look and our commit: look again.
TRIES = 5

FindEdits = Callable[[Mapping[Scope, StoredRule]], list[RuleEdit]]
"""From the stored rules, what is to change."""


class RuleChangeError(LakeError):
    """A rule could not be changed from here. Nothing was."""


class RulesMovedError(RuleChangeError):
    """Another writer changed the same rules meanwhile. Nothing of ours was written."""


@dataclass(frozen=True, slots=True)
class AlertStep:
    """What a change does to one alert."""

    warehouse_id: str
    sku: str
    alert_type: str
    step: str
    reason: str


@dataclass(slots=True)
class Effect:
    """What a change does: the keys whose limits it changes, per rule, and the alerts it moves."""

    keys: dict[Scope, int] = field(default_factory=dict)
    alerts: list[AlertStep] = field(default_factory=list)

    def count(self, *steps: str) -> int:
        """How many alerts take one of these steps."""
        return sum(alert.step in steps for alert in self.alerts)


def read_rules(reader: Reader) -> dict[Scope, StoredRule]:
    """The rules in force, by scope, the most general first."""
    return {scope: stored for scope, stored in read_stored(reader).items() if not stored.rule.is_deleted}


def choose_rules(reader: Reader, level: str | None, warehouse: str | None, *, muted: bool) -> list[StoredRule]:
    """Of the rules in force those of a level, of a warehouse's own, or disabled."""
    return [
        stored
        for stored in read_rules(reader).values()
        if level in (None, stored.rule.level_type)
        and warehouse in (None, stored.rule.warehouse_id)
        and not (muted and stored.rule.is_enabled)
    ]


def read_stored(reader: Reader) -> dict[Scope, StoredRule]:
    """The latest rule of every scope that ever had one, deleted ones too."""
    decode = msgspec.json.Decoder(StoredRule).decode
    stored = [decode(details) for details in current_rows(reader, THRESHOLD_RULES)["details"]]
    return {each.rule.scope: each for each in sorted(stored, key=lambda each: scope_order(each.rule.scope))}


def read_changes(reader: Reader) -> list[RuleChange]:
    """Every recorded rule change, in order."""
    names = ", ".join(
        f"epoch_us({name}) AS {name}" if name == "changed_at" else name for name in THRESHOLD_AUDIT.columns
    )
    rows = reader.query(f"SELECT {names} FROM {THRESHOLD_AUDIT.full_name} ORDER BY version, seq")
    return [RuleChange(**row) for row in rows.iter_rows(named=True)]


def preview_edits(engine: Engine, edits: Sequence[RuleEdit], *, now: int) -> Effect:
    """Work out what a commit of `edits` would do, exactly, and write nothing."""
    state = engine.state
    messages = _to_messages(engine, edits, author="", reason=None, now=now)
    parsed = parse_burst(messages, engine.meaning.parsing)
    result = process_burst(state, parsed, version=state.version + 1)
    effect = Effect({edit.scope: 0 for edit in edits})
    for key, limits in result.draft.thresholds.changed.items():
        scope: Scope = (limits.level_type, limits.level_id, limits.warehouse_id)
        if scope not in effect.keys:  # a rule above takes over from one that goes
            old = state.thresholds[key]
            scope = (old.level_type, old.level_id, old.warehouse_id)
        effect.keys[scope] = effect.keys.get(scope, 0) + 1
    for key, transition in result.transitions:
        condition = result.changed_alerts[transition.alert_id].condition
        effect.alerts.append(AlertStep(*key, condition, transition.transition, transition.reason))
    return effect


def commit_edits(
    engine: Engine, find: FindEdits, *, author: str, reason: str | None, now: Callable[[], int]
) -> tuple[list[RuleEdit], Commit | None]:
    """Make the changes that `find` finds one version: all of them or none.

    Args:
        engine: The engine.
        find: Called with the rules as they stand; again where another writer was first.
        author, reason: Who and why, for the audit; a rule's own reason is used where `reason` is null.
        now: The time of the change, microseconds.

    Returns:
        (edits, commit): no commit where nothing had to change.

    Raises:
        RuleChangeError: A rule in force is dated after what can be set.
        RulesMovedError: Other writers kept changing the same rules.
    """

    def attempt() -> tuple[list[RuleEdit], Commit | None]:
        edits = find(engine.state.rules)
        if not edits:
            return [], None
        messages = _to_messages(engine, edits, author=author, reason=reason, now=now())
        planned = {edit.scope: engine.state.rules.get(edit.scope) for edit in edits}
        [commit] = engine.commit_burst(messages, stage=Stage.THRESHOLDS, also=partial(_check, engine, planned))
        return edits, commit

    return try_again(attempt, when=lambda error: isinstance(error, RulesMovedError), tries=TRIES)


def _check(engine: Engine, planned: Mapping[Scope, StoredRule | None], transaction: LakeTransaction) -> None:
    """Refuse the commit if the rules are not those the change was made for, or did not all take."""
    for scope, stored in planned.items():
        if engine.state.rules.get(scope) != stored:
            raise RulesMovedError(f"the rule {name_scope(scope)} was changed by another writer; nothing was written")
    applied = transaction.counts.get("applied", 0)
    if applied != len(planned):
        raise RuleChangeError(f"{len(planned) - applied} of {len(planned)} rules would not take; nothing was written")


def _to_messages(
    engine: Engine, edits: Iterable[RuleEdit], *, author: str, reason: str | None, now: int
) -> list[Message]:
    name = f"cli-{uuid4().hex}"
    rules = engine.state.rules
    latest = now + engine.meaning.max_ahead

    def message(number: int, edit: RuleEdit) -> Message:
        body = message_body(edit, rules.get(edit.scope), author=author, reason=reason, now=now, latest=latest)
        return Message(f"{name}-{number}", Topic.THRESHOLDS, now, "", {"source": "cli"}, body)

    return [message(number, edit) for number, edit in enumerate(edits)]


def message_body(
    edit: RuleEdit, stored: StoredRule | None, *, author: str, reason: str | None, now: int, latest: int
) -> bytes:
    """The message of `thresholds-topic` that makes a change after the rule as stored.

    Args:
        edit: What is to change.
        stored: The rule of that scope as it stands, deleted or not.
        author, reason: Who and why, for the audit; without a reason the rule's own.
        now: The time of the change, microseconds.
        latest: The latest time a rule may have, microseconds.

    Raises:
        RuleChangeError: The rule in force is dated after what can be set.
    """
    rule = edit.after
    document = {**scope_document(rule.scope), "deleted": True} if rule.is_deleted else to_document(rule)
    epoch, at = 0, now
    if stored is not None:
        # Latest position wins: of a rule dated ahead, or numbered by a connector, ours must come after.
        epoch, instant, _ = stored.rule.position
        at = max(now, instant + 1)
        if at > latest:
            raise RuleChangeError(
                f"the rule {name_scope(rule.scope)} is dated {format_time(instant)}, and nothing from here can come "
                "after that. Change it where it came from; nothing was written"
            )
    document |= {"updated_at": format_time(at), "updated_by": author, "reason": reason or rule.reason}
    if not epoch:
        return msgspec.json.encode(document)
    return msgspec.json.encode({"source": "cli", "source_epoch": epoch, "operation": "update", "document": document})


def count_keys(reader: Reader, rule: StoredRule) -> int:
    """How many shelves go by a rule."""
    query = "SELECT count(*) FROM core.resolved_thresholds WHERE rule_event_id = ?"
    return reader.query(query, [rule.rule.event_id]).item()
