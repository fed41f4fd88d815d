"""`inventory alerting check|test` and `inventory deliver`: who is notified, and notifying them."""

import os
import sys
from collections import Counter

import click

from inventory_assets.clock import machine_microseconds, machine_seconds
from inventory_assets.commands.output import console, format_option, notes, print_rows
from inventory_assets.commands.stopping import stop_event
from inventory_assets.domain.notify.notifications import DeliveryError
from inventory_assets.domain.notify.policy import Policy
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.notify.channels.channel import ChannelSetupError
from inventory_assets.notify.delivery import run_delivery
from inventory_assets.notify.ledger import find_given_up, rearm
from inventory_assets.notify.message.sample import sample_notification
from inventory_assets.notify.policy_source import AlertingFileError, check_policy, load_policy
from inventory_assets.settings import Settings, load_settings
from inventory_assets.wiring import delivery_of, lake_notes_of, sender_of


@click.group()
def alerting() -> None:
    """Check and try the alerting policy: channels, routes, limits, maintenance windows."""


@alerting.command()
@format_option
def check(format_: str) -> None:
    """Check the alerting policy and list every problem at once. Exit 1 if there is one."""
    settings = load_settings()
    path = settings.alerting_path
    try:
        policy = check_policy(path, os.environ)
    except AlertingFileError as error:
        print_rows([{"problem": problem} for problem in error.problems], format_, title=str(error.path))
        sys.exit(1)
    if path is None and format_ == "table":
        notes.print(f"no policy at {settings.home / 'alerting.toml'}: alerts go to Pub/Sub only")
    rows = [
        {
            "channel": channel.name,
            "kind": str(channel.kind),
            "limit": None if channel.limit is None else f"{channel.limit.count} in {channel.limit.seconds} s",
            "resolved_told": channel.is_told_resolved,
            "routes": sum(channel.name in route.channels for route in policy.routes),
        }
        for channel in policy.channels.values()
    ]
    print_rows(rows, format_, title="" if path is None else f"{path}: no problems")


@alerting.command()
@click.argument("channel")
def test(channel: str) -> None:
    """Send a test message to one channel now. Exit 1 if it was not accepted."""
    settings = load_settings()
    policy = load_policy(settings.alerting_path, os.environ)
    if channel not in policy.channels:
        raise click.UsageError(f"there is no channel {channel!r}; declared are {', '.join(policy.channels) or 'none'}.")
    with sender_of(settings, policy.channels[channel]) as sender:
        try:
            receipt = sender.send(sample_notification(channel, planned_at=machine_microseconds()))
        except DeliveryError as error:
            raise click.ClickException(f"{channel} did not take it: {error}") from error
    console.print(f"{channel} took it: {receipt.response}")


@click.command()
@click.option("--once", is_flag=True, help="Try everything that is due now, then end.")
@click.option("--retry-refused", is_flag=True, help="Owe again what was given up and is still news, then end.")
@format_option
def deliver(once: bool, retry_refused: bool, format_: str) -> None:
    """Deliver alerts to the policy's channels until stopped; with --once, what is due now.

    Under `make run` the `deliveries` sensor does this already; it sends what
    --retry-refused has made due within a minute.
    """
    settings = load_settings()
    LakeReader(settings)  # says clearly where there is no lake
    policy = load_policy(settings.alerting_path, os.environ)
    if not policy.channels:
        notes.print("the policy has no channel: alerts go to Pub/Sub only. See docs/alerting.md")
        return
    if retry_refused:
        _retry_refused(settings, policy, format_)
        return
    try:
        with lake_notes_of(settings) as writer, delivery_of(settings, policy) as delivery:
            with stop_event() as stop:
                run_delivery(delivery, writer, seconds=None, until_empty=once, stop=stop)
            # What the lanes did after the last commit.
            run_delivery(delivery, writer, seconds=0)
            rows = [
                {"channel": name, "sent": lane.sent, "failed": lane.failed, "waiting": lane.owed_count,
                 "fault": lane.fault}
                for name, lane in delivery.lanes.items()
            ]  # fmt: skip
    except ChannelSetupError as error:
        raise click.ClickException(str(error)) from error
    print_rows(rows, format_)
    if any(row["failed"] for row in rows):
        notes.print("Why? inventory alerts notifications", style="dim")
        sys.exit(1)


def _retry_refused(settings: Settings, policy: Policy, format_: str) -> None:
    with lake_notes_of(settings) as writer:
        given_up = find_given_up(LakeReader(settings), policy.channels)
        if given_up:
            rows = rearm(given_up, now=machine_seconds())
            writer.commit_note(Stage.NOTIFICATIONS, lambda transaction: transaction.append(DELIVERIES, rows))
    counts = Counter(channel for _, channel in given_up)
    print_rows([{"channel": name, "due_again": counts[name]} for name in policy.channels], format_)
