"""Revisions of schemas, and topics that insist on them; as Google's documents have it, named in each test.

Belongs here: what the registry decides. Does not belong: the languages
(`tests/schemas`, `test_schemas`), the wire (one test at the end).
"""

import re

import pytest
from google.api_core import exceptions
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from inventory_assets.emulator.status import Code, StatusError
from tests.emulator.services import SCHEMA, Services
from tests.emulator.test_schemas import AVRO

FIRST = "syntax = 'proto3'; message Event { optional string sku = 1; }"
SECOND = "syntax = 'proto3'; message Event { optional string sku = 1; optional int64 stock = 2; }"
THIRD = "syntax = 'proto3'; message Event { optional string sku = 1; optional string note = 3; }"
SKU, STOCK, NOTE = b'{"sku": "S"}', b'{"stock": 2}', b'{"note": "n"}'


@pytest.fixture
def services():
    found = Services()
    yield found
    found.close()


def _refused(code: Code, text: str, call, *args, **options) -> StatusError:
    with pytest.raises(StatusError, match=text) as refused:
        call(*args, **options)
    assert refused.value.code is code
    return refused.value


# -- revisions ---------------------------------------------------------


def test_a_schema_has_revisions_the_newest_first_and_named_by_eight_digits(services):
    """docs/commit-schema-revision: "an auto-generated eight-character UUID"; REST reference of projects.schemas."""
    first = services.create_schema(FIRST)
    second = services.commit(SECOND)

    assert re.fullmatch("[0-9a-f]{8}", first) and first != second
    assert services.revisions() == [second, first]
    assert services.call("get_schema", name=SCHEMA).definition == SECOND
    assert services.call("get_schema", name=f"{SCHEMA}@{first}").definition == FIRST
    _refused(Code.NOT_FOUND, "00000000", services.call, "get_schema", name=f"{SCHEMA}@00000000")


def test_lists_are_basic_unless_asked_and_paged(services):
    """REST reference, SchemaView: the default of a list is BASIC, without the definition."""
    services.create_schema(FIRST)
    newest = services.commit(SECOND)

    page = services.call("list_schema_revisions", name=SCHEMA, page_size=1)
    rest = services.call("list_schema_revisions", name=SCHEMA, page_token=page.next_page_token, view="FULL")
    [listed] = services.call("list_schemas", parent="projects/p").schemas

    assert [(each.revision_id, each.definition) for each in page.schemas] == [(newest, "")]
    assert [each.definition for each in rest.schemas] == [FIRST] and rest.next_page_token == ""
    assert (listed.name, listed.revision_id, listed.definition) == (SCHEMA, newest, "")


def test_an_incompatible_revision_is_refused_in_the_service_s_words(services):
    """The sentence is that of the service, as quoted in the Stack Overflow question of `tests/schemas`."""
    first = services.create_schema(FIRST)

    said = _refused(
        Code.INVALID_ARGUMENT, "Compatibility checking failed", services.commit, FIRST.replace("string", "bytes")
    )

    assert f'schema="{SCHEMA}"' in said.message
    assert f"previous revision: {first}. Failed with error: Event.sku: optional string = 1 became" in said.message
    assert services.revisions() == [first]


def test_a_revision_is_compatible_with_each_that_exists(services):
    """Number 2 is another field in the first: topics may still allow both. Once that is gone, it may."""
    services.create_schema(SECOND)
    services.commit(FIRST)
    other = SECOND.replace("int64 stock", "string shelf")

    _refused(Code.INVALID_ARGUMENT, "Event.stock: number 2 became shelf", services.commit, other)
    services.call("delete_schema_revision", name=f"{SCHEMA}@{services.revisions()[-1]}")
    assert services.commit(other)


def test_avro_revisions_read_each_other(services):
    """docs/commit-schema-revision: "as if it was both the reader schema and the writer schema"."""
    services.create_schema(AVRO, kind="AVRO")
    added = AVRO.replace('"fields": [', '"fields": [{"name": "more", "type": "int", "default": 0},')
    services.commit(added, kind="AVRO")

    _refused(Code.INVALID_ARGUMENT, "no default", services.commit, added.replace(', "default": 0', ""), kind="AVRO")
    _refused(Code.INVALID_ARGUMENT, "double became long", services.commit, AVRO.replace("long", "double"), kind="AVRO")
    _refused(Code.INVALID_ARGUMENT, "type of a schema", services.commit, FIRST)


def test_a_schema_has_at_most_twenty_revisions(services):
    """docs/schemas: "A single schema can't have more than 20 revisions"; delete one to add another."""
    first = services.create_schema(FIRST)
    for _ in range(19):
        services.commit(FIRST)

    for call in (
        lambda: services.commit(SECOND),
        lambda: services.call("rollback_schema", name=SCHEMA, revision_id=first),
    ):
        _refused(Code.FAILED_PRECONDITION, "20 revisions", call)
    services.call("delete_schema_revision", name=f"{SCHEMA}@{first}")
    assert services.commit(SECOND) == services.revisions()[0]
    assert len(services.revisions()) == 20


def test_rolling_back_adds_a_copy(services):
    """docs/roll-back-schemas: another revision "with the exact schema definition as the specified previous revision"."""
    first = services.create_schema(FIRST)
    services.commit(SECOND)

    copy = services.call("rollback_schema", name=SCHEMA, revision_id=first)

    assert copy.definition == FIRST and services.revisions()[0] == copy.revision_id != first
    _refused(Code.NOT_FOUND, "ffffffff", services.call, "rollback_schema", name=SCHEMA, revision_id="ffffffff")


def test_the_only_revision_goes_with_its_schema(services):
    """docs/delete-schema-revision: a schema's only revision cannot be deleted."""
    first = services.create_schema(FIRST)

    _refused(
        Code.FAILED_PRECONDITION, "only revision", services.call, "delete_schema_revision", name=f"{SCHEMA}@{first}"
    )
    _refused(Code.INVALID_ARGUMENT, "@REVISION", services.call, "delete_schema_revision", name=SCHEMA)
    services.call("delete_schema", name=SCHEMA)
    _refused(Code.NOT_FOUND, "schemas/events", services.call, "get_schema", name=SCHEMA)


def test_what_is_validated_is_told(services):
    """REST reference: projects.schemas.validate and validateMessage, by name, by revision, or by definition."""
    first = services.create_schema(FIRST)
    services.commit(SECOND)
    named = {"parent": "projects/p", "name": SCHEMA, "encoding": "JSON"}

    services.call("validate_message", **named, message=STOCK)
    services.call(
        "validate_message",
        parent="projects/p",
        schema={"type_": 1, "definition": FIRST},
        message=b"\n\x01S",
        encoding=2,
    )
    services.call("validate_schema", parent="projects/p", schema={"type_": 1, "definition": FIRST})
    _refused(
        Code.INVALID_ARGUMENT,
        "stock",
        services.call,
        "validate_message",
        **named | {"name": f"{SCHEMA}@{first}"},
        message=STOCK,
    )
    _refused(
        Code.INVALID_ARGUMENT,
        "Invalid schema definition: line 1",
        services.call,
        "validate_schema",
        parent="projects/p",
        schema={"type_": 1, "definition": "message"},
    )
    _refused(
        Code.INVALID_ARGUMENT,
        "no type",
        services.call,
        "validate_schema",
        parent="projects/p",
        schema={"definition": FIRST},
    )
    _refused(
        Code.INVALID_ARGUMENT,
        "Nothing to validate",
        services.call,
        "validate_message",
        parent="projects/p",
        message=SKU,
    )
    _refused(
        Code.UNIMPLEMENTED, "compiled", services.call, "validate_schema", parent="projects/p",
        schema={"type_": 1, "compiled_proto_schema": {}},
    )  # fmt: skip


# -- topics ------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "body"), [("JSON", STOCK), ("BINARY", b"\x10\x02")])
def test_a_delivered_message_says_by_what_it_was_validated(services, encoding, body):
    """docs/schemas-valid: googclient_schemaname and googclient_schemaencoding; the revision as revisions came."""
    services.create_schema(FIRST)
    second = services.commit(SECOND)
    services.create_topic(encoding)
    services.publish(body)

    [message] = services.pull()

    assert message.data == body
    assert dict(message.attributes) == {
        "googclient_schemaname": SCHEMA,
        "googclient_schemaencoding": encoding,
        "googclient_schemarevisionid": second,
    }


def test_what_breaks_the_schema_is_refused_with_its_whole_request(services):
    """Code, sentence and ErrorInfo as the service gives them: googleapis/google-cloud-php issue 6463."""
    revision = services.create_schema(FIRST)
    services.create_topic()

    said = _refused(
        Code.INVALID_ARGUMENT, "^INVALID_ARGUMENT: Invalid data in message: Message failed schema validation. Message #1",
        services.publish, SKU, STOCK,
    )  # fmt: skip

    assert said.reason == "INVALID_JSON_PROTO_MESSAGE"
    assert said.info["revisionInfo"].startswith(
        f"Could not validate message with any schema revision for schema: {SCHEMA}, last checked revision: "
        f"revision_id={revision} failed with status: "
    )
    assert b"INVALID_JSON_PROTO_MESSAGE" in said.trailing_metadata()[0][1]
    assert services.pull() == []


def test_a_message_holds_to_the_newest_revision_of_the_topic_s_range_that_takes_it(services):
    """Google's blog on schema evolution: "starting with the last version and working towards the first version"."""
    ids = [services.create_schema(FIRST), services.commit(SECOND), services.commit(THIRD)]
    services.create_topic()
    services.publish(SKU, STOCK, NOTE)

    assert [each.attributes["googclient_schemarevisionid"] for each in services.pull()] == [ids[2], ids[1], ids[2]]

    services.update_topic("schema_settings", schema=SCHEMA, encoding="JSON", last_revision_id=ids[1])
    _refused(Code.INVALID_ARGUMENT, "note", services.publish, NOTE)
    assert services.publish(STOCK)
    services.update_topic("schema_settings.first_revision_id", first_revision_id=ids[1])
    assert services.publish(SKU)
    services.update_topic("schema_settings.last_revision_id", last_revision_id="")
    assert services.publish(NOTE)


def test_a_deleted_end_of_the_range_stands_for_its_neighbour(services):
    """docs/delete-schema-revision: for a deleted first revision "the next", for a deleted last one "the previous"."""
    ids = [services.create_schema(FIRST), *map(services.commit, (SECOND, THIRD, FIRST))]
    services.create_topic(first_revision_id=ids[0], last_revision_id=ids[2])

    for place in (0, 2):
        services.call("delete_schema_revision", name=f"{SCHEMA}@{ids[place]}")

    assert services.publish(STOCK)
    _refused(Code.INVALID_ARGUMENT, "note", services.publish, NOTE)
    services.call("delete_schema_revision", name=f"{SCHEMA}@{ids[1]}")
    _refused(Code.FAILED_PRECONDITION, "No revision", services.publish, SKU)


def test_a_topic_names_what_there_is(services):
    """REST reference of SchemaSettings: a schema's name, and ids of its revisions."""
    _refused(Code.NOT_FOUND, "events", services.create_topic)
    services.create_schema(FIRST)
    _refused(Code.NOT_FOUND, "00000000", services.create_topic, last_revision_id="00000000")
    services.create_topic()
    _refused(
        Code.NOT_FOUND, "0a0a", services.update_topic, "schema_settings.first_revision_id", first_revision_id="0a0a"
    )
    _refused(
        Code.INVALID_ARGUMENT, "without a revision", services.update_topic, "schema_settings", schema=f"{SCHEMA}@1"
    )


def test_a_topic_whose_schema_is_deleted_takes_nothing(services):
    """docs/delete-schema-revision: publishing fails; as Google's emulator has it (`test_schema_contract`)."""
    services.create_schema(FIRST)
    services.create_topic()
    services.call("delete_schema", name=SCHEMA)

    assert services.topic().schema_settings.schema == "_deleted-schema_"
    _refused(Code.NOT_FOUND, "Schema associated with topic deleted", services.publish, SKU)
    services.update_topic("schema_settings")
    assert services.publish(b"anything")


def test_revisions_outlive_the_process_and_so_do_their_places(tmp_path):
    services = Services(tmp_path / "emulator.sqlite")
    ids = [services.create_schema(FIRST), *map(services.commit, (SECOND, THIRD))]
    services.create_topic(first_revision_id=ids[1])
    services.call("delete_schema_revision", name=f"{SCHEMA}@{ids[1]}")
    services.close()

    again = Services(tmp_path / "emulator.sqlite")

    assert again.revisions() == [ids[2], ids[0]]
    _refused(Code.INVALID_ARGUMENT, "stock", again.publish, STOCK)
    assert again.publish(NOTE)
    again.close()


def test_a_schema_kept_by_an_earlier_release_is_its_first_revision(tmp_path):
    """Its row has the schema's own name; no message of it may be refused after an upgrade."""
    services = Services(tmp_path / "emulator.sqlite")
    first = services.create_schema(FIRST)
    services._store._writer.execute("UPDATE resources SET name = ? WHERE kind = 'schema'", (SCHEMA,))
    services.close()

    again = Services(tmp_path / "emulator.sqlite")
    second = again.commit(SECOND)
    again.call("delete_schema_revision", name=f"{SCHEMA}@{first}")
    again.close()
    last = Services(tmp_path / "emulator.sqlite")

    assert last.revisions() == [second]
    last.close()


def test_google_s_client_finds_all_of_it_at_our_port(ours):
    schemas = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=ours.connection.publisher_channel))
    parent = f"projects/{ours.project}"
    name = f"{parent}/schemas/inv"
    first = schemas.create_schema(parent=parent, schema={"type_": 1, "definition": FIRST}, schema_id="inv")
    ours.create_topic("topic", schema_settings={"schema": name, "encoding": "JSON"})
    ours.create()
    ours.publish(SKU)

    with pytest.raises(exceptions.InvalidArgument, match="Message failed schema validation") as refused:
        ours.publish(STOCK)

    assert refused.value.reason == "INVALID_JSON_PROTO_MESSAGE"
    schemas.commit_schema(name=name, schema={"name": name, "type_": 1, "definition": SECOND})
    ours.publish(STOCK)
    schemas.rollback_schema(name=name, revision_id=first.revision_id)
    assert len([*schemas.list_schema_revisions(name=name)]) == 3
    schemas.delete_schema_revision(name=f"{name}@{first.revision_id}")
    assert [each.name for each in schemas.list_schemas(parent=parent)] == [name]
    schemas.delete_schema(name=name)
    with pytest.raises(exceptions.NotFound):
        schemas.get_schema(name=name)
