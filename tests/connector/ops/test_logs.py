"""Lines are what Cloud Run reads, few where there are many, and without secrets."""

import io
import json
import logging

import pytest

from inventory_assets.connector.ops.logs import build_logger, library_logs
from inventory_assets.connector.ops.redaction import Redactor
from tests.connector.ops.vitals import NOW


class Log:
    """A logger and what it wrote."""

    def __init__(self, **options):
        self.stream = io.StringIO()
        defaults = {"connector_id": "connector-wh-east-1", "warehouse_id": "WH-EAST-1", "redact": Redactor(["s3cret"])}
        self.logger = build_logger(self.stream, **{**defaults, "now": lambda: NOW, **options})

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log():
    return Log()


def test_a_line_has_what_every_line_has(log):
    log.logger.bind(source_epoch=1_772_600_000).info("token_saved", messages=3)

    assert [
        {
            "severity": "INFO", "message": "token saved", "time": "2026-03-04T12:00:00.000000Z", "event": "token_saved",
            "connector_id": "connector-wh-east-1", "warehouse_id": "WH-EAST-1", "source_epoch": 1_772_600_000, "messages": 3,
        }
    ] == log.lines  # fmt: skip


def test_a_message_in_words_stands_beside_the_event(log):
    log.logger.warning("circuit_opened", message="Pub/Sub does not answer")

    (line,) = log.lines
    assert ("WARNING", "circuit_opened", "Pub/Sub does not answer") == (
        line["severity"],
        line["event"],
        line["message"],
    )
    assert line["source_epoch"] is None


@pytest.mark.parametrize(
    ("method", "severity"),
    [("info", "INFO"), ("warning", "WARNING"), ("error", "ERROR"), ("exception", "ERROR"), ("critical", "CRITICAL")],
)
def test_severities_are_google_clouds(log, method, severity):
    getattr(log.logger, method)("event")

    assert severity == log.lines[0]["severity"]


def test_below_the_level_nothing_is_written():
    log = Log(level="warning")
    log.logger.info("event")

    assert "" == log.text


def test_one_line_in_n_is_written_of_what_happens_for_every_change():
    log = Log(sample_every=10)
    for number in range(25):
        log.logger.info("change_published", sample=True, number=number)
        log.logger.info("change_read", sample=True)
    log.logger.info("token_saved")

    numbers = [line["number"] for line in log.lines if line["event"] == "change_published"]
    assert [0, 10, 20] == numbers
    assert {10} == {line["sampled"] for line in log.lines if line["event"] != "token_saved"}
    assert "sampled" not in log.lines[-1]


def test_warnings_and_errors_are_never_sampled():
    log = Log(sample_every=10)
    for _ in range(5):
        log.logger.warning("dead_letter", sample=True)
        log.logger.error("publish_failed", sample=True)

    assert 10 == len(log.lines)
    assert not [line for line in log.lines if {"sampled", "sample"} & line.keys()]


def test_a_traceback_is_a_field_without_secrets(log):
    try:
        raise ConnectionError("no answer of mongodb://user:pw@host/, key s3cret")
    except ConnectionError:
        log.logger.exception("stream_failed", uri="mongodb://user:pw@host/")

    (line,) = log.lines
    assert "Traceback" in line["stack_trace"] and "mongodb://***@host/, key ***" in line["stack_trace"]
    assert "mongodb://***@host/" == line["uri"]
    assert "user:pw" not in log.text and "s3cret" not in log.text


def test_whatever_is_logged_is_a_line(log):
    log.logger.info("odd", value=object(), when=NOW, text="\ud800", key={("a", 1): b"\xff"}, number=float("nan"))

    assert ["odd"] == [line["event"].strip("'") for line in log.lines]


def test_a_log_nobody_reads_does_not_stop_the_stream(log):
    log.stream.close()

    log.logger.error("event")

    assert log.stream.closed


def test_what_libraries_log_is_a_line_of_ours_while_it_lasts(log):
    library, root = logging.getLogger("pymongo.tests"), logging.getLogger()
    before = root.handlers[:], root.level

    with library_logs(log.logger):
        library.warning("lost %s", "mongodb://user:pw@host/")
        library.info("too little")
    library.warning("not any more")

    (line,) = log.lines
    assert ("WARNING", "library", "lost mongodb://***@host/") == (line["severity"], line["event"], line["message"])
    assert "pymongo.tests" == line["logger"] and "connector-wh-east-1" == line["connector_id"]
    assert before == (root.handlers, root.level)


def test_building_a_logger_disturbs_nobody():
    """Dagster configures logging of its own in processes that may import the connector."""
    import structlog

    before = logging.getLogger().handlers[:]

    Log()

    assert not structlog.is_configured()
    # Others may be there: connectors that ran in threads of this process.
    assert before == logging.getLogger().handlers
