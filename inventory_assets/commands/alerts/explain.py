"""`inventory explain | why-not`: why an alert fired, or why there is none."""

import sys
from dataclasses import asdict
from typing import Any

import click
from rich.text import Text

from inventory_assets.commands.alerts.incidents import explain_incident
from inventory_assets.commands.alerts.listing import print_age
from inventory_assets.commands.alerts.style import STYLES
from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import (
    console,
    new_table,
    no_stock_of,
    print_agreement,
    print_headed,
    print_rows,
    print_table,
    to_json,
)
from inventory_assets.commands.table import Rows
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.verify import recorded_by, recorded_state
from inventory_assets.lake.catalog.connect import is_writable
from inventory_assets.lake.query.as_of import latest_version
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.notify.explain import explain_notification
from inventory_assets.queries.explain import EventLine, Explanation, RuleLine, explain_alert
from inventory_assets.queries.explain import why_not as why_not_of
from inventory_assets.queries.ids import find_subject_id
from inventory_assets.replenish.make import settings_of
from inventory_assets.replenish.present import Present, explained_row, read_present, read_told
from inventory_assets.settings import load_settings
from inventory_assets.wiring import engine_of
from inventory_assets.words.advice import action_sentence, difference_sentence, why
from inventory_assets.words.alerts import describe_step
from inventory_assets.words.numbers import counted, figure
from inventory_assets.words.plan import Line, demand_text, moves, outlook_text, sum_texts, transfer_text
from inventory_assets.words.text import capital, spaced, visible
from inventory_assets.words.times import to_second

# Of a notification's alerts, in a table.
SHOWN_MEMBERS = 20


@click.command()
@click.argument("alert_id", shell_complete=ids_of("alert"))
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def explain(alert_id: str, format_: str) -> None:
    """Show why an alert fired: events, rule, arithmetic; re-derived from the messages.

    ALERT_ID may be the beginning of an id, or of its last eight characters. The
    id of a notification (ntf-…) shows which alerts it is of, why together, and
    every try; an incident (inc-…) explains itself likewise. Exit 1 if there is
    no such id or if re-deriving it gives something else.
    """
    settings = load_settings()
    land_or_say(settings)
    reader = LakeReader(settings)
    alert_id = find_subject_id(reader, alert_id)
    if alert_id.startswith("inc-"):
        return explain_incident(alert_id, format_)
    if alert_id.startswith("ntf-"):
        return _explain_notification(reader, alert_id, format_)
    found = explain_alert(reader, alert_id, meaning=meaning_of(settings), recorded=recorded_by(settings))
    how = settings_of(settings)
    present = read_present(reader, [alert_id], how).get(alert_id)
    told = read_told(reader, found.body, how)
    if format_ == "json":
        print_rows([to_json(explained_row(found, present, told))], "json")
    else:
        _print_explanation(found, present, told)
        print_age(reader, found.body["warehouse_id"])
    if found.differences:
        sys.exit(1)


def _print_explanation(found: Explanation, present: Present | None, told: Line | None) -> None:
    body = found.body
    arithmetic, rule = body["lineage"]["arithmetic"], body["lineage"]["rule"]
    print_headed(_headline(found, present, told), body["alert_id"], STYLES[body["priority"]])
    numbers = ("quantity", "on hand", "reserved", "inbound", "available", "version")
    title = "What happened to the stock, in the order it arrived"
    table = new_table(
        ("event time (UTC)", "event", *numbers),
        *numbers,
        title=title,
        leaving=("version", "inbound", "reserved", "on hand"),
    )
    if found.earlier_events:
        table.add_row(f"… {found.earlier_events} earlier events", *[""] * 7, style="dim")
    for line in found.events:
        is_opening = line.event_id == body["lineage"]["opening_event_id"]
        table.add_row(
            line.at[:19].replace("T", " "), line.what, _signed(line),
            str(line.on_hand), str(line.reserved), str(line.inbound), str(line.available), str(line.version),
            style="bold" if is_opening else None,
        )  # fmt: skip
    print_table(table)
    print_table(_rules_table(found.rules))
    name = " ".join(str(part) for part in (rule["level_type"], rule["level_id"], rule["warehouse_id"]) if part)
    console.print(
        Text.assemble(
            ("Arithmetic", "bold"),
            f"  on hand {arithmetic['on_hand']} − reserved {arithmetic['reserved']} = available "
            f"{arithmetic['available']}; ",
            (visible(str(arithmetic["comparison"])), "bold"), f"  (rule: {visible(name)})",
        )
    )  # fmt: skip
    if "dynamic" in rule:
        console.print(_dynamic_line(rule["dynamic"]))
    _print_advice(found.body, present, told)
    console.print("History", style="bold")
    for step in found.transitions:
        late = ", by an event that came late" if step["is_late"] else ""
        what = ": ".join(filter(None, describe_step(step["transition"], step["reason"])))
        console.print(f"  {to_second(step['event_at'])}  {what}{late} [lake version {step['version']}]", style="dim")
    if found.recorded_as:
        console.print(found.recorded_as, style="yellow")
        return
    print_agreement(
        found.differences, "Re-derived from its messages, this alert is different:",
        "Recalculated from the stock messages as received: the same alert.",
    )  # fmt: skip


def _print_advice(body: dict[str, Any], present: Present | None, told: Line | None) -> None:
    """What to do now and why, with its sums; what was notified if that was something else; what the message says."""
    line = None if present is None else present.line
    if line is not None:
        console.print(f"What to do, by the plan of {_plan_of(line)}", style="bold")
        for text in (capital(why(line)), *_reckoning(line)):
            console.print(f"  {visible(text)}", soft_wrap=True)
    if told is not None and (line is None or action_sentence(told) != action_sentence(line)):
        console.print(f"What to do when it was notified, by the plan of {_plan_of(told)}")
        for text in (f"{action_sentence(told)}: {why(told)}", *_reckoning(told)):
            console.print(f"  {visible(text)}", style="dim", soft_wrap=True)
    if text := difference_sentence(body, told):
        version = body["lineage"]["state_version"]
        console.print(f"When it was notified, at lake version {version}: {visible(text)}.", soft_wrap=True)


def _plan_of(line: Line) -> str:
    return f"{line['plan_date']} of lake version {line['as_of_version']}"


def _reckoning(line: Line) -> list[str]:
    parts = [demand_text(line) if line["daily_units"] is not None else "", outlook_text(line)]
    return [*map(capital, filter(None, parts)), *map(transfer_text, moves(line)), *sum_texts(line)]


def _dynamic_line(dynamic: dict[str, Any]) -> Text:
    """How dynamic limits came about, as a sum one can check."""
    return Text.assemble(
        ("Dynamic limit", "bold"),
        f"  demand over {dynamic['protection_days']} days {dynamic['demand']:.2f} "
        f"({dynamic['model']}, {dynamic['daily_units']:.2f} a day); safety stock {dynamic['safety_factor']:.3f} × "
        f"{dynamic['deviation']:.2f} for {dynamic['service_level']:.6g} service: min {dynamic['min_qty']}, "
        f"reorder {dynamic['reorder_qty']}, within the rule's bounds; of the last {WINDOW_DAYS} days, no yearly season",
    )


def _signed(line: EventLine) -> str:
    if line.quantity is None:
        return "–"
    return str(line.quantity) if line.what == "LEVEL" else f"{line.quantity:+d}"


def _headline(found: Explanation, present: Present | None, told: Line | None) -> Text:
    body = found.body
    text = Text()
    text.append(f"{body['priority']} {body['alert_type']}", STYLES[body["priority"]])
    text.append(f" · {visible(body['product_name'])} at {visible(body['warehouse_id'])} · {found.state}\n", "bold")
    text.append(
        f"Available {body['available_stock']} (on hand {body['current_stock']}, reserved {body['reserved_stock']}, "
    )
    text.append(f"inbound {body['inbound_stock']}), threshold {body['threshold']:g}\n")
    places = body["hierarchy"]
    text.append(
        " › ".join(visible(str(places[name])) for name in ("department", "category", "brand", "product")) + "\n", "dim"
    )
    notified = (body["current_stock"], body["reserved_stock"], body["inbound_stock"])
    if present is not None and notified != (present.on_hand, present.reserved, present.inbound):
        text.append(
            f"Now available {present.available} (on hand {present.on_hand}, reserved {present.reserved}, "
            f"inbound {present.inbound})\n"
        )
    if found.state != "firing":
        text.append("Nothing to do: it is resolved")
    elif (line := told if present is None else present.line) is not None:
        text.append(visible(action_sentence(line)), "bold")
    return text


def _rules_table(rules: list[RuleLine]) -> Rows:
    names = ("level", "id", "warehouse", "limits", "verdict")
    table = new_table(names, title="Which threshold holds, most specific first", leaving=("warehouse", "id"))
    for line in rules:
        table.add_row(
            line.level_type, line.level_id, line.warehouse_id or "all", line.limits, line.verdict,
            style="bold" if line.verdict.startswith("wins") else "dim",
        )  # fmt: skip
    return table


def _explain_notification(reader: Reader, notification_id: str, format_: str) -> None:
    """Print a notification's explanation; exit 1 if something does not agree."""
    found = explain_notification(reader, notification_id)
    if format_ == "json":
        print_rows([to_json(asdict(found))], "json")
    else:
        row = found.row
        reason = f" ({row['reason']})" if row["reason"] else ""
        console.print(
            f"{notification_id}: {row['severity']} {row['kind']}{reason} on channel {row['channel']}, "
            f"{counted(len(found.members), 'alert')}, planned at {to_second(row['planned_at'])} "
            f"from lake version {row['planned_version']}: {found.why}",
            soft_wrap=True,
        )
        if found.settled_by is not None:
            console.print(f"sent with {found.settled_by}")
        print_rows(found.members[:SHOWN_MEMBERS], "table", title="What it is of, the worst first")
        if len(found.members) > SHOWN_MEMBERS:
            console.print(f"… and {len(found.members) - SHOWN_MEMBERS} more: --format json")
        print_rows(found.tries, "table", title="Tries")
        for difference in found.differences:
            console.print(f"different: {difference}")
        if not found.differences:
            console.print("✓ The id follows from the alerts, and every alert was due this notification.", style="green")
    if found.differences:
        sys.exit(1)


@click.command("why-not")
@click.argument("warehouse_id", metavar="WAREHOUSE", shell_complete=ids_of("warehouse"))
@click.argument("sku", shell_complete=ids_of("sku"))
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def why_not(warehouse_id: str, sku: str, format_: str) -> None:
    """Say why a key has no alert now: no breach, muted, cooldown, restock, hysteresis."""
    settings = load_settings()
    version = latest_version(LakeReader(settings).connection)  # says clearly where there is no lake
    if is_writable(settings):
        with engine_of(settings) as engine:
            found = why_not_of(engine.state, (warehouse_id, sku))
    else:
        state = recorded_state(settings, version, meaning_of(settings), sku=sku)
        found = why_not_of(state, (warehouse_id, sku))
    if found is None:
        raise no_stock_of(warehouse_id, sku)
    if format_ == "json":
        print_rows([{"reason": found.reason, "sentence": found.sentence, **found.facts}], "json")
        return
    console.print(Text.assemble((found.reason, "bold"), f"  {visible(found.sentence)}"), soft_wrap=True)
    print_table(_rules_table(found.rules))
    facts = ", ".join(f"{spaced(name)} {figure(value)}" for name, value in found.facts.items() if value is not None)
    console.print(facts, style="dim")
