"""Whose time is meant is said where it is asked: the trade's (`clock_of`) or the machine's (`machine_now`)."""

import ast
import re

from tests.house.test_rows import product_modules
from tests.messaging.brokers import REPOSITORY

CLOCK = "inventory_assets/clock.py"
# Folder or module: whose time it asks for itself, and why.
APART = {
    "inventory_assets/connector/": "a service of its own, beside a database with a clock",
    "inventory_assets/emulator/": "somebody else's service",
    "inventory_assets/simulator/": "a witness of its own: it is given the time",
    "inventory_assets/lake/": "commits, locks, retries and ages of files are of the machine; of trade it knows dates",
    "inventory_assets/notify/": "people are told, and servers asked again, by the clock on the wall",
    "inventory_assets/commands/run/messages.py": "begins the simulated trade",
    "inventory_assets/commands/run/simulate_mongo.py": "trades in a database of somebody's",
    "inventory_assets/ingest/engine.py": "the name of a file",
}
# Not `time.monotonic`: it measures, and says no time.
ASKS = re.compile(r"^(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|gmtime|localtime|strftime))$")


def asking(source: str) -> list[int]:
    """The lines that ask the machine for its time."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and ASKS.match(ast.unparse(node))
    ]


def test_nobody_asks_the_machine_where_the_trade_is_meant():
    found = {
        f"{path}:{line}"
        for path in product_modules()
        if str(path) != CLOCK and not str(path).startswith(tuple(APART))
        for line in asking((REPOSITORY / path).read_text())
    }

    assert set() == found


def test_the_pattern_finds_what_it_is_for():
    asked = (
        "a = datetime.now(UTC)\nb = time.time\nc = date.today()\nd = time.monotonic()\nf(now=time.time_ns() // 1000)"
    )

    assert [1, 2, 3, 5] == sorted(asking(asked))
