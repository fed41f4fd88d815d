"""`inventory dead-letters | replay-dead-letters`: what was refused, why, what to do; again after a fix."""

from collections import Counter
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from inventory_assets.commands.output import console, format_option, limit_option, notes, print_more, print_rows
from inventory_assets.commands.run.publish import publish_messages
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.dead_letters import find_causes, find_letters, is_whole, to_replay, unreplayed
from inventory_assets.settings import load_settings
from inventory_assets.words.dead_letters import BODY_IS_GONE, WHAT_TO_DO
from inventory_assets.words.numbers import counted
from inventory_assets.words.text import visible
from inventory_assets.words.times import to_minute, to_second

SHOWN_CHARACTERS = 600


@click.command("dead-letters")
@click.argument("message_id", required=False)
@click.option("--reason", help="Only letters with this reason.")
@click.option("--topic", help="Only letters that were published to this topic.")
@limit_option
@format_option
def dead_letters(message_id: str | None, reason: str | None, topic: str | None, limit: int, format_: str) -> None:
    """Show what was refused, by cause: how often, since when, where it is wrong, and what to do about it.

    With a MESSAGE_ID that one whole: with its body, and the trace of a fault of ours.
    """
    reader = LakeReader(load_settings())
    if message_id is not None:
        if reason is not None or topic is not None:
            raise click.UsageError("--reason and --topic choose causes; a MESSAGE_ID is shown whole. Leave one out.")
        _show_letters(find_letters(reader, message_id), message_id, format_)
        return
    rows = [
        {**row, "what_to_do": WHAT_TO_DO.get(row["reason"])} for row in find_causes(reader, reason=reason, topic=topic)
    ]
    if format_ != "table":
        print_rows(rows, format_)
        return
    print_causes(rows[:limit], console)
    print_more(rows, limit)
    if rows:
        notes.print(
            "one whole: inventory dead-letters MESSAGE_ID; again after a fix on our side: inventory "
            "replay-dead-letters --reason REASON", style="dim",
        )  # fmt: skip
    else:
        notes.print("nothing was refused", style="dim")


def print_causes(rows: list[dict[str, Any]], out: Console) -> None:
    """Print causes, a few lines each: eight columns do not stand side by side in a terminal."""
    for row in rows:
        where = "" if row["position"] is None else f" at {visible(row['position'])}"
        out.print(Text.assemble((visible(row["reason"]), "bold"), f"{where}, on {visible(row['topic'])}"))
        first, last = to_minute(row["first_seen"]), to_minute(row["last_seen"])
        since = f"{first} UTC" if first == last else f"{first} to {last} UTC"
        out.print(_below(f"{counted(row['messages'], 'message')}, {since}"))
        out.print(_below(f"such as {row['example_message_id']}: {row['example_detail']}"))
        if row["what_to_do"] is not None:
            out.print(_below(row["what_to_do"], "green"))


def _below(text: str, style: str = "") -> Padding:
    return Padding(Text(visible(text), style), (0, 0, 0, 2), expand=False)


def _show_letters(letters: list[dict[str, Any]], message_id: str, format_: str) -> None:
    if not letters:
        raise click.ClickException(
            f"no dead letter has the message id {message_id!r}. See what there is: inventory dead-letters"
        )
    if format_ != "table":
        print_rows(letters, format_)
        return
    for letter in letters:
        body = letter["data"].decode("utf-8", "backslashreplace")
        is_all = letter["is_whole"] and len(body) <= SHOWN_CHARACTERS
        size = f"{letter['bytes']:,} bytes" + ("" if letter["is_whole"] else ", of which only the beginning is kept")
        shown = {
            "message": f"{letter['message_id']} on {letter['topic']}, version {letter['version']:,}",
            "published": f"{to_second(letter['publish_time'])} UTC",
            "reason": f"{letter['reason']} ({letter['error_class']})",
            "where": letter["position"],
            "detail": letter["detail"],
            "what to do": WHAT_TO_DO.get(letter["reason"]),
            "attempts": f"{letter['attempts']:,}",
            "attributes": letter["attributes"],
            "body": size,
        }
        for name, value in shown.items():
            if value is not None:
                console.print(Text.assemble((f"{name}: ", "bold"), visible(value)))
        console.print(_below(body[:SHOWN_CHARACTERS] + ("" if is_all else " …")))
        if letter["trace"] is not None:
            console.print(Text("trace:", "bold"))
            for line in letter["trace"].splitlines():
                console.print(_below(line))


@click.command("replay-dead-letters")
@click.option("--reason", help="Only letters with this reason.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@format_option
def replay_dead_letters(reason: str | None, dry_run: bool, format_: str) -> None:
    """Publish dead letters again to their topics, after a fix; `drain` takes them in.

    Of what was too large only the beginning is kept: that is said, and left out.
    """
    settings = load_settings()
    found = unreplayed(LakeReader(settings), reason)
    letters = [letter for letter in found if is_whole(letter)]
    counts = Counter(letter["reason"] for letter in letters)
    print_rows([{"reason": name, "messages": count} for name, count in sorted(counts.items())], format_)
    if gone := len(found) - len(letters):
        said = BODY_IS_GONE.format(counted(gone, "message"))
        if not letters:
            raise click.ClickException(said)
        notes.print(said, style="yellow")
    if letters and not dry_run:
        publish_messages(settings, (to_replay(letter) for letter in letters))
