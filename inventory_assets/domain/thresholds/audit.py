"""The record of rule changes: who, why, before and after, each chained to the one before it.

Each entry's hash covers its content and the previous hash, so an entry that was
changed, removed or put in later breaks the chain from there on. What a chain
cannot show is that its end was cut off: `find_breaks` takes the rules in force
for that, and a head noted elsewhere shows that the whole was not made anew.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.events.parse_threshold import Scope
from inventory_assets.domain.thresholds.document import document_text, name_scope

GENESIS = "0" * 64
"""The hash before the first entry."""


class RuleChange(msgspec.Struct, frozen=True, gc=False):
    """One change of one rule that took effect.

    `before` and `after` are documents as canonical JSON, null for none.
    `changed_at` is the rule's own time in microseconds; when the lake took it
    in is its version's `committed_at`.
    """

    version: int
    seq: int
    level_type: str
    level_id: str
    warehouse_id: str | None
    action: str
    author: str | None
    reason: str | None
    before: str | None
    after: str | None
    event_id: str
    changed_at: int
    previous_hash: str
    hash: str = ""

    @property
    def scope(self) -> Scope:
        """Which rule changed."""
        return (self.level_type, self.level_id, self.warehouse_id)


def chain_change(
    before: ThresholdRule | None, after: ThresholdRule, *, version: int, seq: int, previous_hash: str
) -> RuleChange:
    """Make the entry that follows `previous_hash`. `seq` counts a version's entries from 0."""
    old, new = document_text(before), document_text(after)
    change = RuleChange(
        version, seq, *after.scope, _action(old, new), after.author, after.reason, old, new,
        after.event_id, after.event_at, previous_hash,
    )  # fmt: skip
    return msgspec.structs.replace(change, hash=hash_change(change))


def _action(before: str | None, after: str | None) -> str:
    if after is None:
        return "deleted"
    if before is None:
        return "created"
    return "restated" if before == after else "changed"


def hash_change(change: RuleChange) -> str:
    """SHA-256 of the compact JSON array of an entry's fields but its own hash."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.astuple(change)[:-1])).hexdigest()


def find_breaks(
    changes: Iterable[RuleChange], in_force: Mapping[Scope, ThresholdRule] | None = None, head: str | None = None
) -> list[str]:
    """Say what is wrong with a chain; nothing where all is well.

    Args:
        changes: All of it, in (version, seq) order.
        in_force: The rules as they stand now, which the last entries must agree with.
        head: A hash noted earlier, which must still be in the chain.
    """
    breaks: list[str] = []
    previous = GENESIS
    latest: dict[Scope, str | None] = {}
    hashes = set()
    for change in changes:
        place = f"version {change.version}, {name_scope(change.scope)}"
        if change.previous_hash != previous:
            breaks.append(f"{place}: an entry is missing: it follows {change.previous_hash[:12]}, not {previous[:12]}")
        if (expected := hash_change(change)) != change.hash:
            breaks.append(f"{place}: its content hashes to {expected[:12]}, {change.hash[:12]} is recorded")
        if change.before != latest.get(change.scope):
            breaks.append(f"{place}: what it changed is not what was set before")
        previous = change.hash
        latest[change.scope] = change.after
        hashes.add(change.hash)
    if in_force is not None:
        breaks += _find_disagreements(latest, in_force)
    if head is not None and head not in hashes:
        breaks.append(f"the noted head {head[:12]} is not in the chain: it was cut, or made anew")
    return breaks


def _find_disagreements(latest: dict[Scope, str | None], in_force: Mapping[Scope, ThresholdRule]) -> list[str]:
    rules = {scope: document_text(rule) for scope, rule in in_force.items()}
    scopes = sorted({*latest, *rules}, key=lambda scope: (scope[0], scope[1], scope[2] or ""))
    return [
        f"{name_scope(scope)}: the rule in force is not what the last entry set"
        for scope in scopes
        if rules.get(scope) != latest.get(scope)
    ]
