"""What somebody may do, and why somebody may not.

Here: scopes, warehouses, refusals. Not here: how a token is written (`tokens`), how often it may ask (`limiter`),
where tokens are kept (`inventory_assets.access`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token is for; each implies those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_IMPLIED = {each: frozenset(list(Scope)[: place + 1]) for place, each in enumerate(Scope)}


class Reason(StrEnum):
    """Why somebody is refused: for the audit and the log, never for an answer."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SCOPE = "scope"
    WAREHOUSE = "warehouse"
    RATE = "rate"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not.

    Attributes:
        status: Of the answer: 401, 403, 429 or 503.
        reason: Not for the answer: which of them it was would tell who guesses what they hit.
        detail: What to answer; the same for every token that is not good.
        retry_after: Whole seconds to wait, where waiting helps.
    """

    status: int
    reason: Reason
    detail: str
    retry_after: int | None = None


def implied_by(*scopes: Scope) -> frozenset[Scope]:
    """These scopes, with all that they imply."""
    return frozenset().union(*(_IMPLIED[each] for each in scopes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one token allows, for as long as it is good.

    Attributes:
        name: The token's, as its maker chose it: who to name as author.
        scopes: With all that they imply.
        warehouses: These only; None is all, those to come too.
        token_id: The token's; "" of one that is in no store.
        rate, burst: Requests a second, and how many at once; None is no limit.
    """

    name: str
    scopes: frozenset[Scope]
    warehouses: frozenset[str] | None = None
    token_id: str = ""
    rate: float | None = None
    burst: int = 1

    def has(self, scope: Scope) -> bool:
        """Whether it allows this somewhere: what a door asks before it is known which warehouse is meant."""
        return scope in self.scopes

    def may(self, scope: Scope, warehouse: str | None = None) -> bool:
        """Whether it allows this in a warehouse; without one, of what is of no single one, so of all of them.

        Who forgets to name the warehouse refuses a token of some, and lets nobody in who should not be.
        """
        return scope in self.scopes and (self.warehouses is None or warehouse in self.warehouses)

    def refusal(self, scope: Scope, warehouse: str | None = None) -> Refusal | None:
        """Why it does not allow this, as `may`; None where it does."""
        if scope not in self.scopes:
            return Refusal(
                403, Reason.SCOPE,
                f"this needs a token of scope {scope.value}; {self.name!r} has {self.widest.value}. "
                f"Make one: inventory tokens make NAME --scope {scope.value}",
            )  # fmt: skip
        if self.may(scope, warehouse):
            return None
        where = "all warehouses" if warehouse is None else f"warehouse {warehouse!r}"
        return Refusal(
            403, Reason.WAREHOUSE,
            f"this is of {where}, and {self.name!r} is for {_few(self.warehouses or frozenset())} only. "
            "Ask for one of those, or use a token without --warehouse.",
        )  # fmt: skip

    @property
    def widest(self) -> Scope:
        """The scope that implies its others."""
        return next(each for each in reversed(Scope) if each in self.scopes)


def _few(names: frozenset[str], most: int = 5) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(repr, listed[:most])) + more
