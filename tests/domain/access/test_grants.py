"""What a token allows, and what an answer may say."""

import pytest

from inventory_assets.domain.access.grants import Grant, Reason, Scope, implied_by

EVERYWHERE, SOMEWHERE = None, frozenset({"W1", "W2"})


def grant(scope: Scope, warehouses: frozenset[str] | None = None) -> Grant:
    return Grant(name="ci", scopes=implied_by(scope), warehouses=warehouses)


@pytest.mark.parametrize(
    ("scope", "expected"), [("read", ["read"]), ("write", ["read", "write"]), ("admin", ["read", "write", "admin"])]
)
def test_a_scope_implies_those_before_it(scope, expected):
    held = grant(Scope(scope))

    assert expected == [each for each in Scope if held.has(each)]
    assert scope == held.widest


@pytest.mark.parametrize(
    ("warehouses", "warehouse", "expected"),
    [(EVERYWHERE, None, True), (EVERYWHERE, "W9", True), (SOMEWHERE, "W1", True), (SOMEWHERE, "W9", False),
     (SOMEWHERE, None, False), (SOMEWHERE, "", False), (SOMEWHERE, "w1", False)],
)  # fmt: skip
def test_a_token_of_some_warehouses_is_let_into_those_and_to_nothing_of_all(warehouses, warehouse, expected):
    """Who forgets to say which warehouse is meant refuses, and lets nobody see them all."""
    held = grant(Scope.WRITE, warehouses)

    assert expected is held.may(Scope.READ, warehouse)
    assert expected is (held.refusal(Scope.READ, warehouse) is None)
    assert held.has(Scope.READ)
    assert not held.may(Scope.ADMIN, warehouse)


def test_a_refusal_says_what_is_needed():
    scope, where, everywhere = (
        grant(Scope.READ).refusal(Scope.WRITE), grant(Scope.READ, SOMEWHERE).refusal(Scope.READ, "W9"),
        grant(Scope.READ, SOMEWHERE).refusal(Scope.READ),
    )  # fmt: skip

    assert scope and where and everywhere
    assert (403, Reason.SCOPE) == (scope.status, scope.reason)
    assert "needs a token of scope write; 'ci' has read" in scope.detail
    assert (403, Reason.WAREHOUSE) == (where.status, where.reason)
    assert "of warehouse 'W9', and 'ci' is for 'W1', 'W2' only" in where.detail
    assert "of all warehouses" in everywhere.detail


def test_a_refusal_names_a_few_warehouses_only():
    many = grant(Scope.READ, frozenset(f"W{number}" for number in range(1_000)))

    refused = many.refusal(Scope.READ)

    assert refused and "and 995 more only" in refused.detail
