"""A command that holds data does what it says, pasted into whatever shell, and nothing else."""

import ast
import shlex
import shutil
import subprocess

import pytest

from inventory_assets.words.commands import command, quoted
from tests.house.test_words import product
from tests.messaging.brokers import REPOSITORY

HOSTILE = (
    "$(touch pwned)", "`touch pwned`", "; touch pwned;", "a'b", 'a"b', "'; touch pwned; '", "\\'; touch pwned; '",
    "a\\", "a b", "#x", "~", "*", "!!", "&& touch pwned", "| touch pwned", "> pwned", "${IFS}", "日本", "", "=x",
)  # fmt: skip
UNSEEN = (
    "a\ntouch pwned\nb",
    "\x1b]0;x\x07",
    "\u202eevil",
    "a\u200bb'; touch pwned; '",
    "\x9b31m",
    "\u2028",
    "\U000e0041\\",
)
SHELLS = [shell for shell in ("sh", "bash", "zsh", "fish") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_hands_on_what_was_quoted(shell, tmp_path):
    texts = HOSTILE if shell in ("sh", "fish") else HOSTILE + UNSEEN
    line = "; ".join(f"printf '%s\\0' {quoted(text)}" for text in texts)

    found = subprocess.run([shell, "-c", line], cwd=tmp_path, capture_output=True, check=True).stdout

    assert [*map(str.encode, texts)] == found.split(b"\0")[:-1]
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", UNSEEN)
def test_a_shell_without_such_quotes_runs_nothing(text, tmp_path):
    """dash, which `sh` may be, knows no `$'...'`: another word is wrong there, a command never."""
    subprocess.run(["sh", "-c", f"echo {quoted(text)}"], cwd=tmp_path, capture_output=True, check=True)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", [*HOSTILE, *UNSEEN])
def test_what_is_printed_is_one_visible_line(text):
    assert quoted(text).isprintable()


def test_a_value_is_no_option_and_a_template_no_shell_code():
    assert "inventory explain 'alt-$(x)'" == command("inventory explain {}", "alt-$(x)")
    assert ["inventory", "why-not", "--", "W{}", "--help"] == shlex.split(
        command("inventory why-not {} {}", "W{}", "--help")
    )
    assert "inventory snapshots build --from -1 --table t" == command(
        "inventory snapshots build --from {} --table {}", -1, "t"
    )
    with pytest.raises(ValueError, match="more values"):
        command("inventory explain {}", "a", "b")


def test_no_command_is_put_together_by_hand():
    """What an id holds is shell code to whoever pastes it: `words.commands` writes every command with data in it."""
    found = [
        f"{path}:{node.lineno}"
        for path in product()
        if str(path) not in WITHOUT_DATA
        for node in ast.walk(ast.parse((REPOSITORY / path).read_text()))
        if isinstance(node, ast.JoinedStr) and _is_command(node)
    ]

    assert [] == found


# Module: what stands in its commands instead of data.
WITHOUT_DATA = {
    "inventory_assets/lake/files/partition_files.py": "a day and a table of ours; the lake knows no words",
    "inventory_assets/lake/query/as_of.py": "a time of ours; the lake knows no words",
    "inventory_assets/domain/thresholds/findings.py": "a column of ours",
    "inventory_assets/assets/dbt_marts.py": "a model of ours",
    "inventory_assets/assets/metadata.py": "a question of ours",
    "inventory_assets/assets/specs.py": "a question of ours",
    "inventory_assets/assets/snapshots.py": "a question of ours",
    "inventory_assets/assets/reports.py": "a kind of ours",
    "inventory_assets/commands/run/serve.py": "a service of ours",
    "inventory_assets/console/guard.py": "the name of a variable",
    "inventory_assets/serving/serve.py": "the name of a variable",
    "inventory_assets/domain/access/grants.py": "a scope",
}


def _is_command(text: ast.JoinedStr) -> bool:
    """Whether a value stands on the line of a command, before its closing backquote."""
    so_far = ""
    for part in text.values:
        if isinstance(part, ast.Constant):
            so_far += str(part.value)
        else:
            line = so_far.rpartition("\n")[2].rpartition("inventory ")
            if (
                line[1]
                and not line[0].endswith("/")
                and line[2][:1].islower()
                and "`" not in line[2]
                and "  " not in line[2]
            ):
                return True
            so_far += "\0"
    return False
