"""MongoDB dies, fails over, cannot be reached or will not have us: nothing is lost, and the reason is said."""

from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from tests.connector.faults.ends import Shop, out_of_order
from tests.connector.faults.rig import settings_for
from tests.connector.faults.wire import Wire
from tests.connector.mongo import MongoServer, failing
from tests.end_to_end.mongo_effects import Observer

PASSWORD = "hunter2/with:at@sign"
PASSWORD_ENCODED = "hunter2%2Fwith%3Aat%40sign"

pytestmark = pytest.mark.big


@pytest.fixture
def server() -> Iterator[MongoServer]:
    """A database that may be killed."""
    found = MongoServer()
    yield found
    found.close()


def test_a_database_that_is_killed_and_restarted_loses_nothing(server, broker, inbox, start, tmp_path):
    """`kill -9` under load; the stream goes on after the saved token as soon as it is back."""
    with server.client(tz_aware=True) as client:
        shop = Shop(client, client["shop"])
        connector = start(settings_for(shop.database, server.uri, broker, tmp_path))
        connector.await_event("stream_opened")
        changes = Observer(client, "shop")
        shop.trade(30)

        server.kill()
        connector.await_event("recovering")
        body = connector.await_readiness(False)
        assert body["is_alive"]
        assert "MongoDB did not" in str(body["reasons"])
        server.start()
        shop.trade(30)

        expected = changes.facts()
        inbox.await_facts(expected)
        connector.await_readiness(True)
        assert connector.end() == 0
        inbox.pull()
        assert set(inbox.facts()) == set(expected)
        assert out_of_order(inbox) == []


def test_a_database_that_cannot_be_reached_at_the_start_is_waited_for(
    mongo, broker, shop, inbox, start, tmp_path, observe
):
    """Alive and not ready, with the reason; then it copies and streams."""
    wire = Wire(f"127.0.0.1:{mongo.port}")
    wire.cut()
    # Direct: the replica set's own idea of its address leads around the wire.
    connector = start(settings_for(shop.database, f"mongodb://{wire.host}/?directConnection=true", broker, tmp_path))
    connector.await_event("recovering", count=3)
    assert connector.ask("/health")[0] == 200
    status, body = connector.ask("/readiness")
    assert status == 503
    assert "Connection refused" in str(body["reasons"])

    wire.mend()
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(5)
    inbox.await_facts(changes.facts())
    assert connector.end() == 0
    wire.close()


@pytest.mark.parametrize(
    "how",
    [{"is_disconnect": True}, {"code": 10107}, {"code": 11602}, {"code": 43}],
    ids=[
        "connection closed",
        "NotWritablePrimary",
        "InterruptedDueToReplStateChange",
        "CursorNotFound",
    ],
)
def test_a_failover_while_streaming_loses_and_doubles_nothing(how, settings, start, shop, inbox, observe, mongo_client):
    """Several in a row: the cursor fails, and opening it anew fails, too."""
    connector = start(settings())
    connector.await_event("stream_opened")
    changes = observe()
    shop.trade(5)

    with failing(mongo_client, ["getMore", "aggregate"], times=4, **how):
        shop.trade(10)
        connector.await_event("recovering", count=4)
    shop.trade(5)

    expected = changes.facts()
    inbox.await_facts(expected)
    assert connector.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert out_of_order(inbox) == []


@pytest.mark.parametrize("how", [{"is_disconnect": True}, {"code": 10107}], ids=["closed", "NotWritablePrimary"])
def test_a_failover_while_copying_begins_the_copy_anew(how, settings, start, shop, inbox, mongo_client):
    """The token saved before the copy stays: what changed meanwhile is streamed after it."""
    shop.trade(20)

    with failing(mongo_client, ["find"], times=3, **how):
        connector = start(settings(SNAPSHOT_CHUNK_DOCUMENTS=5))
        connector.await_event("recovering", count=2)
    shop.trade(5)

    connector.await_event("stream_opened")
    inbox.await_final(shop.database)
    assert connector.end() == 0
    assert len({body["source_epoch"] for body in inbox.envelopes()}) == 1


def test_a_wrong_password_stops_it_with_one_sentence_and_without_the_password(
    mongo, settings, inbox, start_process, database
):
    """Retrying does not help; the log says whom to ask. A server checks what it is given with or without `--auth`."""
    database.command("createUser", "dana", pwd="the right one", roles=["read"])
    place, _, options = mongo.uri.removeprefix("mongodb://").partition("?")
    uri = f"mongodb://dana:{PASSWORD_ENCODED}@{place}?{options}&authSource={database.name}"

    connector = start_process(settings(uri=uri))

    assert connector.join() == 1
    message = connector.events("stopped")[0]["message"]
    assert message.startswith("MongoDB did not say hello: AuthenticationFailed (18): ")
    assert message.endswith(". Check the user of MONGODB_URI: it needs the role `read` on the database.")
    assert connector.errors == ""
    for told in (connector.output, str(inbox.statuses())):
        assert PASSWORD not in told
        assert PASSWORD_ENCODED not in told
        assert "Traceback" not in told


@pytest.fixture
def standalone() -> Iterator[MongoServer]:
    """A server that is no replica set."""
    found = MongoServer("--standalone")
    yield found
    found.close()


def test_a_standalone_server_is_refused_with_what_to_do(standalone, broker, start, tmp_path):
    """It has no change streams; waiting does not make it a replica set."""
    with MongoClient(standalone.host_uri) as client:
        connector = start(settings_for(client["shop"], standalone.host_uri, broker, tmp_path))

    assert connector.join() == 1
    assert "Run it as a replica set" in connector.events("stopped")[0]["message"]


def test_a_server_outside_the_named_replica_set_is_waited_for(standalone, broker, start, tmp_path):
    """It may be about to be set up: alive, not ready, and the name it looks for is in the reason."""
    with MongoClient(standalone.host_uri) as client:
        connector = start(settings_for(client["shop"], standalone.uri, broker, tmp_path))
    connector.await_event("recovering")

    assert connector.ask("/health")[0] == 200
    assert 'replica set name "secantus"' in str(connector.await_readiness(False)["reasons"])
    assert connector.end() == 0
