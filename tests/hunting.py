"""How many examples a property is tried on: few in CI, the same ones every time, and many where somebody hunts."""

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("INVENTORY_EXAMPLES", "0"))


def some(examples: int) -> int:
    """How many of a property's examples this run tries: all (`make test-all`), a third, or `INVENTORY_EXAMPLES`.

    The share is the profile's, of which `tests/conftest.py` has two.
    """
    return EXAMPLES or -(-examples * settings.default.max_examples // 100)


def tried(examples: int) -> settings:
    """Settings of a property that is tried on `some` examples, or on new ones."""
    return settings(max_examples=some(examples), derandomize=not EXAMPLES, deadline=None)
