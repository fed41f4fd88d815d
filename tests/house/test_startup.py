"""What a command loads: the first answer must not wait for what it does not use."""

import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import packages_distributions

import click
import pytest

from inventory_assets.cli import COMMANDS
from inventory_assets.commands.alerts.group import HANDLING
from inventory_assets.commands.lazy import LazyGroup
from tests.messaging.brokers import REPOSITORY

HEAVY = {"dagster", "dagster_dbt", "dagster_gcp", "dbt", "google", "grpc", "uvicorn", "starlette"}
WIDTH = 80


def loaded_by(statement: str, *arguments: str, **environment: str) -> set[str]:
    """The packages, none of the standard library's, that a new process has after a statement."""
    code = (
        f"import json, sys\nsys.argv = {['inventory', *arguments]!r}\n"
        f"try:\n    {statement}\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted({name.partition('.')[0] for name, module in sys.modules.items() if module})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY,
        env={**os.environ, **environment},
    )  # fmt: skip
    installed = set(packages_distributions()) - {"_distutils_hack"}  # of any environment
    return set(json.loads(done.stdout.splitlines()[-1])) & installed


def test_help_loads_click_and_nothing_else():
    assert loaded_by("from inventory_assets.cli import main; main()", "--help") == {"click", "inventory_assets"}


def test_a_list_of_alerts_loads_neither_services_nor_arrow(sample_engine):
    home = str(sample_engine.settings.home)
    loaded = loaded_by("from inventory_assets.cli import main; main()", "alerts", INVENTORY_HOME=home)

    # numpy is what the plan says what to do by.
    assert loaded & (HEAVY | {"pyarrow", "pandas", "jinja2", "sqlalchemy", "pydantic", "structlog", "yaml"}) == set()
    assert {"duckdb", "polars", "rich"} <= loaded


def test_the_modules_of_commands_load_no_service():
    """What starts a process of its own, or speaks to Google, loads that when it runs."""
    modules = {place.partition(":")[0] for place, _ in (*COMMANDS.values(), *HANDLING.values())}

    assert loaded_by("; ".join(f"import inventory_assets.{each}" for each in sorted(modules))) & HEAVY == set()


@pytest.mark.parametrize("table", [COMMANDS, HANDLING], ids=["inventory", "inventory alerts"])
def test_each_line_of_help_is_of_a_command_and_whole_at_80_columns(table):
    for name, (place, _) in table.items():
        module, attribute = place.split(":")
        command = getattr(importlib.import_module(f"inventory_assets.{module}"), attribute)

        assert isinstance(command, click.Command)
        assert command.name == name
    printed = LazyGroup("x", lazy=table).get_help(click.Context(LazyGroup("x", lazy=table), terminal_width=WIDTH))
    for name, (_, text) in table.items():
        assert f"{name.ljust(max(map(len, table)))}  {text}\n" in f"{printed}\n"
