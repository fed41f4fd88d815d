"""Numbers that a command is given: each has a range, which its help shows and its refusal names."""

import re
from typing import Any

import click

from inventory_assets.ranges import MAX_PORT, MAX_QUANTITY, SIMULATION_RANGES

_WHOLE = re.compile(r"-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")


def read_plain(text: str) -> int | float | None:
    """A number in plain digits; None for anything else, such as 1_000, nan, or other scripts' digits."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


class Whole(click.IntRange):
    """A whole number from `least` to `most`."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(int(least), int(most))
        self._least, self._most = least, most
        self._expected = f"expected a whole number from {least:,} to {most:,}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        number = read_plain(value.strip()) if isinstance(value, str) else value
        if type(number) is not int or not self._least <= number <= self._most:
            self.fail(f"it was {str(value)[:50]!r}; {self._expected}.", param, ctx)
        return number


class Decimal(click.FloatRange):
    """A number from `least` to `most`."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)
        self._least, self._most = least, most
        self._expected = f"expected a number from {least:,} to {most:,}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        number = read_plain(value.strip()) if isinstance(value, str) else value
        if number is None or not self._least <= number <= self._most:
            self.fail(f"it was {str(value)[:50]!r}; {self._expected}.", param, ctx)
        return float(number)


ROWS = Whole(1, 1_000_000)
"""Rows of a table."""

PORT = Whole(0, MAX_PORT)
"""0 picks a free one."""

VERSION = Whole(1, MAX_QUANTITY)
"""One of the lake's versions; which there are, the lake says."""

WAIT_SECONDS = Decimal(0, 86_400)

RATE = Decimal(*SIMULATION_RANGES["events_per_second"])
"""Messages a second of the simulated retailer."""
