"""JSON log lines as Cloud Run reads them, one logger for one connector.

Here: fields, sampling, redaction, and what libraries log. Not here: what is worth a line.

Nothing global is set but by `library_logs`, while it lasts: the logger is an object that is handed on,
so that importing the connector disturbs nobody's logging. Every line has `severity message time event
connector_id warehouse_id source_epoch`; `event` is the stable name to search for, and `message` says it
in words. A line for every change is written with `sample=True`: one in `sample_every` of its event is,
with that number as `sampled`. Warnings and errors always are.
"""

import itertools
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from inventory_assets.connector.ops.redaction import Redactor

_Line = MutableMapping[str, Any]
_ALWAYS = frozenset({"warning", "warn", "error", "exception", "critical", "fatal"})
_SEVERITIES = {"warn": "WARNING", "exception": "ERROR", "fatal": "CRITICAL"}


def build_logger(
    stream: TextIO,
    *,
    connector_id: str,
    warehouse_id: str | None,
    redact: Redactor,
    sample_every: int = 100,
    level: str = "INFO",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FilteringBoundLogger:
    """Build the connector's logger; bind `source_epoch` once it is known.

    Args:
        level: Name of the least severe level that is written.
        sample_every: Of lines with `sample=True`; 1 writes all.
    """

    def render(logger: Any, method: str, line: _Line) -> str:
        severity = _SEVERITIES.get(method, method.upper())
        event = str(line.pop("event", ""))
        message = line.pop("message", None) or event.replace("_", " ")
        trace = line.pop("exception", None)
        shown = {"severity": severity, "message": message, "time": _time_of(now()), "event": event, **line}
        if trace is not None:
            shown["stack_trace"] = trace
        return redact(_encode(shown))

    logger: FilteringBoundLogger = structlog.wrap_logger(
        _Output(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        processors=[_Sampler(sample_every), structlog.processors.format_exc_info, render],
        cache_logger_on_first_use=True,
    ).bind(connector_id=connector_id, warehouse_id=warehouse_id, source_epoch=None)
    return logger


@contextmanager
def library_logs(logger: FilteringBoundLogger) -> Iterator[None]:
    """Write what libraries log as lines of ours too, so that secrets are taken out of those as well.

    Replaces the root logger's handlers meanwhile: for the connector's own process only.
    """
    root = logging.getLogger()
    before, level_before = root.handlers[:], root.level
    root.handlers[:] = [_Handler(logger)]
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level_before)


class _Sampler:
    # itertools.count, because its next() is one step to threads.
    def __init__(self, every: int) -> None:
        self._every = max(1, every)
        self._seen: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)

    def __call__(self, logger: Any, method: str, line: _Line) -> _Line:
        if line.pop("sample", False) and method not in _ALWAYS:
            if next(self._seen[line["event"]]) % self._every:
                raise structlog.DropEvent
            line["sampled"] = self._every
        return line


class _Output:
    """Where lines go. A log nobody reads any more must not stop the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def _write(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            pass  # a closed pipe, or a closed file: there is nobody to tell

    debug = info = warning = warn = error = exception = critical = fatal = log = msg = _write


class _Handler(logging.Handler):
    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # a library's mistake in its own arguments
            message = str(record.msg)
        self._logger.log(
            record.levelno, "library", message=message, logger=record.name, exc_info=record.exc_info or None
        )  # fmt: skip


def _time_of(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encode(line: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(line, enc_hook=repr).decode()
    except Exception:
        # A lone surrogate, a key that is no text: a line that reads badly is better than none.
        return json.dumps({str(key): repr(value) for key, value in line.items()})
