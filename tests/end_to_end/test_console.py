"""The console as it is started: a process of its own, the emulator, the burst loop; kill -9 in between."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.commands.conftest import COMMAND, run_process
from tests.console.conftest import PATIENCE_SECONDS, Client, alert_ids
from tests.messaging.brokers import REPOSITORY, our_emulator

RULE = {"level_type": "SKU", "level_id": "S1", "min_threshold_qty": 8, "reorder_threshold_qty": 9, "reason": "own"}


@contextmanager
def serving(home, broker, *command):
    """`inventory serve`, or another command that does, on a free port."""
    environment = {**os.environ, "INVENTORY_HOME": str(home), "PUBSUB_EMULATOR_HOST": broker}
    process = subprocess.Popen(
        [str(COMMAND), *(command or ("serve",)), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment,
    )
    try:
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/" + ("reports/$" if "reports" in command else "$"), line)
        assert found is not None, line + process.stderr.read()
        yield Client(int(found[1])), process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def shop_home(home):
    """A lake with one LOW_STOCK alert."""
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20), level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))
    engine.close()
    return home


def drain(home, broker):
    done = run_process("drain", home=home, PUBSUB_EMULATOR_HOST=broker)
    assert done.code == 0, done.err


def test_reports_serve_is_the_console_at_its_reports(home):
    (home / "reports").mkdir(parents=True)
    (home / "reports" / "index.html").write_text("<h1>index</h1>")

    with serving(home, "", "reports", "serve") as (client, _):
        assert "<h1>index</h1>" == client.get("/reports/").text


@pytest.mark.big
def test_a_rule_and_an_acknowledgement_go_all_the_way(shop_home):
    """And what was published before a kill -9 is not lost with the console."""
    with our_emulator() as broker:
        with serving(shop_home, broker) as (client, process):
            [alert_id] = alert_ids(client)
            acked = client.send("POST", f"/api/alerts/{alert_id}/ack", {"reason": "on it"})
            set_ = client.send("PUT", "/api/thresholds", RULE)
            assert (acked.status, set_.status) == (202, 202), acked.text + set_.text
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)
        drain(shop_home, broker)
        with serving(shop_home, broker) as (client, process):
            outcomes = [client.get(each.json["outcome_url"]).json["outcome"] for each in (acked, set_)]
            rungs = client.get("/api/thresholds/resolve?warehouse=W1&sku=S1").json
            shown = client.get(f"/api/alerts/{alert_id}").json
            trial = client.send("PUT", "/api/thresholds?dry_run=true", RULE | {"min_threshold_qty": 1})

            process.terminate()
            assert process.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)

    assert outcomes == ["applied", "applied"]
    assert [each["rule"] for each in rungs if each["is_winner"]] == ["min 8, reorder 9"]
    assert (shown["acknowledged_by"], shown["state"]) == ("dana", "firing")
    assert shown["explanation"]["differences"] == []
    assert trial.json["keys"] == 1
    assert run_process("verify", home=shop_home).code == 0


def test_a_console_without_a_broker_still_shows_and_says_so(shop_home):
    # Nothing listens there.
    with serving(shop_home, "127.0.0.1:1") as (client, _):
        [alert_id] = alert_ids(client)

        answer = client.send("POST", f"/api/alerts/{alert_id}/ack")

        assert answer.status == 503
        assert "127.0.0.1:1" in json.loads(answer.text)["error"]
        assert client.get("/").status == 200


def test_the_command_line_does_not_pay_for_the_console():
    """Every other command would load a web server: 8 MB and a quarter of a second."""
    code = "import sys, inventory_assets.cli; print([n for n in ('uvicorn', 'starlette') if n in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert done.stdout.strip() == "[]"
