"""Every question in SQL of README and docs has an answer in the demo, or the words before it say why it may have none."""

import re
import shlex

import polars as pl
import pytest
from click.testing import CliRunner

from inventory_assets.cli import cli
from inventory_assets.commands.run.demo import HISTORY_DAYS
from inventory_assets.marts.build import build_marts
from inventory_assets.settings import Settings
from tests.demo.retail import open_demo, small
from tests.docs.markdown import DOCUMENTS, ROOT, Block, blocks

pytestmark = pytest.mark.big

# As many messages a shelf as the demo has: some run out, and some sell nothing.
RETAILER = small(skus=400, warehouses=2, messages_per_day=150.0, history_days=HISTORY_DAYS)
# Needs an archive, which a demo has not.
ELSEWHERE = ROOT / "docs" / "archive.md"
COMMAND = re.compile(r'^inventory sql ("(?:[^"\\]|\\.)*"[^|\n]*)', re.MULTILINE)
MAY_BE_EMPTY = re.compile(r"\bno rows?\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Settings:
    """The home of a demo that has just opened: its past, and all that the first run makes of it."""
    settings = Settings(home=tmp_path_factory.mktemp("demo"), partitions_start_date=RETAILER.start_at.date())
    open_demo(settings, RETAILER, speed=144)
    assert not build_marts(settings).failed
    return settings


def test_every_question_has_an_answer(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    silent = []
    for document in DOCUMENTS:
        for block in blocks(document):
            silent += [
                f"{block.place}: {words[0]}"
                for words in questions(block)
                if document != ELSEWHERE and not MAY_BE_EMPTY.search(block.lead) and not has_answer(demo, words)
            ]

    assert [] == silent


def questions(block: Block) -> list[list[str]]:
    """What is asked of the lake, the query and options; but not of what the block itself sends there."""
    if block.language == "sql":
        return [[block.code]]
    is_of_the_lake = block.language == "bash" and "inventory publish" not in block.code
    asked = [shlex.split(words) for words in COMMAND.findall(block.code)] if is_of_the_lake else []
    # Where a shell sends it is not ours.
    return [words[: words.index(">")] if ">" in words else words for words in asked]


def has_answer(settings: Settings, words: list[str]) -> bool:
    """Whether any row comes of it."""
    asked = CliRunner().invoke(cli, ["sql", "--format", "csv", *words], env={"INVENTORY_HOME": str(settings.home)})
    assert asked.exit_code == 0, f"{words}: {asked.output}"
    if "--out" in words:
        return pl.read_parquet(words[words.index("--out") + 1]).height > 0
    return len(asked.stdout.splitlines()) > 1
