"""`inventory tokens`: what is printed where, and what is refused with which words."""

import re

import pytest

SECRET = r"inv_[A-Za-z0-9_-]{43}"


def made(run, *arguments: str):
    done = run("tokens", "make", *arguments)
    assert done.code == 0, done.err
    return done


def test_the_secret_alone_is_on_standard_output(run):
    """So that `TOKEN=$(inventory tokens make …)` has it, and a log of it has not."""
    done = made(run, "dashboard", "--scope", "read", "--expires", "30d", "--warehouse", "W1", "--rate", "5")

    assert re.fullmatch(SECRET + "\n", done.out)
    assert "dashboard may read in W1 until" in done.err and "5 times a second" in done.err
    assert done.out.strip() not in done.err


def test_tokens_are_listed_without_their_secrets(run):
    secrets = [made(run, name, "--scope", "write").out.strip() for name in ("b", "a")]
    run("tokens", "revoke", "b")

    living, table = run("tokens", "list", "--format", "json"), run("tokens", "list", "--all")

    assert [("a", "write", None, "living")] == [
        (row["name"], row["scope"], row["warehouses"], row["state"]) for row in living.rows
    ]
    assert "revoked" in table.out
    assert not any(each in living.out + table.out for each in secrets)
    assert 3 == len(run("tokens", "list", "--all", "--format", "csv").out.splitlines())


def test_a_home_without_tokens_says_how_to_make_one(run, home):
    listed, written = run("tokens", "list"), run("tokens", "audit", "--format", "json")

    assert (0, "") == (listed.code, listed.out)
    assert "inventory tokens make" in listed.err
    assert [] == written.rows
    assert not home.exists()


def test_what_was_made_and_revoked_is_in_the_audit(run):
    made(run, "ci", "--scope", "read")
    run("tokens", "revoke", "ci")

    rows = run("tokens", "audit", "--format", "json").rows

    assert ["revoke", "make"] == [row["method"] for row in rows]
    assert {"command line"} == {row["token"] for row in rows}
    assert "make" in run("tokens", "audit", "--limit", "5").out
    assert [] == run("tokens", "audit", "--refused", "--format", "json").rows


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("make", "ci"), 2, "--scope"),
        (("make", "ci", "--scope", "root"), 2, "'read', 'write', 'admin'"),
        (("make", " ci", "--scope", "read"), 1, "outer white space"),
        (("make", "\x1b[31m", "--scope", "read"), 1, "control characters"),
        (("make", "x" * 300, "--scope", "read"), 1, "expected 1 to 256"),
        (("make", "inv_x", "--scope", "read"), 1, "as secrets do"),
        (("make", "tok-x", "--scope", "read"), 1, "ids of tokens begin so"),
        (("make", "ci", "--scope", "read", "--expires", "30"), 2, "such as 90m, 12h or 30d"),
        (("make", "ci", "--scope", "read", "--expires", "9999d"), 2, "expected 1m to 3650d"),
        (("make", "ci", "--scope", "read", "--burst", "3"), 2, "it needs --rate"),
        (("make", "ci", "--scope", "read", "--warehouse", ""), 1, "expected 1 to 256"),
        (("revoke", "nobody"), 1, "no token is 'nobody'"),
    ],
)  # fmt: skip
def test_a_slip_is_told_and_makes_nothing(run, home, arguments, code, expected):
    done = run("tokens", *arguments)

    assert (code, "") == (done.code, done.out)
    assert expected in " ".join(done.err.split())
    assert not home.exists()


def test_a_name_that_is_taken_is_told(run):
    made(run, "ci", "--scope", "read")

    again = run("tokens", "make", "ci", "--scope", "read")

    assert (1, "") == (again.code, again.out)
    assert "a living token is named 'ci' already" in again.err


def test_hostile_names_are_printed_as_they_are(run):
    for name in ("x[/foo]", "[bold red]X[/bold red]", ":x:", "a\u202eb"):
        made(run, name, "--scope", "read", "--warehouse", "W[/b]")

    table, revoked = run("tokens", "list").out, run("tokens", "revoke", "x[/foo]").out

    assert all(each in table for each in ("x[/foo]", "[bold red]X[/bold red]", ":x:", r"a\u202eb", "W[/b]"))
    assert "x[/foo] is revoked" in revoked


def test_a_damaged_store_is_told(run, home):
    made(run, "ci", "--scope", "read")
    (home / "access.sqlite").write_bytes(b"rubbish" * 1_000)

    for arguments in (("list",), ("make", "x", "--scope", "read"), ("revoke", "ci"), ("audit",)):
        done = run("tokens", *arguments)

        assert (1, "") == (done.code, done.out)
        assert "access.sqlite" in done.err and "Nobody is let in by it" in done.err
