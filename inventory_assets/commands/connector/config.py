"""`--config FILE` of the connector's commands."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_assets.settings import DEFAULT_PROJECT, emulator_host, load_settings

if TYPE_CHECKING:
    from inventory_assets.connector.config_model import ConnectorConfig


def config_option(command: Callable) -> Callable:
    """Add `--config FILE`."""
    return click.option(
        "--config", "config_path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="YAML; environment variables of the same names override it, and are enough by themselves.",
    )(command)  # fmt: skip


def read_config(path: Path | None) -> "ConnectorConfig":
    """Read a configuration; the project of the local product means its emulator.

    Raises:
        ConfigurationError: Lists every problem.
    """
    # Here, not at the top: pydantic takes other commands a tenth of a second.
    from inventory_assets.connector.config import load_config

    config = load_config(path, os.environ)
    if config.pubsub_emulator_host is None and config.pubsub_project == DEFAULT_PROJECT:
        config = config.model_copy(update={"pubsub_emulator_host": emulator_host(load_settings())})
    return config
