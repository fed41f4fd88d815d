"""What an operator does to a connector: ask how it is, have it copy again, start it twice, mistype its settings."""

import json

from tests.connector.faults.rig import run_command


def test_a_copy_asked_for_while_it_runs_and_while_it_is_stopped(settings, start, shop, inbox, observe):
    """Under the same epoch the stream goes on where it was: nothing is missed, nothing lost."""
    connector = start(settings())
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(5)
    asked = run_command("snapshot", settings=settings())
    shop.trade(5)

    assert asked.returncode == 0
    assert asked.stderr.strip() == "c-1 will copy everything, at its next heartbeat or start."
    connector.await_event("snapshot_finished", count=2)
    shop.trade(5)
    connector.await_event("stream_opened", count=2)
    expected = changes.facts()
    inbox.await_facts(expected)
    assert connector.end() == 0
    run_command("snapshot", "--new-epoch", settings=settings())
    connector = start(settings())
    connector.await_event("stream_opened")
    inbox.await_final(shop.database)
    assert connector.end() == 0
    assert set(inbox.facts()) == set(expected)
    epochs = [each["source_epoch"] for each in inbox.statuses("connector_snapshot_finished")]
    assert len(epochs) == 3
    assert epochs[0] == epochs[1] < epochs[2]


def test_status_as_json_says_how_far_it_has_come(settings, start, shop, inbox, observe):
    """Ages and lag as numbers, times as RFC 3339; before the first run it says so."""
    before = run_command("status", "--format", "json", settings=settings())
    assert (before.returncode, json.loads(before.stdout)) == (0, [])
    connector = start(settings())
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(1)
    inbox.await_facts(changes.facts())
    assert connector.end() == 0

    (row,) = json.loads(run_command("status", "--format", "json", settings=settings()).stdout)

    assert (row["connector_id"], row["phase"], row["gaps"], row["copy_requested"]) == ("c-1", "streaming", 0, False)
    assert row["published_until"].endswith("Z")
    assert row["lag_seconds"] >= 0
    assert row["token_age_seconds"] >= 0


def test_of_two_processes_with_one_id_the_older_stops_and_the_newer_loses_nothing(
    settings, start, shop, inbox, observe
):
    """A new revision does not wait for the old one; the old one finds out at its next save."""
    older = start(settings())
    older.await_event("stream_opened")
    changes = observe()
    shop.trade(5)
    newer = start(settings())
    newer.await_event("stream_opened")
    shop.trade(5)

    assert older.join() == 1
    message = older.events("stopped")[0]["message"]
    assert "another process runs under this CONNECTOR_ID. This one stops; nothing is lost" in message
    assert inbox.await_status("connector_taken_over")["severity"] == "alarm"
    shop.trade(5)
    expected = changes.facts()
    inbox.await_facts(expected)
    assert newer.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)


def test_check_lists_every_problem_of_a_file_at_once(tmp_path):
    """One line each, with what was there and what is expected, and without the password."""
    bad = tmp_path / "connector.yaml"
    bad.write_text(
        "CONNECTOR_ID: 'no spaces please'\n"
        "MONGODB_URI: mongodb://dana:hunter2@db:27017/shop\n"
        "MONGODB_URL: mongodb://db\n"
        "HEARTBEAT_SECONDS: soon\n"
        "MAX_OUTSTANDING_BYTES: 5\n"
        "COLLECTIONS_TO_WATCH: [inventory, orders]\n"
        "ON_TOKEN_LOST: shrug\n"
        "HMAC_FIELDS: [transactions.user_id]\n"
        "TRANSFORMS: ['no_such_module:hook']\n"
    )

    found = run_command("check", "--config", str(bad), settings={})

    assert found.returncode == 1
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    assert "hunter2" not in found.stderr
    problems = found.stderr.splitlines()[1:]
    for name in (
        "CONNECTOR_ID was", "MONGODB_URL is no setting, did you mean MONGODB_URI?", "HEARTBEAT_SECONDS was",
        "MAX_OUTSTANDING_BYTES was", "COLLECTIONS_TO_WATCH was orders", "ON_TOKEN_LOST was", "HMAC_KEY was missing",
        "TRANSFORMS: 'no_such_module:hook' cannot be loaded", "PUBSUB_PROJECT was missing",
    ):  # fmt: skip
        assert sum(name in problem for problem in problems) == 1, name
    assert len(problems) == 9
