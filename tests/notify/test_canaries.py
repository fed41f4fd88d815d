"""No secret of a channel is anywhere but where it was given: fifty are planted, and looked for in everything."""

from collections.abc import Iterator

import pytest

from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy, Match, Policy, Route
from inventory_assets.notify.channels.build import build_channel
from inventory_assets.notify.delivery import Delivery, commit
from inventory_assets.notify.explain import explain_notification
from tests.facts import rows
from tests.messaging.memory import InMemoryBroker
from tests.notify.delivering import Clock, breach, stock, work
from tests.notify.servers import HttpServer, http_server

STATUSES = [200, 404, 500, 422, 301]
TABLES = ["out.deliveries", "out.notifications", "out.alerts", "core.dead_letters", "raw.messages"]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as found:
        found.echoes = True
        yield found


class Canaries:
    """Secrets that are like no other text."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def new(self) -> str:
        self.all.append(f"CANARY{len(self.all):02}z9QpLk")
        return self.all[-1]


def channels_of(server: HttpServer, canaries: Canaries) -> tuple[dict[str, ChannelPolicy], dict[str, str]]:
    """A channel of each kind for each status, and the environment that holds their secrets."""
    found, environment = {}, {}

    def plant(name: str, text: str) -> str:
        environment[name] = text
        return name

    for status in STATUSES:
        common = {"allow_hosts": ["127.0.0.1"], "timeout_seconds": 60}
        url = f"{server.url}services/{canaries.new()}/{canaries.new()}?key={canaries.new()}"
        kinds = {
            ChannelKind.WEBHOOK: {"url_env": plant(f"U{status}", url), "secret_env": plant(f"S{status}", canaries.new())},
            ChannelKind.SLACK: {"url": f"{server.url}hooks/{canaries.new()}%2F{canaries.new()}"},
            ChannelKind.SMS: {"url": server.url, "to": ["+491"], "token_env": plant(f"T{status}", canaries.new())},
            ChannelKind.PAGERDUTY: {
                "url": f"{server.url}{canaries.new()}", "routing_key_env": plant(f"K{status}", f"{canaries.new()}/{canaries.new()}"),
            },
        }  # fmt: skip
        for kind, settings in kinds.items():
            name = f"{kind}-{status}"
            found[name] = ChannelPolicy(name, kind, {**settings, **common}, None, False)
    return found, environment


def test_no_file_row_or_explanation_holds_a_secret(engine, server, tmp_path, capfd, caplog):
    """Servers repeat what they were sent: a 404's page has the path, which of a webhook is the key."""
    canaries = Canaries()
    channels, environment = channels_of(server, canaries)
    policy = Policy(channels, (Route(match=Match(), channels=tuple(channels), group_by=(), group_threshold=0),), (), {})
    stock(engine, 1)
    breach(engine, 1)
    senders = {name: build_channel(channel, environment, InMemoryBroker) for name, channel in channels.items()}
    answers = {name: int(name.rpartition("-")[2]) for name in channels}
    delivery = Delivery(engine.lake, policy, senders, clock=Clock())
    while delivery.step():
        commit(delivery, engine)
    for name, lane in delivery.lanes.items():
        server.cues[:] = [answers[name]]
        lane.attempt_next()
    work(delivery, engine)

    seen = [str(rows(engine.lake, f"SELECT * FROM {table}")) for table in TABLES]
    ids = [row[0] for row in rows(engine.lake, "SELECT DISTINCT subject_id FROM out.deliveries")]
    seen += [str(explain_notification(engine.lake, each)) for each in ids if each.startswith("ntf-")]
    seen += [*capfd.readouterr(), caplog.text]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    seen += [path.read_bytes().decode("latin-1") for path in files]
    told = str(server.received)
    assert (50, len(channels)) == (len(canaries.all), sum(each.startswith("ntf-") for each in ids)) and files
    assert "***" in seen[0] and 25 <= sum(canary in told for canary in canaries.all)
    assert [] == [canary for canary in canaries.all if any(canary in text for text in seen)]
