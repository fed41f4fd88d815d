"""The `inventory` command. Subcommands are in `commands`; errors become one clear line here."""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from inventory_assets.commands.lazy import LazyGroup
from inventory_assets.errors import InventoryError
from inventory_assets.private import make_private
from inventory_assets.words.text import visible_lines

# One line each, whole at 80 columns.
COMMANDS = {
    "alerting": ("commands.alerts.delivery:alerting", "Check and try the alerting policy and its channels."),
    "alerts": ("commands.alerts.group:alerts", "List alerts, the worst first; handle them."),
    "archive": ("commands.lake.archive:archive", "Copy old days to plain Parquet, verified."),
    "completion": ("commands.completion:completion", "Have a shell complete commands, options, ids."),
    "connector": ("commands.connector.group:connector", "Stream a MongoDB database into Pub/Sub."),
    "coverage": ("commands.lake.coverage:coverage", "Show demand, and how many days stock lasts."),
    "dead-letters": ("commands.run.dead_letters:dead_letters", "What was refused, by cause; what to do about it."),
    "deliver": ("commands.alerts.delivery:deliver", "Deliver alerts to the policy's channels."),
    "drain": ("commands.run.messages:drain", "Take in everything that waits, burst by burst."),
    "drop": ("commands.run.drop:drop", "Publish the new files of the drop folder, now."),
    "emulator": ("commands.run.messages:emulator", "Run a local Pub/Sub emulator until SIGTERM."),
    "exchange": ("commands.lake.exchange:exchange", "Rows from and to a PostgreSQL server."),
    "explain": ("commands.alerts.explain:explain", "Show why an alert fired: events, rule, arithmetic."),
    "export": ("commands.lake.exchange:export", "Write tables and snapshots as Parquet."),
    "incidents": ("commands.alerts.incidents:incidents", "List business alerts, such as a category's stockouts."),
    "lake": ("commands.lake.upgrade:lake", "Go back a release, or begin a new journal."),
    "maintain": ("commands.lake.core:maintain", "Merge files, refresh bases, expire old snapshots."),
    "marts": ("commands.lake.marts:marts", "Tables for analysts, built and tested by dbt."),
    "plan": ("commands.plan.group:plan", "What to order by when, and what to move."),
    "products": ("commands.lake.products:products", "Import names, suppliers, lead times, targets."),
    "publish": ("commands.run.publish:publish", "Publish a file, one message a line or row."),
    "quality": ("commands.lake.quality:quality", "Judge the data by its rules, now."),
    "rebuild": ("commands.lake.core:rebuild", "Derive every table anew from raw.messages."),
    "replay-dead-letters": (
        "commands.run.dead_letters:replay_dead_letters",
        "Publish refused messages again, after a fix.",
    ),
    "reports": ("commands.lake.reports:reports", "Nightly and weekly reports: build, list, serve."),
    "run": ("commands.run.product:run", "Run everything: emulator, Dagster, a demo retailer."),
    "schema": ("commands.run.schema:schema", "The schema of events: validate files, compare."),
    "serve": ("commands.run.serve:serve", "Serve the web console; or stock from memory: serve api."),
    "serve-push": ("push.serve:serve_push", "Take pushed messages; reports for a scheduler."),
    "simulate": ("commands.run.messages:simulate", "Write seeded synthetic messages."),
    "snapshots": ("commands.lake.snapshots:snapshots", "Closing stock of each day, as Parquet."),
    "sql": ("commands.lake.sql:sql", "Ask the lake a question in SQL."),
    "stats": ("commands.lake.core:stats", "Count what the lake holds."),
    "stock-at": ("commands.lake.stock_at:stock_at", "Stock at a moment of event time, late events and all."),
    "tail": ("commands.run.tail:tail", "Watch a topic: decoded, and what is wrong."),
    "thresholds": ("commands.thresholds.group:thresholds", "Threshold rules: list, set, check, back-test."),
    "tokens": ("commands.access.tokens:tokens", "Who may look or act from elsewhere, and who did."),
    "topics": ("commands.run.messages:topics", "Make topics and subscriptions."),
    "velocity": ("commands.lake.core:velocity", "Refresh mean daily units sold, for days of cover."),
    "verify": ("commands.lake.core:verify", "Replay every message and compare with the lake."),
    "why-not": ("commands.alerts.explain:why_not", "Say why a key has no alert now."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="inventory-assets")
def cli() -> None:
    """Inventory monitoring: messages in, a versioned lake, alerts that explain themselves.

    Everything is kept below INVENTORY_HOME (default .inventory); delete it to
    start afresh.
    """


def main() -> None:
    """Run the command line. Exit 0 ok, 1 failed, 2 usage."""
    make_private()
    if sys.stdout is None:
        # What is opened next would get its number, and be written into.
        _fail("standard output is closed, so nothing was done. Redirect it to a file or to /dev/null.")
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows what it lacks as \xe9. `print_rows` writes JSON and CSV as UTF-8.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _run()
    except SystemExit as stop:
        _flush(is_told=bool(stop.code))
        raise
    _flush(is_told=False)


def _run() -> None:
    try:
        cli.main(prog_name="inventory", standalone_mode=False)
        _tell_behind()
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        # What was typed, or what the lake holds, may stand in it.
        said = io.StringIO()
        error.show(said)
        click.echo(visible_lines(said.getvalue()), err=True, nl=False)
        sys.exit(error.exit_code)
    except InventoryError as error:
        _fail(str(error))
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        # A folder that is not ours, a disk that is full: whoever reads this can mend it.
        if error.errno not in _OF_THE_MACHINE:
            raise
        _fail(_said(error))
    except Exception as error:
        # Only a command that asked the lake has loaded it.
        duckdb = sys.modules.get("duckdb")
        if duckdb is None or not isinstance(error, duckdb.Error):
            raise
        if "database is locked" in str(error):
            _fail(
                "the lake's catalog was locked by another process for too long. See who with `fuser` on the "
                "catalog's file (INVENTORY_HOME/lake); stop it if it hangs, then try again."
            )
        _fail(f"the lake refused: {error}")


_OF_THE_MACHINE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENOTDIR,
    errno.EISDIR, errno.ENAMETOOLONG,
}  # fmt: skip


# Younger than this, somebody is about to land them.
_PATIENCE_MILLISECONDS = 3_000


def _tell_behind() -> None:
    """Say what a reader has not seen, where nobody is about to land it."""
    if "inventory_assets.lake.query.reader" not in sys.modules:
        return  # nobody asked the lake
    from inventory_assets.lake.journal.behind import find_behind
    from inventory_assets.settings import load_settings

    behind = find_behind(load_settings())
    if behind is None or behind.is_being_landed or behind.milliseconds < _PATIENCE_MILLISECONDS:
        return
    click.echo(
        f"note: {behind.versions:,} versions, up to {behind.newest:,}, are durable but not in the lake yet, and nobody "
        "lands them: what is shown lacks them. `inventory sql --fresh …` or `inventory drain` brings them in.",
        err=True,
    )


def _said(error: OSError) -> str:
    where = f"{error.filename!r}" if error.filename else "what was to be written"
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}: {why}. Make room there, then try again."
    return f"{where}: {why}. Run this as its owner (see `ls -l`), or choose another place (INVENTORY_HOME, --out)."


def _flush(*, is_told: bool) -> None:
    """Write out what is still held back, while an error can be said; at the interpreter's end it is a traceback."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not is_told and not isinstance(error, BrokenPipeError):
            _fail(f"standard output could not be written: {error.strerror}. What is there is not all of it.")


def _fail(message: str) -> NoReturn:
    # Where standard error is full as well, the exit code has to do.
    with suppress(OSError):
        click.echo(f"Error: {visible_lines(message)}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
