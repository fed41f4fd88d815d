"""`docs/connector.md` says what the connector's code says: settings, metrics, reasons, and the words of the runbook."""

import re
from pathlib import Path

import grpc
import pytest
import yaml

from inventory_assets.connector.config import FIELDS, load_config
from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.ops.heartbeat import StatusKind, status_message
from inventory_assets.connector.publish import outlet
from inventory_assets.connector.shape import schema_registry, shaping
from inventory_assets.connector.shape.routing import MAX_MESSAGE_BYTES
from inventory_assets.connector.source import change_events
from tests.connector.ops.vitals import NOW, vitals
from tests.docs.connector_tables import metric_rows, setting_cells
from tests.docs.markdown import ROOT, blocks, prose

DOCUMENT = ROOT / "docs" / "connector.md"
TEXT = prose(DOCUMENT)


def section(heading: str) -> str:
    """What is below a heading, up to the next one of its depth or above."""
    depth = len(heading.partition(" ")[0])
    rest = TEXT.partition(f"\n{heading}\n")[2]
    return re.split(rf"^#{{1,{depth}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row whose first one is `code`."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def code_of_the_connector() -> str:
    """All its source, with texts that are written over several lines joined."""
    connector = ROOT / "inventory_assets" / "connector"
    files = [*connector.rglob("*.py"), *(ROOT / "inventory_assets" / "commands" / "connector").glob("*.py")]
    return "\n".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in files)


def test_every_setting_has_its_line_with_default_and_bound():
    described = {tuple(cells[:3]): cells[3] for cells in rows(section("## Configuration"))}

    assert sorted(setting_cells()) == sorted(described)
    assert [] == [cells for cells, meaning in described.items() if not meaning]


def test_what_ordering_takes_is_what_the_table_says():
    def read(value: object) -> object:
        return ConnectorConfig(CONNECTOR_ID="c", MONGODB_URI="mongodb://h/d", ORDERING=value).ordering

    assert [8, "sku", 0, 0, 1000] == [read(value) for value in ("lanes", "sku", "none", 0, 1000)]
    with pytest.raises(ValueError, match="lanes"):
        read(1001)


def test_every_metric_has_its_line():
    lines = section("### Metrics").splitlines()

    assert metric_rows() == [line for line in lines if line.startswith("| `")]


def test_every_reason_of_a_dead_letter_has_its_line():
    constants = (
        shaping.TRANSFORM_FAILED, shaping.DELETE_WITHOUT_IMAGE, shaping.MISSING_DOCUMENT, shaping.OVERSIZED,
        schema_registry.UNKNOWN_VERSION, schema_registry.VIOLATION, change_events.UNDECODABLE, change_events.TOO_LARGE,
        outlet.REFUSED_BY_PUBSUB,
    )  # fmt: skip

    assert sorted(f"`{reason}`" for reason in constants) == sorted(
        cells[0] for cells in rows(section("## Dead letters"))
    )
    assert f"{MAX_MESSAGE_BYTES:,} bytes" in TEXT


def test_every_status_message_has_its_line():
    severities = [status_message(kind, vitals(), NOW).attributes["severity"] for kind in StatusKind]
    expected = [[f"`{kind}`", severity] for kind, severity in zip(StatusKind, severities, strict=True)]

    assert sorted(expected) == sorted(cells[:2] for cells in rows(section("### Status messages")))


def test_every_event_of_the_log_has_its_line():
    calls = r'(?:_logger|\blog)\.?(?:info|warning|critical|exception|log)?\(\s*(?:record\.levelno, )?"(\w+)"'
    connector = ROOT / "inventory_assets" / "connector"
    used = {name for file in ("ops/operations", "runtime", "ops/logs")
            for name in _found(calls, connector / f"{file}.py")}  # fmt: skip

    assert used == set(re.findall(r"`(\w+)`", "".join(cells[0] for cells in rows(section("### Logs")))))


def _found(pattern: str, path: Path) -> set[str]:
    return set(re.findall(pattern, path.read_text()))


def test_the_runbook_quotes_the_code():
    """What an operator reads at night is searched for word by word."""
    code = code_of_the_connector()
    lines = [line for line in section("## Runbook").splitlines() if "**You see**" in line]
    quoted = [text for line in lines for text in re.findall(r"`([^`]+)`", line)]
    parts = [part.strip() for text in quoted for part in text.split("…")]
    bare = [part.removeprefix("inventory_connector_").removesuffix("_total") for part in parts]
    known = {*FIELDS, *(status.name for status in grpc.StatusCode)}

    assert len(lines) > 15 and len(quoted) > 60
    assert [] == [text for text in bare if text not in code and text not in known]


def test_every_failure_has_what_you_see_what_to_do_and_its_end():
    runbook = re.split(r"^### ", section("## Runbook"), flags=re.MULTILINE)[1:]

    assert len(runbook) > 15
    for failure in runbook:
        if not failure.startswith("Add or remove"):
            assert [] == [words for words in ("**You see**", "**Do**", "**It is over**") if words not in failure], (
                failure
            )


@pytest.mark.parametrize(
    "block", [block for block in blocks(DOCUMENT) if block.language == "yaml"], ids=lambda block: block.place
)
def test_every_shown_configuration_is_one(block, tmp_path):
    path = tmp_path / "connector.yaml"
    path.write_text(block.code)

    config = load_config(path, {"MONGODB_URI": "mongodb://db.internal/"})

    assert yaml.safe_load(block.code)["CONNECTOR_ID"] == config.connector_id
