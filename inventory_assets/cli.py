"""The `inventory` command. Subcommands are in `commands`; errors become one clear line here."""

import sys

import click
import duckdb

from inventory_assets.commands.alerts.alerting import alerting, deliver
from inventory_assets.commands.alerts.explain import explain, why_not
from inventory_assets.commands.alerts.handling import (
    ack,
    escalate,
    inhibit,
    note,
    resolve,
    silence,
    sweep,
    uninhibit,
    unsilence,
)
from inventory_assets.commands.alerts.incidents import incidents
from inventory_assets.commands.alerts.lists import list_, show
from inventory_assets.commands.alerts.show import alerts
from inventory_assets.commands.alerts.stats import alert_stats
from inventory_assets.commands.alerts.told import notifications
from inventory_assets.commands.connector.group import connector
from inventory_assets.commands.connector.listing import list_ as list_connectors
from inventory_assets.commands.lake.archive import archive
from inventory_assets.commands.lake.core import maintain, rebuild, sql, stats, velocity, verify
from inventory_assets.commands.lake.coverage import coverage, dynamic
from inventory_assets.commands.lake.exchange import exchange
from inventory_assets.commands.lake.export import export
from inventory_assets.commands.lake.marts import marts
from inventory_assets.commands.lake.products import products
from inventory_assets.commands.lake.quality import quality
from inventory_assets.commands.lake.reports import reports
from inventory_assets.commands.lake.snapshots import snapshots
from inventory_assets.commands.run.messages import drain, emulator, publish, replay_dead_letters, simulate, topics
from inventory_assets.commands.run.product import run
from inventory_assets.commands.thresholds.backtest import backtest
from inventory_assets.commands.thresholds.group import thresholds
from inventory_assets.connector.errors import ConnectorError
from inventory_assets.console.serve import serve
from inventory_assets.exchange.file import ExchangeFileError
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.policy_source import AlertingFileError
from inventory_assets.refresh.products import ProductFileError
from inventory_assets.settings import SettingsError
from inventory_assets.thresholds.files import ThresholdFileError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="inventory-assets")
def cli() -> None:
    """Inventory monitoring: messages in, a versioned lake, alerts that explain themselves.

    Everything is kept below INVENTORY_HOME (default .inventory); delete it to
    start afresh.
    """


thresholds.add_command(backtest)
thresholds.add_command(dynamic)
connector.add_command(list_connectors)

for _command in (
    run, emulator, topics, publish, drain, simulate, alerts, incidents, explain, why_not, sql, stats,
    products, thresholds, velocity, coverage, replay_dead_letters, verify, rebuild, maintain,
    alerting, deliver, connector, snapshots, exchange, quality, marts, reports, archive, export, serve,
):  # fmt: skip
    cli.add_command(_command)


for _command in (
    list_, show, notifications, ack, silence, unsilence, escalate, resolve, note, inhibit, uninhibit, sweep,
    alert_stats,
):  # fmt: skip
    alerts.add_command(_command)


def main() -> None:
    """Run the command line. Exit 0 ok, 1 failed, 2 usage."""
    try:
        cli.main(prog_name="inventory", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (
        LakeError,
        ConnectorError,
        MessagingError,
        SettingsError,
        ProductFileError,
        ThresholdFileError,
        AlertingFileError,
        ChannelSetupError,
        ExchangeFileError,
    ) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except duckdb.Error as error:
        click.echo(f"Error: the lake refused: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
