"""Make a report from the settings: read, render, publish, mail."""

import os
from collections.abc import Callable
from datetime import date

from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.lake.files.storage import Opener, open_storage
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.notify.channels.build import build_mail
from inventory_assets.notify.policy_source import load_policy
from inventory_assets.reports.build import collect_report, render_report
from inventory_assets.reports.mail import Sent, send_report
from inventory_assets.reports.period import Kind, Period
from inventory_assets.reports.publish import Manifest, Rendered, find_earlier, publish
from inventory_assets.reports.read.collect import choose_period, choose_version, find_basis
from inventory_assets.reports.read.sales import SnapshotFiles
from inventory_assets.settings import Settings
from inventory_assets.wiring import lake_notes_of


def make_report(
    settings: Settings,
    kind: Kind,
    period: Period | None,
    *,
    today: date,
    version: int | None = None,
    on_read: Callable[[], None] = lambda: None,
    opener: Opener = open_storage,
) -> tuple[Manifest, Rendered]:
    """Build and publish a report. Nothing of the lake is held while it is rendered and written.

    Args:
        settings: Where the lake, the snapshots and the reports are.
        kind: Which report.
        period: None is the last complete one that has events.
        today: The UTC day that is not over.
        version: None is what the period's own report would read (`collect.choose_version`).
        on_read: Called when all is read.
        opener: What opens those places.

    Raises:
        LakeMissingError: There is no lake, or no such version.
    """
    storage = opener(settings.reports_uri)
    snapshots = SnapshotFiles(settings.snapshots_uri, opener)
    with history_reader(settings) as reader:
        pin_version(reader.connection, None)
        period = period or choose_period(reader, kind, today)
        version = pin_version(reader.connection, version or choose_version(reader, period, today))
        basis = find_basis(reader, period, version, CODE_VERSION, find_earlier(storage, period))
        report = collect_report(reader, basis, snapshots)
    on_read()
    rendered = render_report(report)
    return publish(storage, rendered), rendered


def mail_report(settings: Settings, report: Rendered, *, now: float, again: bool = False) -> Sent | None:
    """Mail a report to whom the alerting policy names; None where it names nobody for this kind.

    Raises:
        AlertingFileError: The policy has problems.
        DeliveryError: The mail was not taken.
    """
    policy = load_policy(settings.alerting_path, os.environ)
    mail = policy.reports
    if mail is None or report.basis.period.kind not in mail.kinds:
        return None
    channel = build_mail(policy.channels[mail.channel], os.environ)
    with lake_notes_of(settings) as notes:
        reader = LakeReader(settings)
        return send_report(
            report, settings.reports_uri, mail, channel, reader=reader, notes=notes, now=now, again=again
        )  # fmt: skip
