"""Build a policy's channels. Secrets come from the environment variables that the policy names."""

from collections.abc import Callable, Mapping
from typing import Any

from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy
from inventory_assets.messaging.client import Publisher
from inventory_assets.notify.channels.channel import Channel, ChannelSetupError
from inventory_assets.notify.channels.console import ConsoleChannel
from inventory_assets.notify.channels.discreet import Discreet, secrets_of
from inventory_assets.notify.channels.http import DEFAULT_TIMEOUT_SECONDS, GuardedClient
from inventory_assets.notify.channels.mail import DEFAULT_PORTS, MailChannel, MailServer
from inventory_assets.notify.channels.pagerduty import EVENTS_URL, PagerDutyChannel
from inventory_assets.notify.channels.slack import SlackChannel
from inventory_assets.notify.channels.sms import SmsChannel
from inventory_assets.notify.channels.topic import TopicChannel
from inventory_assets.notify.channels.webhook import WebhookChannel

Environment = Mapping[str, str]


def missing_secrets(channel: ChannelPolicy, environment: Environment) -> list[str]:
    """What is wrong with a channel's environment variables; names only, never values."""
    return [
        f"channels.{channel.name}.{key}: the environment variable {variable!r} is not set"
        for key, variable in sorted(channel.settings.items())
        if key.endswith("_env") and isinstance(variable, str) and not environment.get(variable)
    ]


def environment_problems(channel: ChannelPolicy, environment: Environment) -> list[str]:
    """What keeps a channel from being built: variables that are not set, or hold no URL."""
    if problems := missing_secrets(channel, environment):
        return problems
    if "url_env" not in channel.settings:
        return []
    try:
        GuardedClient(environment[channel.settings["url_env"]])
    except ChannelSetupError as error:
        return [f"channels.{channel.name}.url_env: {error}"]
    return []


def address_problems(channel: ChannelPolicy, environment: Environment) -> list[str]:
    """An address in a channel's URL that the guard will refuse; names are not looked up.

    Args:
        channel: From a policy without problems.
        environment: Where secrets are.
    """
    field = next((name for name in ("url_env", "url") if name in channel.settings), None)
    problem = None if field is None else _client(channel.settings, environment).literal_problem()
    return [] if problem is None else [f"channels.{channel.name}.{field}: {problem}"]


def build_channel(channel: ChannelPolicy, environment: Environment, publisher: Callable[[], Publisher]) -> Channel:
    """Build a channel.

    Args:
        channel: From a policy without problems.
        environment: Where secrets are.
        publisher: Called where the channel is a topic.

    Raises:
        ChannelSetupError: A secret is missing.
    """
    if problems := missing_secrets(channel, environment):
        raise ChannelSetupError("; ".join(problems))
    built = _build(channel, environment, publisher)
    secrets = secrets_of(channel.settings, environment)
    return Discreet(built, secrets) if secrets else built


def _build(channel: ChannelPolicy, environment: Environment, publisher: Callable[[], Publisher]) -> Channel:
    settings = channel.settings
    match channel.kind:
        case ChannelKind.EMAIL:
            return build_mail(channel, environment)
        case ChannelKind.WEBHOOK:
            return WebhookChannel(_client(settings, environment), environment[settings["secret_env"]].encode())
        case ChannelKind.SLACK:
            return SlackChannel(_client(settings, environment))
        case ChannelKind.SMS:
            token = environment[settings["token_env"]] if "token_env" in settings else None
            client = _client(settings, environment)
            return SmsChannel(client, to=settings["to"], sender=settings.get("from", "inventory"), token=token)
        case ChannelKind.PAGERDUTY:
            client = _client({"url": EVENTS_URL, **settings}, environment)
            return PagerDutyChannel(client, environment[settings["routing_key_env"]])
        case ChannelKind.PUBSUB:
            return TopicChannel(publisher(), settings["topic"])
        case ChannelKind.CONSOLE:
            return ConsoleChannel()


def _client(settings: dict[str, Any], environment: Environment) -> GuardedClient:
    url = environment[settings["url_env"]] if "url_env" in settings else settings["url"]
    return GuardedClient(
        url,
        allow_hosts=settings.get("allow_hosts", ()),
        timeout_seconds=float(settings.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
    )


def build_mail(channel: ChannelPolicy, environment: Environment) -> MailChannel:
    """Build a mail channel.

    Raises:
        ChannelSetupError: A secret is missing.
    """
    if problems := missing_secrets(channel, environment):
        raise ChannelSetupError("; ".join(problems))
    settings = channel.settings
    security = settings.get("security", "starttls")
    server = MailServer(
        host=settings["host"],
        port=settings.get("port", DEFAULT_PORTS[security]),
        security=security,
        username=environment[settings["username_env"]] if "username_env" in settings else None,
        password=environment[settings["password_env"]] if "password_env" in settings else None,
        ca_file=settings.get("ca_file"),
        timeout_seconds=float(settings.get("timeout_seconds", 20)),
    )
    return MailChannel(server, sender=settings["from"], to=settings["to"])
