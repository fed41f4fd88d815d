"""The documents are true: what they tell to type works, what they show is printed, what they name is there.

Blocks marked `bash`, `python` and `sql` are run; `text` after one is its
output; `sh` needs a terminal of its own or a cloud, so its commands are only
parsed.
"""

import json
import re
import shlex
import tomllib
from itertools import chain, pairwise, takewhile

import click
import pytest

from inventory_assets.cli import cli
from inventory_assets.console.dagster_ui import NAMES_VARIABLE
from inventory_assets.domain.notify.policy_file import read_policy
from inventory_assets.exchange.file import read_exchange_file
from inventory_assets.lake.tables import APPEND_TABLES, VERSIONED_TABLES
from inventory_assets.messaging.topology import TopicSchema, load_topology
from inventory_assets.publishing.mapping import to_mapping
from inventory_assets.quality.rules import RULES
from inventory_assets.settings import _READERS, Settings, load_settings
from tests.commands.tree import subcommands
from tests.docs.conftest import Ran, plain
from tests.docs.markdown import DOCUMENTS, ROOT, Block, anchors, blocks, links, prose, table_names

# The first test that needs `ran` waits for every command of every document.
pytestmark = pytest.mark.timeout(1800)

ALL_TEXT = "\n".join(document.read_text() for document in DOCUMENTS)
FIRST_ALERT = ROOT / "docs" / "first-alert.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
SETTINGS = ROOT / "docs" / "settings.md"
# The picture is made from a running UI, by hand.
MADE_BY_HAND = {"docs/images/ui.png"}


def commands(group: click.Group, *above: str) -> list[tuple[str, ...]]:
    """Every command of the CLI, as words."""
    found: list[tuple[str, ...]] = []
    for name, command in subcommands(group).items():
        found += commands(command, *above, name) if isinstance(command, click.Group) else [(*above, name)]
    return found


def typed(code: str) -> list[list[str]]:
    """The arguments of every `inventory …` line."""
    lines = code.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.rstrip("& "), comments=True)[1:] for line in lines if line.startswith("inventory ")]
    # Where its output goes is the shell's.
    return [list(takewhile(lambda word: not word.startswith((">", "2>", "|")), each)) for each in words]


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it."""
    command: click.Command = cli
    context = None
    # A group that works alone, as `inventory alerts` does, may be followed by options.
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, arguments = arguments[0], arguments[1:]
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
        found = command.get_command(context, name)
        assert found is not None, f"no command {name!r}"
        command = found
    command.make_context(command.name, arguments, parent=context)


@pytest.mark.big
def test_every_runnable_block_exits_0(ran: list[Ran]):
    failed = [f"{each.block.place} exit {each.exit_code}:\n{each.output[-1500:]}" for each in ran if each.exit_code]

    assert failed == []


@pytest.mark.big
def test_shown_output_is_what_is_printed(ran: list[Ran]):
    """Every line of a `text` block is a line that the block before it printed; `…` alone stands for some left out."""
    printed = {each.block.place: plain(each.output) for each in ran}
    pairs = [pair for document in DOCUMENTS for pair in pairwise(blocks(document)) if pair[1].language == "text"]

    assert len(pairs) >= 3
    for before, shown in pairs:
        assert [line for line in plain(shown.code) if line not in ("…", *printed[before.place])] == [], shown.place


@pytest.mark.big
def test_queries_that_readers_start_from_give_rows(ran: list[Ran]):
    """Ten questions about the lake that the README fills; an empty answer teaches nothing."""
    questions = [each for each in ran if each.block.language == "sql" and each.block.place.startswith("docs/sql.md")]

    assert len(questions) == 10
    assert [each.block.place for each in questions if each.output.strip() == "[]"] == []


@pytest.mark.big
def test_the_message_shown_is_the_one_that_leaves(ran: list[Ran]):
    [shown] = [json.loads(block.code) for block in blocks(FIRST_ALERT) if block.language == "json"]
    [printed] = [each.output for each in ran if each.block.code == "inventory alerts --format json\n"]

    assert shown in json.loads(printed)


@pytest.mark.parametrize("block", [b for d in DOCUMENTS for b in blocks(d)], ids=lambda block: block.place)
def test_every_block_is_marked_and_its_commands_parse(block: Block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"(?<![\w/])[\w-][\w/-]*\.(?:csv|jsonl|json|yaml|toml|proto|binpb)", block.code):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert block.language in ("bash", "sh", "python", "sql", "text", "mermaid", "json", "js", "toml", "yaml")
    for arguments in typed(block.code):
        parse(arguments)


@pytest.mark.parametrize(
    "block", [b for d in DOCUMENTS for b in blocks(d) if b.language == "toml"], ids=lambda block: block.place
)
def test_every_shown_file_is_one(block: Block):
    """A block may show one channel, which then nothing uses yet."""
    if block.place.startswith("docs/exchange.md"):
        assert read_exchange_file(tomllib.loads(block.code), {"SHOP_PASSWORD": "hush"}, said_in="docs")[1] == []
        return
    if block.place.startswith("docs/schemas.md"):
        topology, shown = load_topology(), tomllib.loads(block.code)
        assert [each["name"] for each in shown["schemas"]] == [each.name for each in topology.schemas]
        shown_by_topic = {each["name"]: TopicSchema(**each["schema"]) for each in shown["topics"]}
        assert shown_by_topic == {each.name: each.schema for each in topology.topics if each.schema}
        return
    if block.place.startswith("docs/publishing.md"):
        assert to_mapping(tomllib.loads(block.code))[0].constants
        return
    problems = read_policy(tomllib.loads(block.code))[1]

    assert [] == [problem for problem in problems if "no route and no rule channel uses it" not in problem]


def test_every_command_is_in_the_docs():
    missing = [" ".join(words) for words in commands(cli) if f"inventory {' '.join(words)}" not in ALL_TEXT]

    assert missing == ["run"]  # `make run` is how it is run
    assert "make run" in ALL_TEXT


def test_every_command_but_those_that_stay_is_run():
    run = [tuple(words) for d in DOCUMENTS for b in blocks(d) if b.language == "bash" for words in typed(b.code)]
    missing = [words for words in commands(cli) if not any(each[: len(words)] == words for each in run)]

    # The exchange needs a server; `tests/commands/lake/test_exchange_pull.py` and `test_exchange_push.py` have one.
    apart = [("exchange", "pull"), ("exchange", "push")]
    assert sorted(missing) == [*apart, ("reports", "serve"), ("run",), ("serve", "api")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    for link in links(document):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if str(target.relative_to(ROOT)) not in MADE_BY_HAND:
            assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_named_tests_exist():
    """A guarantee names the test that shows it."""
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", ALL_TEXT):
        source = ROOT / path

        assert source.exists(), path
        assert not name or f"def {name}(" in source.read_text(), f"{path}::{name}"


def test_every_direct_dependency_has_its_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[<>=!~ \[]", requirement, maxsplit=1)[0] for requirement in wanted}

    assert names - {project["name"]} == table_names(ROOT / "docs" / "dependencies.md")


def test_every_setting_has_its_line():
    own = {f"INVENTORY_{name.upper()}" for name in _READERS} | {NAMES_VARIABLE}

    assert own == {name for name in table_names(SETTINGS) if name.startswith("INVENTORY_")}


def test_the_settings_named_have_the_defaults_in_force():
    shown = dict(re.findall(r"^\| `INVENTORY_(\w+)` \| `([^`]+)` \|", SETTINGS.read_text(), re.M))
    # The home is made absolute, and a policy of that name is looked for there.
    values = {name.lower(): text for name, text in shown.items() if name not in ("HOME", "ALERTING")}

    assert len(values) > 8
    assert {name: getattr(Settings(), name) for name in values} == {
        name: getattr(load_settings({f"INVENTORY_{name.upper()}": text}), name) for name, text in values.items()
    }


def test_every_dead_letter_reason_has_its_line():
    sources = "\n".join(path.read_text() for path in (ROOT / "inventory_assets" / "domain").rglob("*.py"))
    reasons = set(re.findall(r'(?:InvalidValue|Rejection)\(\s*"([a-z_]+)"', sources)) | {"invariant_violation"}
    text = prose(ROOT / "docs" / "guarantees.md")
    described = text.split("## Dead letters")[1].split("\n## ")[0]

    assert reasons == set(re.findall(r"^\| `([a-z_]+)` \|", described, re.MULTILINE))


def test_every_table_is_described():
    text = (ROOT / "docs" / "architecture.md").read_text()

    assert [t.full_name for t in (*APPEND_TABLES, *VERSIONED_TABLES) if f"`{t.full_name}`" not in text] == []


def test_every_rule_of_data_quality_is_described():
    """With its text and severity, and whether it holds alerts and runs hourly."""
    lines = (ROOT / "docs" / "data-quality.md").read_text().splitlines()
    described = [line.rsplit(" | ", 1)[0] for line in lines if re.match(r"\| `\w+` \| .* \| (ERROR|WARN)", line)]

    assert described == [
        f"| `{rule.name}` | {rule.text} | {rule.severity}{', holds' * rule.is_of_stock}{', hourly' * rule.is_light}"
        for rule in RULES
    ]


def test_glossary_has_the_terms_of_the_product():
    """Each once, one line each, in the words the code uses."""
    terms = re.findall(r"^- \*\*(.+?)\*\* – .+\.$", GLOSSARY.read_text(), re.MULTILINE)
    needed = {
        "on_hand", "reserved", "available", "inbound", "level", "position", "frontier", "burst", "version", "epoch",
        "watermark", "base", "delta", "cooldown", "hysteresis", "escalated", "improved", "key", "rollup", "outbox",
    }  # fmt: skip

    assert needed <= set(terms)
    assert len(terms) == len(set(terms)) == GLOSSARY.read_text().count("\n- ")
