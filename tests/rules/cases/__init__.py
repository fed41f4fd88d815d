"""Hand-computed cases for RULES 8-30, one module per module of the product that decides them.

Belongs here: documents in, expected facts out, every number worked out by hand in the comment
beside it. The test of the product's module plays them; the oracle plays all. Does not: anything
that computes an expectation.
"""

from tests.rules.cases import (
    alert,
    cooldown,
    dedupe,
    evaluate,
    fold,
    hierarchy,
    parse,
    parse_threshold,
    process,
    resolve,
    rollup,
    rules,
)

MODULES = (
    parse,
    parse_threshold,
    dedupe,
    fold,
    hierarchy,
    rollup,
    resolve,
    process,
    rules,
    evaluate,
    cooldown,
    alert,
)
CASES = [case for module in MODULES for case in module.CASES]
