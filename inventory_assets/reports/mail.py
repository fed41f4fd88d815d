"""Send a report by mail: the short of it in the mail, the page and the lists to act on attached.

Sent at least once under one id, and recorded in `out.deliveries`: who builds a
report again does not send it again unless asked to. The channel is one of the
alerting policy's; a mail client draws no SVG and asks for no style sheet, so the
mail has its own plain template and the page is attached.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from inventory_assets.domain.notify.notifications import DeliveryError, RefusedError
from inventory_assets.domain.notify.policy import ReportMail
from inventory_assets.ingest.notes import Notes
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.notify.channel_queue import Attempt
from inventory_assets.notify.channels.mail import MailChannel
from inventory_assets.notify.ledger import count_tries, to_frame
from inventory_assets.reports.page.html import render, render_page
from inventory_assets.reports.page.view import Cell, Group, Section, Table
from inventory_assets.reports.publish import PAGE_NAME, Rendered, folder_of
from inventory_assets.words.text import clean

# What a planner works with at once; the other lists are beside the page.
ATTACHED = ("orders.csv", "transfers.csv", "stockouts.csv", "week_stockouts.csv", "dead_stock.csv")
SECTIONS = ("ran-out", "order", "move", "movers", "stockouts", "dead")
SHOWN = 8
# Many servers take no mail above 10 MB, and an attachment grows by a third.
MAX_ATTACHED_BYTES = 6_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a report's mail: sent, or sent before."""

    report_id: str
    status: str
    detail: str


def report_id(report: Rendered, mail: ReportMail) -> str:
    """The id that every mail of a report to the same people carries."""
    period = report.basis.period
    parts = [str(period.kind), period.key, mail.channel, *sorted(mail.recipients)]
    digest = hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()[:8]
    return f"rpt-{period.kind}-{period.key}-{digest}"


def send_report(
    report: Rendered, place: str, mail: ReportMail, channel: MailChannel, *, reader: Reader, notes: Notes, now: float,
    again: bool = False,
) -> Sent:  # fmt: skip
    """Send a report's mail unless it was sent before, and record the try.

    Args:
        report: As published.
        place: Where it is published, for who wants all of it.
        mail: Whom it goes to.
        channel: The way out.
        reader: Of the lake as it is now.
        notes: Where the try is recorded.
        now: Seconds.
        again: Send it though it was sent.

    Raises:
        DeliveryError: It was not taken; the try is recorded.
    """
    id_ = report_id(report, mail)
    tries, sent = count_tries(reader, id_, mail.channel)
    if sent and not again:
        return Sent(id_, "sent before", "to send it again: --again")

    def record(status: str, **more: str | None) -> None:
        attempt = Attempt(id_, mail.channel, tries + 1, status, now, **more)
        notes.commit_note(Stage.NOTIFICATIONS, lambda transaction: transaction.append(DELIVERIES, to_frame([attempt])))

    try:
        receipt = channel.hand_over(
            lambda sender, to: write_mail(report, place, id_, sender=sender, to=to), mail.recipients
        )
    except DeliveryError as error:
        record("failed_permanently" if isinstance(error, RefusedError) else "failed", error=str(error))
        raise
    # A crash before this sends again, under the same Message-ID.
    record("sent", provider_id=receipt.provider_id, response=receipt.response)
    return Sent(id_, "sent", receipt.response)


def write_mail(report: Rendered, place: str, id_: str, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Write the mail; the same report gives the same one."""
    page, basis = report.page, report.basis
    attached = {PAGE_NAME: render_page(page, {}, base=None)} | {
        name: report.files[name] for name in ATTACHED if report.counts.get(name.removesuffix(".csv"))
    }
    if sum(map(len, attached.values())) > MAX_ATTACHED_BYTES:
        attached = {}
    where = f"{place}/{folder_of(basis.period)}/{PAGE_NAME}"
    message = EmailMessage(policy=SMTP)
    message["Subject"] = clean(f"{page.kind}, {page.title}: {page.headline.partition('. ')[0]}", 150)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(basis.committed_at.replace(tzinfo=UTC))
    message["Message-ID"] = f"<{id_}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Inventory-Report"] = id_
    sections = [section for section in page.sections if section.anchor in SECTIONS]
    message.set_content(_plain(report, sections, where, is_attached=bool(attached)))
    html = render("mail.html.j2", page=page, sections=sections, where=where, is_attached=bool(attached), shown=SHOWN)
    message.add_alternative(html.decode(), subtype="html")
    stem = f"{basis.period.kind}-{basis.period.key}"
    for name, content in attached.items():
        kind, subtype = ("text", "html") if name.endswith(".html") else ("text", "csv")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=f"{stem}-{name}")
    return message


def _plain(report: Rendered, sections: Sequence[Section], where: str, *, is_attached: bool) -> str:
    page = report.page
    lines = [f"{page.kind}: {page.title}", page.headline, ""]
    lines += [f"{figure.label}: {figure.value}" + (f" ({figure.sub})" if figure.sub else "") for figure in page.figures]
    lines += ["", *(f"! {notice.text}" + (f": {notice.command}" if notice.command else "") for notice in page.notices)]
    for section in sections:
        lines += ["", section.title.upper(), *section.lines]
        for table in section.tables:
            lines += _plain_table(table)
    lines += ["", f"{'The whole report is attached, and at' if is_attached else 'The whole report:'} {where}"]
    return "\n".join([*lines, f"As of {page.as_of}, lake version {page.version}", ""])


def _plain_table(table: Table) -> list[str]:
    lines = [table.title] if table.title else []
    shown = 0
    for row in table.rows:
        if isinstance(row, Group):
            lines.append(f"{row.text} ({row.sub})" if row.sub else row.text)
            continue
        shown += 1
        if shown <= SHOWN:
            parts = [_plain_cell(column.label, cell) for column, cell in zip(table.columns[1:], row[1:], strict=True)]
            lines.append(f"- {row[0].text}: {', '.join(part for part in parts if part)}")
    more = max(0, shown - SHOWN) + table.hidden
    return [*lines, f"  and {more:,} more in {table.csv}"] if more else lines


def _plain_cell(label: str, cell: Cell) -> str:
    return f"{label.lower()} {cell.text}" if cell.text else ""
