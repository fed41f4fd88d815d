"""A service over a picture of its own."""

import pytest

from inventory_assets.settings import Settings
from tests.api.asking import Served


@pytest.fixture
def served(settings: Settings) -> Served:
    """A service that has loaded nothing yet."""
    return Served(settings)
