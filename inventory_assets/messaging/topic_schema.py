"""What a topic's schema asks of its messages.

Belongs here: asking the broker. Does not belong: encoding (`domain.publish.encode`, `envelopes`).
"""

from dataclasses import dataclass

from google.api_core import exceptions
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport
from google.pubsub_v1.types import schema as schemas

from inventory_assets.messaging.connection import connect, describe
from inventory_assets.messaging.errors import BrokerUnavailableError, MessagingError

_CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AskedSchema:
    """A schema that messages are held to at publish. `name` is its short name."""

    name: str
    is_protobuf: bool
    is_binary: bool


def find_schema(project: str, topic: str, *, emulator_host: str | None = None) -> AskedSchema | None:
    """The schema of a topic; None where it has none, or is not there yet.

    Raises:
        BrokerUnavailableError: Nobody answers.
        MessagingError: The broker does not say.
    """
    connection = connect(emulator_host)
    try:
        path = f"projects/{project}/topics/{topic}"
        settings = connection.publisher.get_topic(topic=path, retry=None, timeout=_CALL_SECONDS).schema_settings
        if not settings.schema:
            return None
        transport = SchemaServiceGrpcTransport(channel=connection.publisher_channel)
        found = SchemaServiceClient(transport=transport).get_schema(
            name=settings.schema, retry=None, timeout=_CALL_SECONDS
        )
        return AskedSchema(
            name=settings.schema.rpartition("/")[2],
            is_protobuf=found.type_ == schemas.Schema.Type.PROTOCOL_BUFFER,
            is_binary=settings.encoding == schemas.Encoding.BINARY,
        )
    except exceptions.NotFound:
        return None
    except (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.RetryError) as error:
        raise BrokerUnavailableError(target=connection.target, reason=describe(error)) from error
    except exceptions.GoogleAPICallError as error:
        raise MessagingError(
            f"the schema of topic {topic!r} could not be read from {connection.target!r}: {describe(error)}. "
            "Say the envelope with --as, or get the right to read topics and schemas (roles/pubsub.viewer)."
        ) from error
    finally:
        connection.close()
