"""How many examples a property is tried on: few in CI, the same ones every time, and many where somebody hunts."""

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("INVENTORY_EXAMPLES", "0"))


def tried(examples: int) -> settings:
    """Settings of a property: `examples` of them, or `INVENTORY_EXAMPLES` new ones."""
    return settings(max_examples=EXAMPLES or examples, derandomize=not EXAMPLES, deadline=None)
