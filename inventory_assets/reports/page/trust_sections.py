"""Who acts on alerts, and how far the data can be trusted, in words. Pure."""

from inventory_assets.reports.page.view import Cell, Section, Table, columns_of
from inventory_assets.reports.period import Kind, Period
from inventory_assets.reports.read.model import Basis, FailedCheck, Handling, Trade, Trust
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import count, counted
from inventory_assets.words.text import listed, name, sentence, spaced
from inventory_assets.words.times import day, full_moment, moment, span

SHOWN_ROWS = 12


def handling_section(found: Handling, period: Period) -> Section:
    """Whether anybody acts on alerts, and whether they were worth it."""
    lines = []
    if found.firing:
        of_them = "any of them" if found.unacknowledged == found.firing else f"{found.unacknowledged:,} of them"
        nobody = f"nobody has acknowledged {of_them}" if found.unacknowledged else "all are acknowledged"
        urgent = f", {found.urgent_unacknowledged:,} critical" if found.urgent_unacknowledged else ""
        lines.append(f"{counted(found.firing, 'alert')} open; {nobody}{urgent}.")
        if found.oldest_open_at is not None:
            lines.append(f"The oldest that nobody has acknowledged is open since {full_moment(found.oldest_open_at)}.")
    else:
        lines.append("No alert is open.")
    lines.append(_ended(found, period))
    if found.acknowledge_minutes is not None:
        lines.append(f"Half of those acknowledged were so within {span(found.acknowledge_minutes / 60)}.")
    if found.silenced or found.held:
        lines.append(
            f"Silenced: {found.silenced:,}. Inhibited, as their data are in doubt or by command: {found.held:,}."
        )
    if found.undelivered:
        text = f"{counted(found.undelivered, 'message')} could not be delivered: somebody was not notified."
        return Section("alerts", "Alerts and who acts on them", [*lines, text],
                       commands=[("Who was notified of what", "inventory alerts notifications")])  # fmt: skip
    commands = [("Acknowledge one", "inventory alerts ack ALERT_ID")] if found.unacknowledged else []
    return Section("alerts", "Alerts and who acts on them", lines, commands=commands)


def _ended(found: Handling, period: Period) -> str:
    when = "in the day" if period.kind is Kind.NIGHTLY else "in the week"
    text = f"Opened {when}: {found.opened:,}; over: {found.resolved:,}"
    if found.resolved:
        text += f", of them false alarms (over by themselves, nothing was done): {found.false_alarms:,}"
    return text + (f". Came again within a week: {found.repeats:,}." if found.repeats else ".")


def trust_verdict(trust: Trust) -> tuple[str, str]:
    """How far the data can be believed: a tone, and what "the data …" says."""
    silent = [feed for feed in trust.feeds if feed.state == "silent"]
    failed = trust.checks or ()
    if silent:
        which = listed([name(feed.warehouse_id) for feed in silent[:3]]) + (" and others" if len(silent) > 3 else "")
        return "bad", f"have nothing from {which} for over a day: closed, or a feed is down"
    if any(is_critical(check) for check in failed):
        return "bad", "failed a critical check: count before you order"
    doubts = []
    if failed:
        doubts.append(counted(len(failed), "failed check"))
    if any(feed.state == "quiet" for feed in trust.feeds):
        quiet = sum(feed.state == "quiet" for feed in trust.feeds)
        doubts.append(f"{counted(quiet, 'quiet warehouse')}")
    if trust.untrusted_alerts:
        doubts.append(counted(trust.untrusted_alerts, "alert in doubt", "alerts in doubt"))
    refused = sum(each.messages for each in trust.refused)
    if refused:
        doubts.append(counted(refused, "refused message"))
    if doubts:
        return "warn", f"are usable with care: {listed(doubts)}"
    return "good", "are fresh and passed what was checked" if trust.checks is not None else "are fresh"


def is_critical(check: FailedCheck) -> bool:
    """Whether a check's failure forbids to act on the numbers."""
    return check.severity == "ERROR"


def trust_section(trust: Trust, trade: Trade, basis: Basis, alert_id: str | None) -> Section:
    """How fresh and how whole the data are, what the report was computed from, how to check a number."""
    lines = [sentence(f"the data {trust_verdict(trust)[1]}")]
    if trust.late:
        text = ", ".join(f"{counted(each.events, 'event')} for {day(each.event_date)}" for each in trust.late[:5])
        lines.append(f"Late events have changed earlier days since the last report: {text}.")
    if trust.checks is None:
        lines.append("No data quality checks were run yet.")
    elif not trust.checks:
        lines.append(f"All {trust.checks_run:,} data quality checks hold.")
    version = f"Computed from lake version {basis.version:,}, committed {full_moment(basis.committed_at)}"
    last = f"; the last event in it is of {full_moment(basis.last_event_at)}" if basis.last_event_at else ""
    lines.append(f"{version}{last}.")
    own = [version_ for day_, version_ in trade.versions if basis.period.first_date <= day_ <= basis.period.last_date]
    if own:
        versions = sorted(set(own))
        lines.append(f"Its daily snapshots were made from version {', '.join(f'{each:,}' for each in versions)}.")
    if trust.coverage_date:
        lines.append(f"Demand was measured over the days before {day(trust.coverage_date)}.")
    tables = [_feeds_table(trust)]
    if trust.checks:
        tables.append(_checks_table(trust))
    if trust.refused:
        tables.append(_refused_table(trust))
    return Section("trust", "How far to trust this", lines, tables, commands=_how_to_check(basis, alert_id),
                   csv="warehouses.csv")  # fmt: skip


def _how_to_check(basis: Basis, alert_id: str | None) -> list[tuple[str, str]]:
    version = f"--at-version {basis.version}"
    commands = [("Why one line says what it says", command("inventory explain {}", alert_id))] if alert_id else []
    return [
        *commands,
        ("The empty shelves, counted again",
         'inventory sql "SELECT warehouse_id, sku, available FROM core.sku_state WHERE is_active AND available <= 0" '
         + version),
        ("All stock, derived again from every message", "inventory verify"),
    ]  # fmt: skip


def _feeds_table(trust: Trust) -> Table:
    columns = columns_of("Warehouse", "Last event", "#Shelves", "#Empty", "#On hand", "#Available", "#On its way")
    tones = {"silent": "bad", "quiet": "warn", "fresh": ""}
    rows = [
        [
            Cell(name(feed.warehouse_id)),
            Cell(moment(feed.last_event_at),
                 f"{feed.state}: {span(feed.lag_hours)} ago" if feed.state != "fresh" else "", tones[feed.state]),
            Cell(count(feed.shelves)), Cell(count(feed.empty)), Cell(count(feed.on_hand)), Cell(count(feed.available)),
            Cell(count(feed.inbound)),
        ]
        for feed in trust.feeds[:SHOWN_ROWS]
    ]  # fmt: skip
    total = [Cell("All"), Cell("")] + [
        Cell(count(sum(getattr(feed, field) for feed in trust.feeds)))
        for field in ("shelves", "empty", "on_hand", "available", "inbound")
    ]
    return Table(columns, rows, len(trust.feeds) - len(rows), "warehouses.csv", "Warehouses", total)


def _checks_table(trust: Trust) -> Table:
    failed = trust.checks or ()
    columns = columns_of("What does not hold", "#Rows", "For example", ">To do")
    rows = [
        [
            Cell(name(each.text), "a number of ours is wrong" if is_critical(each) else "as it was sent to us",
                 "bad" if is_critical(each) else "warn"),
            Cell(count(each.failures)), Cell(name(each.example)), Cell("", each.what_to_do),
        ]
        for each in failed[:SHOWN_ROWS]
    ]  # fmt: skip
    return Table(columns, rows, len(failed) - len(rows), "checks.csv", "Data quality")


def _refused_table(trust: Trust) -> Table:
    columns = columns_of("Refused because", "#Messages", "For example")
    rows = [
        [Cell(spaced(name(each.reason))), Cell(count(each.messages)), Cell(name(each.example))]
        for each in trust.refused[:SHOWN_ROWS]
    ]
    refused = sum(each.messages for each in trust.refused)
    title = f"Messages refused: {refused:,} of {trust.messages:,} since last time"
    return Table(columns, rows, len(trust.refused) - len(rows), "refused.csv", title)
