"""`inventory tokens make | list | revoke | audit`: keys for people and programs, and what was done with them."""

from datetime import timedelta
from typing import Any

import click

from inventory_assets.access.audit import read_refusals, read_writes
from inventory_assets.access.tokens import list_tokens, make_token, revoke_token
from inventory_assets.clock import clock_of
from inventory_assets.commands.output import console, format_option, limit_option, notes, print_found, print_older
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.access.tokens import MAX_RATE, Token, read_lifetime
from inventory_assets.domain.values import InvalidValue, to_datetime
from inventory_assets.option_types import ROWS, Decimal, Whole
from inventory_assets.settings import load_settings
from inventory_assets.words.text import name as shown_name
from inventory_assets.words.times import to_minute

_SHOWN = 100


class Lifetime(click.ParamType):
    """How long a token is good."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        try:
            return value if isinstance(value, timedelta) else read_lifetime(value)
        except InvalidValue as error:
            self.fail(f"{error.detail}.", param, ctx)


@click.group()
def tokens() -> None:
    """Tokens for who is to look or to act from elsewhere, and what was done with them."""


@tokens.command()
@click.argument("name")
@click.option("--scope", type=click.Choice([each.value for each in Scope]), required=True,
              help="read: to look. write: to act as well. admin: what concerns a service itself.")  # fmt: skip
@click.option("--warehouse", "warehouses", multiple=True, help="Of this warehouse only; repeat it.  [default: of all]")
@click.option("--expires", "lifetime", type=Lifetime(),
              help="How long it is good, such as 90m, 12h or 30d.  [default: until it is revoked]")  # fmt: skip
@click.option("--rate", type=Decimal(0.01, MAX_RATE), help="Requests a second.  [default: no limit]")
@click.option("--burst", type=Whole(1, MAX_RATE), help="How many of them at once.  [default: a second's]")
def make(
    name: str, scope: str, warehouses: tuple[str, ...], lifetime: timedelta | None, rate: float | None,
    burst: int | None,
) -> None:  # fmt: skip
    """Make a token, and print its secret: now, and never again.

    NAME says who has it, or what it is for; it is the author of what is done with
    it. No two living tokens have the same.

    \b
    inventory tokens make dashboard --scope read --expires 90d
    inventory tokens make floor-2 --scope write --warehouse WH-EAST-1 --rate 5
    """
    if burst is not None and rate is None:
        raise click.UsageError("--burst is how many come at once of a rate, so it needs --rate.")
    token, secret = make_token(
        load_settings(), name, Scope(scope), warehouses=warehouses, lifetime=lifetime, rate=rate, burst=burst
    )
    notes.print(f"{token.token_id}: {token.name} may {_may(token)}. Keep its secret: it is shown this once.")
    click.echo(secret)


@tokens.command("list")
@click.option("--all", "with_ended", is_flag=True, help="Those that were revoked or have expired, too.")
@limit_option
@format_option
def list_(with_ended: bool, limit: int, format_: str) -> None:
    """List the tokens, by name; never their secrets."""
    settings = load_settings()
    found, now = list_tokens(settings, with_ended=with_ended), clock_of(settings).microseconds()
    if format_ == "table" and found:
        rows = [_shown_row(each, now) for each in found]
    else:
        rows = [_row(each, now) for each in found]
    print_found(
        rows, format_, "no token: inventory tokens make NAME --scope read", limit=limit, leaving=("rate", "token_id")
    )


@tokens.command()
@click.argument("name_or_id")
def revoke(name_or_id: str) -> None:
    """Revoke a token: within a second it opens nothing, logins with it neither."""
    token = revoke_token(load_settings(), name_or_id)
    console.print(f"{token.token_id} {token.name} is revoked")


@tokens.command()
@click.option("--limit", type=ROWS, default=_SHOWN, show_default=True, help="The newest so many.")
@click.option("--refused", is_flag=True, help="Instead, how often somebody was refused, by hour and reason.")
@format_option
def audit(limit: int, refused: bool, format_: str) -> None:
    """Print who wrote what, the newest first."""
    settings = load_settings()
    if refused:
        refusals = read_refusals(settings, limit + 1)
        print_found(refusals[:limit], format_, "nobody was refused")
        print_older(refusals, limit)
        return
    found = read_writes(settings, limit + 1)
    rows = found[:limit]
    if format_ == "table":
        rows = [{name: _cell(row, name) for name in ("at", "token", "method", "path", "resource", "status")}
                for row in rows]  # fmt: skip
    print_found(rows, format_, "nothing was written with a token", leaving=("resource", "method"))
    print_older(found, limit)


def _may(token: Token) -> str:
    where = f" in {', '.join(token.warehouses)}" if token.warehouses else ""
    until = "" if token.expires_at is None else f" until {to_minute(to_datetime(token.expires_at))} UTC"
    often = "" if token.rate is None else f", {token.rate:g} times a second"
    return f"{token.scope}{where}{until}{often}"


def _row(token: Token, now: int) -> dict[str, Any]:
    return {
        "token_id": token.token_id, "name": token.name, "scope": token.scope.value,
        "warehouses": list(token.warehouses) or None, "rate": token.rate,
        "burst": None if token.rate is None else token.burst, "made_at": to_datetime(token.made_at),
        "expires_at": None if token.expires_at is None else to_datetime(token.expires_at),
        "state": token.state(now).value, "ended_at": None if token.ended_at is None else to_datetime(token.ended_at),
    }  # fmt: skip


def _shown_row(token: Token, now: int) -> dict[str, Any]:
    row = _row(token, now)
    places = shown_name(", ".join(token.warehouses)) if token.warehouses else "all"
    return {name: row[name] for name in ("token_id", "name", "scope")} | {
        "warehouses": places, "rate": row["rate"], "expires (UTC)": row["expires_at"], "state": row["state"],
    }  # fmt: skip


def _cell(row: dict[str, Any], name: str) -> Any:
    # A tool of the command line answers no status.
    return None if name == "status" and not row[name] else row[name]
