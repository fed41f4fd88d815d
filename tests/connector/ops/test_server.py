"""Probes are answered from the start, in words, and never keep the process."""

import contextlib
import json
import socket
import threading

import pytest
import urllib3

from inventory_assets.connector.errors import ConfigurationError
from inventory_assets.connector.ops.health import Limits
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.connector.ops.redaction import Redactor
from inventory_assets.connector.ops.server import OperationsServer, build_app
from inventory_assets.connector.ops.vitals import State
from tests.connector.ops.vitals import NOW, ago, circuit, vitals

PATIENCE_SECONDS = 60


class Patient:
    """A connector whose vitals the test sets."""

    def __init__(self):
        self.vitals = vitals()

    def __call__(self):
        if isinstance(self.vitals, Exception):
            raise self.vitals
        return self.vitals


@pytest.fixture
def patient():
    return Patient()


@pytest.fixture
def server(patient):
    metrics = ConnectorMetrics(connector_id="connector-wh-east-1", warehouse_id="WH-EAST-1", version="1")
    app = build_app(vitals=patient, metrics=metrics, now=lambda: NOW, limits=Limits(), clean=Redactor(["s3cret"]))
    server = OperationsServer(app, host="127.0.0.1", port=0)
    server.start()
    yield server
    server.close(timeout_seconds=PATIENCE_SECONDS)


def get(server, path):
    return urllib3.request("GET", f"http://127.0.0.1:{server.port}{path}", timeout=PATIENCE_SECONDS, retries=False)


@pytest.mark.parametrize(
    ("fields", "health", "readiness"),
    [
        ({}, 200, 200),
        ({"state": State.COPYING}, 200, 200),
        ({"circuits": (circuit(),)}, 200, 503),
        ({"state": State.FAILED}, 503, 503),
    ],
)
def test_the_status_is_the_verdict(server, patient, fields, health, readiness):
    patient.vitals = vitals(**fields)

    assert (health, readiness) == (get(server, "/health").status, get(server, "/readiness").status)


def test_the_body_says_what_is_wrong_in_words_and_numbers_without_secrets(server, patient):
    patient.vitals = vitals(
        circuits=(circuit(error="no primary at mongodb://user:pw@host/ (key s3cret)"),), lag_seconds=300.0
    )

    body = json.loads(get(server, "/readiness").data)

    assert ("failing", True, False) == (body["status"], body["is_alive"], body["is_ready"])
    assert 2 == len(body["reasons"]) and "pubsub is not asked since 40 s" in body["reasons"][0]
    assert "connector-wh-east-1" == body["connector_id"] and 300.0 == body["lag_seconds"]
    assert "no primary at mongodb://***@host/ (key ***)" == body["circuits"][0]["last_error"]


def test_metrics_are_prometheus_text(server):
    answer = get(server, "/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert b'inventory_connector_lag_seconds{connector_id="connector-wh-east-1"} 0.0' in answer.data


def test_a_connector_that_cannot_tell_is_not_well(server, patient):
    patient.vitals = RuntimeError("s3cret")

    answer = get(server, "/health")

    assert 500 == answer.status and b"RuntimeError" in answer.data and b"s3cret" not in answer.data


def test_a_busy_port_is_a_clear_error(server):
    other = OperationsServer(
        build_app(vitals=vitals, metrics=None, now=None, limits=Limits()), host="127.0.0.1", port=server.port
    )

    with pytest.raises(ConfigurationError, match=f"port {server.port}.*HEALTH_PORT"):
        other.start()

    other.close()


def test_a_client_that_hangs_does_not_keep_the_process(server):
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(b"GET /health HTTP/1.1\r\n")
        get(server, "/health")

        server.close(timeout_seconds=PATIENCE_SECONDS)

        assert "connector-http" not in {thread.name for thread in threading.enumerate()}


def test_a_probe_before_the_stream_is_answered(server, patient):
    """Cloud Run's startup probe comes while MongoDB is still being looked for."""
    patient.vitals = vitals(state=State.STARTING, last_heartbeat_at=None, started_at=ago(3), source_epoch=None)

    assert (200, 503) == (get(server, "/health").status, get(server, "/readiness").status)


def test_closing_twice_or_before_the_start_is_fine(server):
    unused = OperationsServer(
        build_app(vitals=vitals, metrics=None, now=None, limits=Limits()), host="127.0.0.1", port=0
    )

    unused.close()
    server.close()
    server.close()

    with contextlib.closing(socket.socket()) as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
