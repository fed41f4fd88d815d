"""Bring a broker to the state the manifest describes.

Belongs here: create, compare, update. Does not belong: deletion, ever (what
the manifest does not name may be somebody else's), the manifest itself, and
schemas, which nothing touches unasked (`schemas`).

Two processes may apply at the same time: a creation that lost the race reads
what the winner made and compares that.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from google.api_core import exceptions
from google.pubsub_v1.types import pubsub

from inventory_assets.messaging.connection import Connection, connect, describe
from inventory_assets.messaging.errors import BrokerUnavailableError, TopologyError
from inventory_assets.messaging.topology import (
    ChangeAction,
    SubscriptionSpec,
    TopicSpec,
    Topology,
    TopologyChange,
    load_topology,
)

_UNANSWERED = (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded, exceptions.RetryError)
_CALL_SECONDS = 10.0
_CHANGED_FILTER = (
    "subscription {name!r} has the filter {found!r}, the manifest {wanted!r}. Pub/Sub fixes a filter when a "
    "subscription is made, so nothing was changed. To change over and lose nothing: make a second subscription of "
    "topic {topic!r} with the new filter, have its reader start there, let the old one run empty, then delete that: "
    "`gcloud pubsub subscriptions delete {name}`. Applying again makes {name!r} anew. What both let through is "
    "delivered by both: drop repeats by the attribute `event_id`."
)
# The service fixes these when the subscription is created.
_IMMUTABLE = ("topic", "enable_message_ordering", "filter")
_CHANGEABLE = (
    "ack_deadline_seconds", "message_retention_duration", "enable_exactly_once_delivery", "dead_letter_policy",
    "retry_policy", "expiration_policy",
)  # fmt: skip


def apply_topology(
    project: str,
    *,
    topology: Topology | None = None,
    optional: Collection[str] = (),
    emulator_host: str | None = None,
    keeps_filters: bool = False,
) -> list[TopologyChange]:
    """Create what is missing and update what differs.

    Args:
        project: Google Cloud project id.
        topology: The wanted state; None is the packaged manifest.
        optional: Names of optional subscriptions to see to, too; the others are left alone.
        emulator_host: As in `connection.connect`.
        keeps_filters: A subscription with another filter is a conflict in the list, and no error.

    Returns:
        What was changed, and what could not be; empty when all was as wanted.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
        TopologyError: If it refuses a change, a filter is another one (nothing was changed), or a name of `optional`
            is none.
    """
    topology = topology or load_topology()
    subscriptions = _chosen(topology, optional)
    connection = connect(emulator_host)
    try:
        run = _Apply(connection, project=project)
        if not keeps_filters:
            run.refuse_other_filters(subscriptions)
        changes = [change for topic in topology.topics for change in run.topic(topic)]
        for subscription in subscriptions:
            changes += run.subscription(subscription)
        return changes
    except _UNANSWERED as error:
        raise BrokerUnavailableError(target=connection.target, reason=describe(error)) from error
    except exceptions.GoogleAPICallError as error:
        raise TopologyError(
            f"{connection.target!r} refused the topology of project {project!r}: "
            f"{describe(error)}. Fix topology.toml or the permissions; applying again is safe."
        ) from error
    finally:
        connection.close()


def _chosen(topology: Topology, optional: Collection[str]) -> list[SubscriptionSpec]:
    if unknown := sorted(set(optional) - {each.name for each in topology.subscriptions}):
        names = ", ".join(each.name for each in topology.subscriptions if each.is_optional)
        raise TopologyError(f"{unknown!r} are no subscriptions of the manifest; expected some of {names}.")
    return [each for each in topology.subscriptions if not each.is_optional or each.name in optional]


class _Apply:
    def __init__(self, connection: Connection, *, project: str) -> None:
        self._publisher = connection.publisher
        self._subscriber = connection.subscriber
        self._project = project
        # retry=None: the default retries UNAVAILABLE for a minute, which looks like a hang.
        self._call: dict[str, Any] = {"retry": None, "timeout": _CALL_SECONDS}

    def refuse_other_filters(self, subscriptions: Collection[SubscriptionSpec]) -> None:
        """Refuse before anything is changed what would look applied and never be."""
        for spec in subscriptions:
            found = self._get(spec.name)
            if found is not None and found.filter != spec.filter:
                raise TopologyError(
                    _CHANGED_FILTER.format(name=spec.name, found=found.filter, wanted=spec.filter, topic=spec.topic)
                )

    def _get(self, name: str) -> Any:
        try:
            return self._subscriber.get_subscription(subscription=self._subscription_path(name), **self._call)
        except exceptions.NotFound:
            return None

    def topic(self, spec: TopicSpec) -> list[TopologyChange]:
        wanted = pubsub.Topic(name=self._topic_path(spec.name))
        if spec.retention_days:
            wanted.message_retention_duration = timedelta(days=spec.retention_days)
        created, found = self._create_or_get(
            create=lambda: self._publisher.create_topic(request=wanted, **self._call),
            get=lambda: self._publisher.get_topic(topic=wanted.name, **self._call),
        )
        if created:
            return [_change(ChangeAction.CREATED, "topic", spec.name)]
        differing = _differing(wanted, found, ("message_retention_duration",))
        if not differing:
            return []
        self._publisher.update_topic(request={"topic": wanted, "update_mask": {"paths": differing}}, **self._call)
        return [_change(ChangeAction.UPDATED, "topic", spec.name, differing)]

    def subscription(self, spec: SubscriptionSpec) -> list[TopologyChange]:
        wanted = self._wanted_subscription(spec)
        created, found = self._create_or_get(
            create=lambda: self._subscriber.create_subscription(request=wanted, **self._call),
            get=lambda: self._subscriber.get_subscription(subscription=wanted.name, **self._call),
        )
        if created:
            return [_change(ChangeAction.CREATED, "subscription", spec.name)]
        changes = []
        fixed = _differing(wanted, found, _IMMUTABLE)
        if fixed:
            changes.append(_change(ChangeAction.CONFLICT, "subscription", spec.name, fixed))
        differing = _differing(wanted, found, _CHANGEABLE)
        if differing:
            self._subscriber.update_subscription(
                request={"subscription": wanted, "update_mask": {"paths": differing}}, **self._call
            )
            changes.append(_change(ChangeAction.UPDATED, "subscription", spec.name, differing))
        return changes

    def _wanted_subscription(self, spec: SubscriptionSpec) -> pubsub.Subscription:
        wanted = pubsub.Subscription(
            name=self._subscription_path(spec.name),
            topic=self._topic_path(spec.topic),
            ack_deadline_seconds=spec.ack_deadline_seconds,
            message_retention_duration=timedelta(days=spec.retention_days),
            enable_message_ordering=spec.ordering,
            filter=spec.filter,
            enable_exactly_once_delivery=spec.exactly_once,
            # Present and empty: never. Absent, 31 idle days delete the subscription.
            expiration_policy=pubsub.ExpirationPolicy(),
        )
        if spec.dead_letter:
            wanted.dead_letter_policy = pubsub.DeadLetterPolicy(
                dead_letter_topic=self._topic_path(spec.dead_letter.topic),
                max_delivery_attempts=spec.dead_letter.max_delivery_attempts,
            )
        if spec.retry:
            wanted.retry_policy = pubsub.RetryPolicy(
                minimum_backoff=timedelta(seconds=spec.retry.minimum_seconds),
                maximum_backoff=timedelta(seconds=spec.retry.maximum_seconds),
            )
        return wanted

    def _subscription_path(self, name: str) -> str:
        return f"projects/{self._project}/subscriptions/{name}"

    def _topic_path(self, name: str) -> str:
        return f"projects/{self._project}/topics/{name}"

    @staticmethod
    def _create_or_get(*, create: Callable[[], Any], get: Callable[[], Any]) -> tuple[bool, Any]:
        # Get first: applying is the usual start of a process, and all is there.
        try:
            return False, get()
        except exceptions.NotFound:
            pass
        try:
            return True, create()
        except exceptions.AlreadyExists:
            return False, get()


def _differing(wanted: Any, found: Any, fields: tuple[str, ...]) -> list[str]:
    return [name for name in fields if getattr(wanted, name) != getattr(found, name)]


def _change(action: ChangeAction, resource: str, name: str, fields: list[str] | None = None) -> TopologyChange:
    detail = ", ".join(fields or [])
    if action is ChangeAction.CONFLICT:
        detail += ": fixed at creation; delete the subscription to have it made anew"
    return TopologyChange(action=action, resource=resource, name=name, detail=detail)
