"""Every number at the command line has a range: one beyond it is refused with it, and read as it is written."""

import socket

import click
import pytest

from inventory_assets.cli import cli
from inventory_assets.commands.run.processes import NoFreePortError, free_port
from inventory_assets.commands.thresholds.edits import OrNone
from inventory_assets.option_types import Decimal, Whole
from tests.commands.tree import subcommands

SLIPS = ("1_000", "0x10", "\u0661\u0662", "nan", "inf", "1e999", "many", "9" * 5_000, "")


def numbers(group: click.Group, path: str = "inventory"):
    """(command and option, its type, its default) of every option that takes a number."""
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            yield from numbers(command, f"{path} {name}")
        for option in command.params:
            kind = option.type
            if isinstance(kind, Whole | Decimal | OrNone | click.types.IntParamType | click.types.FloatParamType):
                yield f"{path} {name} {option.opts[0]}", option


def test_every_number_of_every_command_has_a_range_with_both_ends():
    """A plain `int` takes 10^30, and whoever multiplies with it ends in a traceback."""
    found = {place: option.type for place, option in numbers(cli)}

    assert {} == {place: kind for place, kind in found.items() if not isinstance(kind, Whole | Decimal | OrNone)}
    assert len(found) > 30


@pytest.mark.parametrize(
    "option", [pytest.param(option, id=place) for place, option in numbers(cli) if not isinstance(option.type, OrNone)]
)
def test_a_number_beyond_its_range_is_refused_with_the_range(option):
    kind = option.type
    for text in (*SLIPS, str(kind.min - 1), str(kind.max + 1), "-" + "9" * 18):
        with pytest.raises(click.BadParameter, match=f"expected a .*number from {kind.min:,} to {kind.max:,}"):
            kind.convert(text, option, None)
    assert [kind.min, kind.max] == [kind.convert(f"{end}", option, None) for end in (kind.min, kind.max)]
    if isinstance(option.default, int | float):
        assert kind.min <= option.default <= kind.max


@pytest.mark.parametrize("text", [*SLIPS, "1,5"])
def test_a_limit_of_a_rule_is_a_number_in_plain_digits_or_none(run, home, text):
    found = run("thresholds", "set", "SKU", "S1", "--min", text)

    assert 2 == found.code
    assert "plain digits, or `none`" in found.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "--rate", "0"), "from 0.0001 to 1,000,000"),
        (("run", "--port", "65536"), "from 1 to 65,535"),
        (("run", "--emulator-port", "-1"), "from 1 to 65,535"),
        (("run", "--seconds", "nan"), "from 1 to 315,360,000"),
        (("simulate", "--skus", "0"), "from 1 to 1,000,000"),
        (("simulate", "--skus", "1000000", "--warehouses", "11"), "at most 10,000,000"),
        (("simulate", "--rate", "0.001", "--events", "1000000000"), "at most 2,9"),
        (("simulate", "--start", "0001-01-01"), "expected 1970-01-01 to 9998-12-31"),
        (("simulate", "--start", "9999-12-31T23:59:59"), "expected 1970-01-01 to 9998-12-31"),
        (("simulate", "--mongo", "mongodb://localhost:1/x", "--rate", "-5"), "from 0.0001 to 1,000,000"),
        (("simulate", "--live", "--seed", "1000000000001"), "from 0 to 1,000,000,000,000"),
    ],
)  # fmt: skip
def test_run_and_simulate_say_the_range_before_they_do_anything(run, home, arguments, expected):
    found = run(*arguments)

    assert (2, "") == (found.code, found.out)
    assert expected in " ".join(found.err.split())
    assert not home.exists()


def test_a_simulation_at_the_ends_of_its_ranges_plays(run):
    for ends in (("--rate", "0.0001", "--start", "1970-01-01"), ("--rate", "1000000", "--start", "9998-12-31")):
        found = run("simulate", "--skus", "1", "--warehouses", "1", "--events", "20", "--seed", "0", *ends)

        assert 0 == found.code, found.err
        assert 20 <= len(found.out.splitlines())


def test_a_port_is_looked_for_up_to_the_last_there_is(monkeypatch):
    """One above the last was an OverflowError of the socket."""
    monkeypatch.setattr(socket.socket, "bind", lambda self, address: (_ for _ in ()).throw(OSError))

    with pytest.raises(NoFreePortError, match="from 65530 to 65535 was free"):
        free_port(65_530)
