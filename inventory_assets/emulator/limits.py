"""Names, bounds and update masks of resources.

Belongs here: what the service refuses, and how it says so. Does not belong:
the resources themselves (`registry`), limits of a publish (`publisher_service`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from google.protobuf import field_mask_pb2

from inventory_assets.emulator import wire
from inventory_assets.emulator.filters import FilterError, compile_filter
from inventory_assets.emulator.status import Code, StatusError, already_exists, invalid, not_found

_NAME = re.compile(r"projects/([^/]+)/(topics|subscriptions|snapshots|schemas)/([^/]+)")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")
_MINUTE, DAY_SECONDS = 60, 86_400
TOPIC_UPDATABLE = frozenset((
    "labels", "message_retention_duration", "message_storage_policy", "schema_settings", "kms_key_name",
    "ingestion_data_source_settings", "message_transforms",
))  # fmt: skip
SUBSCRIPTION_UPDATABLE = frozenset((
    "labels", "ack_deadline_seconds", "retain_acked_messages", "message_retention_duration", "expiration_policy",
    "dead_letter_policy", "retry_policy", "push_config", "enable_exactly_once_delivery", "message_transforms",
))  # fmt: skip
Found = TypeVar("Found")
_UNBUILT = ("bigquery_config", "cloud_storage_config", "bigtable_config")


def check_name(name: str, kind: str) -> None:
    """Check `projects/P/<kind>/ID`."""
    match = _NAME.fullmatch(name)
    is_good = match and match[2] == kind and _ID.fullmatch(match[3]) and not match[3].lower().startswith("goog")
    if not match or not is_good:
        raise invalid(
            f"Invalid [{kind}] name: (name={name}). Expected projects/PROJECT/{kind}/ID, where ID "
            "starts with a letter, has 3 to 255 letters, digits or -_.~+%, and does not start "
            "with 'goog'."
        )


def find(resources: Mapping[str, Found], name: str, kind: str) -> Found:
    """Find a resource of a kind (`topics`, …) by its name."""
    found = resources.get(name)
    if found is None:
        check_name(name, kind)
        raise not_found(_title(kind), name)
    return found


def check_new(resources: Mapping[str, Any], name: str, kind: str) -> None:
    """Refuse the name of a resource that is there, or that no resource can have."""
    check_name(name, kind)
    if name in resources:
        raise already_exists(_title(kind), name)


def _title(kind: str) -> str:
    return kind.removesuffix("s").title()


def page(items: Iterable[Any], request: Any, *, project: str) -> tuple[list[Any], str]:
    """Cut the page a request asks for out of named bodies of a project; the token is the last name."""
    named = (each for each in items if each.name.startswith(f"{project}/") and each.name > request.page_token)
    found = sorted(named, key=lambda each: each.name)
    size = request.page_size if 0 < request.page_size <= 1000 else 1000
    return found[:size], found[size - 1].name if len(found) > size else ""


def merged_body(old: Any, new: Any, mask: Any, updatable: frozenset[str], check: Callable[[Any], None]) -> Any:
    """Apply an update mask to a resource, and check what comes of it."""
    paths = list(mask.paths)
    if not paths:
        raise invalid(f"The update_mask is empty. Name what to change: {sorted(updatable)}.")
    for path in paths:
        if path.split(".")[0] not in updatable:
            raise invalid(f"Invalid update_mask: {path!r} cannot be changed. Can be: {sorted(updatable)}.")
    merged = type(old)()
    merged.CopyFrom(old)
    for path in paths:
        # MergeMessage adds to maps, lists and messages; an update replaces them.
        if "." not in path:
            merged.ClearField(path)
    try:
        field_mask_pb2.FieldMask(paths=paths).MergeMessage(
            new, merged, replace_message_field=True, replace_repeated_field=True
        )
    except ValueError as error:
        raise invalid(f"Invalid update_mask: {error}.") from error
    check(merged)
    return merged


def check_topic(body: Any) -> None:
    """Refuse a topic out of bounds."""
    if body.HasField("message_retention_duration"):
        _check_duration("message_retention_duration", body.message_retention_duration)


def _check_duration(name: str, duration: Any) -> None:
    if not 10 * _MINUTE <= wire.seconds(duration) <= 31 * DAY_SECONDS:
        raise invalid(
            f"{name} out of bounds: {wire.seconds(duration):g} s. Expected 10 minutes (600 s) to 31 days (2678400 s)."
        )


def check_subscription(body: Any) -> None:
    """Refuse a subscription out of bounds, or with what is not built; fill in defaults."""
    if not 10 <= body.ack_deadline_seconds <= 600:
        raise invalid(f"Invalid ack deadline: {body.ack_deadline_seconds} s. Expected 10 to 600.")
    _check_duration("message_retention_duration", body.message_retention_duration)
    if body.HasField("expiration_policy") and body.expiration_policy.HasField("ttl"):
        ttl = wire.seconds(body.expiration_policy.ttl)
        if ttl < DAY_SECONDS:
            raise invalid(f"Invalid expiration ttl: {ttl:g} s. Expected at least 1 day.")
    if any(body.HasField(each) for each in _UNBUILT):
        raise _unbuilt_delivery()
    if body.push_config.push_endpoint:
        _check_push(body)
    if body.HasField("dead_letter_policy"):
        policy = body.dead_letter_policy
        check_name(policy.dead_letter_topic, "topics")
        policy.max_delivery_attempts = policy.max_delivery_attempts or 5
        if not 5 <= policy.max_delivery_attempts <= 100:
            raise invalid(f"Invalid max_delivery_attempts: {policy.max_delivery_attempts}. Expected 5 to 100.")
    if body.HasField("retry_policy"):
        _check_retry(body.retry_policy)
    try:
        compile_filter(body.filter)
    except FilterError as error:
        raise invalid(f"Invalid filter: {error}.") from error


def _check_retry(policy: Any) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.seconds = 10
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.seconds = 600
    shortest = wire.seconds(policy.minimum_backoff)
    longest = wire.seconds(policy.maximum_backoff)
    if not 0 <= shortest <= longest <= 600:
        raise invalid(
            f"Invalid retry policy: {shortest:g} s to {longest:g} s. "
            "Expected 0 <= minimum_backoff <= maximum_backoff <= 600 s."
        )


def _check_push(body: Any) -> None:
    config = body.push_config
    if not is_endpoint(config.push_endpoint):
        raise invalid(
            f"Invalid push endpoint: {config.push_endpoint[:200]!r}. Expected https://HOST[:PORT]/PATH; this emulator "
            "takes http://, too, where Google's service does not."
        )
    if body.enable_exactly_once_delivery:
        raise invalid("Exactly once delivery is not supported for push subscriptions. Pull, or turn it off.")
    if config.HasField("oidc_token") and "@" not in config.oidc_token.service_account_email:
        raise invalid(
            f"Invalid oidc_token: service_account_email was {config.oidc_token.service_account_email[:100]!r}. "
            "Expected the email of a service account."
        )


def is_endpoint(url: str) -> bool:
    """Whether messages can be pushed there: http or https, a host, and nothing that belongs into no request line."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url
    # Nobody is asked for a password: Pub/Sub says who it is by a token.
    has_host = bool(parts.hostname) and has_port and parts.username is None
    return is_plain and parts.scheme in ("http", "https") and has_host


def _unbuilt_delivery() -> StatusError:
    return StatusError(
        Code.UNIMPLEMENTED,
        "This emulator has no BigQuery, Bigtable or Cloud Storage delivery. Use Pull, StreamingPull or push.",
    )
