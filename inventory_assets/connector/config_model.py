"""What can be set on a connector, with its defaults and bounds.

Here: fields, and what they mean together. Not here: where the values come from (`config`).
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inventory_assets.addresses import read_broker, read_host
from inventory_assets.connector.shape.masking import FieldRule, Treatment, read_rule
from inventory_assets.connector.shape.routing import DEFAULT_LANES
from inventory_assets.ranges import MAX_PORT
from inventory_assets.settings import DEFAULT_HOME

ROLES = ("inventory", "transactions", "thresholds")
MIN_KEY_CHARACTERS = 16
MAX_ID_BYTES = 256
# A message may have as many: with less outstanding, the greatest could never be sent.
MIN_OUTSTANDING_BYTES = 10_000_000


MAX_LANES = 1000
_LANES = re.compile(r"0|[1-9][0-9]{0,3}")
PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What MongoDB allows in no database's name.
_NO_DATABASE = re.compile(r'[/\\. "$*<>:|?@]')


def _split(value: Any) -> Any:
    # An environment variable has no lists; an empty element is a comma too many, no name.
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _ordering(value: Any) -> Any:
    text = str(value).strip()
    named = {"lanes": DEFAULT_LANES, "none": 0, "sku": "sku"}
    if text in named:
        return named[text]
    if _LANES.fullmatch(text) and int(text) <= MAX_LANES:
        return int(text)
    raise ValueError(f"expected lanes, sku, none or a number of lanes from 0 to {MAX_LANES}")


def _plain(value: Any) -> Any:
    # 010 and 1_000 are slips of the pen, other scripts' digits too, and a flag is no number.
    if isinstance(value, bool) or (isinstance(value, str) and not PLAIN_NUMBER.fullmatch(value.strip())):
        raise ValueError("expected a number in plain digits")
    return value


def _uri(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("mongodb", "mongodb+srv") or not parts.netloc:
        raise ValueError("expected mongodb://USER:PASSWORD@HOST:27017/DATABASE or mongodb+srv://…")
    # With a bare slash in it, the rest of a password would be read as the database's name, and be in every message.
    if parts.fragment or "@" in parts.query or parts.netloc.count("@") > 1 or _NO_DATABASE.search(parts.path[1:]):
        raise ValueError("expected special characters of user and password percent-encoded (/ as %2F, @ as %40)")
    return value


def _id(value: str) -> str:
    # As the lake reads ids (RULES 4): of another it would hear nothing, and take none of its documents.
    if len(value.encode(errors="replace")) > MAX_ID_BYTES or value != value.strip() or _CONTROL.search(value):
        raise ValueError(f"expected an id of 1 to {MAX_ID_BYTES} bytes without control characters or outer white space")
    return value


def _key(value: SecretStr) -> SecretStr:
    # A short key is guessed, and with it every id that it hides.
    if len(value.get_secret_value()) < MIN_KEY_CHARACTERS:
        raise ValueError(f"expected at least {MIN_KEY_CHARACTERS} characters")
    return value


def _rules(treatment: Treatment) -> Any:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        problems = []
        for value in values:
            try:
                read_rule(value, treatment)
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return values

    return AfterValidator(check)


def _renames(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        old, _, new = value.partition("=")
        role, _, name = old.partition(".")
        if role not in ROLES or not name or not new or "." in name + new:
            raise ValueError(f"{value!r}: expected COLLECTION.OLD=NEW, such as transactions.qty=quantity")
    return values


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$")]
Topics = Annotated[tuple[Topic, ...], BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False), BeforeValidator(_plain)]
Count = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_plain)]
Port = Annotated[int, Field(ge=0, le=MAX_PORT), BeforeValidator(_plain)]


class ConnectorConfig(BaseSettings):
    """One connector: one database, one stream. Names in files and environment are upper case."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, case_sensitive=True, hide_input_in_errors=True
    )

    connector_id: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="a name, such as connector-wh-east-1"),
    ]
    # None: one database holds several warehouses, and each document names its own.
    warehouse_id: Annotated[Name, AfterValidator(_id)] | None = None
    source_id: Name | None = None

    mongodb_uri: Annotated[SecretStr, AfterValidator(_uri), Field(description="mongodb://HOST:27017/DATABASE")]
    mongodb_database: Name | None = None
    collections_to_watch: Names = ROLES
    inventory_collection: Name = "inventory"
    transactions_collection: Name = "transactions"
    thresholds_collection: Name = "thresholds"

    pubsub_project: Name | None = None
    pubsub_emulator_host: Annotated[Name, AfterValidator(read_broker)] | None = None
    inventory_topic: Topic = "inventory-updates-topic"
    transactions_topic: Topic = "inventory-transactions-topic"
    thresholds_topic: Topic = "thresholds-topic"
    status_topic: Topic = "status-topic"
    # Default: the status topic and the first input topic, so that the lake hears it with the data.
    heartbeat_topics: Topics | None = None
    dead_letter_topic: Topic = "dead-letter-topic"

    resume_token_store: Literal["file", "mongodb", "firestore"] = "file"
    resume_token_path: Path | None = None
    resume_token_collection: Name = "resumeTokens"
    inventory_home: Path = DEFAULT_HOME

    images: Literal["auto", "post_images", "pre_images", "lookup"] = "auto"
    # Lanes; 0 is no ordering. Keys per SKU cost the client a request and a thread each.
    ordering: Annotated[int | Literal["sku"], BeforeValidator(_ordering)] = DEFAULT_LANES
    on_token_lost: Literal["snapshot", "stop"] = "snapshot"

    heartbeat_seconds: Seconds = 30.0
    # Cloud Run kills ten seconds after SIGTERM.
    grace_seconds: Seconds = 10.0
    max_outstanding_bytes: Annotated[
        int, Field(ge=MIN_OUTSTANDING_BYTES, le=4_000_000_000), BeforeValidator(_plain)
    ] = 64_000_000
    max_outstanding_messages: Count = 10_000
    # Bounds of one publish request are the service's own.
    batch_messages: Annotated[int, Field(ge=1, le=1000), BeforeValidator(_plain)] = 200
    batch_bytes: Annotated[int, Field(ge=1, le=9_900_000), BeforeValidator(_plain)] = 1_000_000
    batch_latency_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False), BeforeValidator(_plain)] = 10.0
    publish_timeout_seconds: Seconds = 60.0
    snapshot_chunk_documents: Count = 1000
    read_batch: Count = 1000
    backoff_first_seconds: Seconds = 0.5
    backoff_cap_seconds: Seconds = 30.0
    circuit_failures: Count = 5
    circuit_reset_seconds: Seconds = 30.0

    # Cloud Run says PORT, and then all interfaces are meant.
    health_host: Annotated[Name, AfterValidator(read_host)] = "127.0.0.1"
    health_port: Port = 8080
    readiness_max_lag_seconds: Seconds = 300.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    # One line for so many changes.
    log_sample: Count = 1000

    transforms: Names = ()
    rename_fields: Annotated[Names, AfterValidator(_renames)] = ()
    drop_fields: Annotated[Names, _rules(Treatment.DROP)] = ()
    mask_fields: Annotated[Names, _rules(Treatment.MASK)] = ()
    hmac_fields: Annotated[Names, _rules(Treatment.HMAC)] = ()
    hmac_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    schema_dir: Path | None = None
    # Of documents whose schema's major version nobody knows: refuse them, or publish them unchecked.
    unknown_schema: Literal["dead_letter", "publish"] = "dead_letter"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `config.load_config` has merged, and nothing else behind its back."""
        return (init_settings,)

    @property
    def database(self) -> str:
        """The database to watch; empty if neither the setting nor the URI names one."""
        path = urlsplit(self.mongodb_uri.get_secret_value()).path
        return self.mongodb_database or path.strip("/")

    @property
    def source(self) -> str:
        """What every message calls its source."""
        return self.source_id or f"mongodb:{self.database}"

    @property
    def real_names(self) -> dict[str, str]:
        """The collections' real names by role, watched or not."""
        return {role: getattr(self, f"{role}_collection") for role in ROLES}

    @property
    def collections(self) -> dict[str, str]:
        """Roles of the watched collections, by real name; in the order in which they are copied."""
        watched = set(self.collections_to_watch)
        # Inventory last: what a level contains must have an earlier position than it has.
        order = ("thresholds", "transactions", "inventory")
        return {name: role for role in order if watched & {role, name := self.real_names[role]}}

    @property
    def topics(self) -> dict[str, str]:
        """Topics by role."""
        return {role: getattr(self, f"{role}_topic") for role in ROLES}

    @property
    def input_heartbeat_topics(self) -> tuple[str, ...]:
        """Where heartbeats go beside the status topic: there the lake takes them in."""
        if self.heartbeat_topics is not None:
            return tuple(topic for topic in self.heartbeat_topics if topic != self.status_topic)
        watched = set(self.collections.values())
        return tuple(topic for role, topic in self.topics.items() if role in watched)[:1]

    @property
    def is_heartbeat_status(self) -> bool:
        """Whether heartbeats go to the status topic."""
        return self.heartbeat_topics is None or self.status_topic in self.heartbeat_topics

    @property
    def token_path(self) -> Path:
        """Where the `file` store of resume tokens is."""
        return self.resume_token_path or self.inventory_home / "connector" / f"{self.connector_id}.sqlite"

    @property
    def field_rules(self) -> tuple[FieldRule, ...]:
        """What becomes of sensitive fields."""
        given = {Treatment.DROP: self.drop_fields, Treatment.MASK: self.mask_fields, Treatment.HMAC: self.hmac_fields}
        return tuple(read_rule(text, treatment) for treatment, texts in given.items() for text in texts)

    @property
    def hmac_key_bytes(self) -> bytes:
        """The HMAC's key; empty where none is needed."""
        return b"" if self.hmac_key is None else self.hmac_key.get_secret_value().encode()

    @property
    def renames(self) -> dict[str, dict[str, str]]:
        """New field names by collection (its real name) and old field name."""
        found: dict[str, dict[str, str]] = {}
        for text in self.rename_fields:
            path, _, new = text.partition("=")
            role, _, old = path.partition(".")
            found.setdefault(self.real_names[role], {})[old] = new
        return found


def list_conflicts(config: ConnectorConfig) -> list[str]:
    """What is wrong between fields that are right by themselves, a line each."""
    problems = []
    if not config.database:
        problems.append("MONGODB_DATABASE was missing, expected here or at the end of MONGODB_URI")
    if config.pubsub_project is None:
        problems.append("PUBSUB_PROJECT was missing, expected here, as GOOGLE_CLOUD_PROJECT or a PUBSUB_EMULATOR_HOST")
    names = list(config.real_names.values())
    known = {*ROLES, *names}
    if unknown := [name for name in config.collections_to_watch if name not in known]:
        problems.append(f"COLLECTIONS_TO_WATCH was {', '.join(unknown)}, expected some of {', '.join(sorted(known))}")
    if not config.collections_to_watch:
        problems.append("COLLECTIONS_TO_WATCH was empty, expected at least one collection")
    if len(set(names)) < len(names):
        problems.append("*_COLLECTION name one collection twice, expected three different ones")
    if config.resume_token_store == "mongodb" and config.resume_token_collection in config.collections:
        problems.append(
            f"RESUME_TOKEN_COLLECTION was {config.resume_token_collection!r}, expected a collection that is not watched"
        )
    if config.hmac_fields and config.hmac_key is None:
        problems.append("HMAC_KEY was missing, expected because HMAC_FIELDS is set: it or HMAC_KEY_FILE")
    if config.backoff_cap_seconds < config.backoff_first_seconds:
        problems.append(
            f"BACKOFF_CAP_SECONDS was {config.backoff_cap_seconds:g}, "
            f"expected at least BACKOFF_FIRST_SECONDS, {config.backoff_first_seconds:g}"
        )
    return problems
