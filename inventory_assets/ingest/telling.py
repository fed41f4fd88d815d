"""Tell what a commit owes, whoever made it: alerts and dead letters leave with the process that committed them.

Here: one process's debts, those of a loop's own commits as well. Not here: what is owed of all time (`owed`), figures,
which the loop sends (`metrics`), the loop (`ingest`), the lock by which no two processes tell the same (`lake.lock`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.ingest.outgoing.outbox import Outbox
from inventory_assets.ingest.outgoing.owed import Owed, load_incidents, load_reorders, owed_alert, owed_dead_letter
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.messaging.client import Publisher


def owed_by(commit: Commit) -> list[Owed]:
    """What a commit owes of its alerts and dead letters."""
    return [owed for notification in commit.notifications for owed in owed_alert(notification)] + [
        owed_dead_letter(
            d.message.message_id, d.message.topic, d.rejection.reason, d.rejection.detail, d.message.data,
            d.message.data_bytes, d.rejection.position, d.rejection.trace,
        )
        for d in commit.dead_letters
    ]  # fmt: skip


def owed_in_rows(lake: Reader, commits: Sequence[Commit]) -> list[Owed]:
    """What commits owe that their rows in the lake say: incidents, plans, and decisions on their lines."""
    versions = {commit.version for commit in commits}
    owed = load_incidents(lake)
    if any(commit.owes_reorders for commit in commits):
        owed += load_reorders(lake)
    return [each for version, each in owed if version in versions]


@contextmanager
def telling(
    engine: Engine, connect: Callable[[], AbstractContextManager[Publisher] | None], left: Callable[[int], object]
) -> Iterator[None]:
    """Tell in the end what the commits of the body owe, and nobody else meanwhile.

    Args:
        engine: That makes the commits.
        connect: Opens a publisher; None where no broker is to be reached.
        left: Called with how many messages stay owed, where any do.
    """
    engine.lake.connection  # noqa: B018 # opened first: it says what cannot be written, and whose it is
    engine.telling.share()
    try:
        yield
        if owed := tell(engine, connect):
            left(owed)
    finally:
        engine.telling.release()


def tell(engine: Engine, connect: Callable[[], AbstractContextManager[Publisher] | None]) -> int:
    """Publish what the engine's commits owe, and write it down; how many messages stay owed."""
    commits = engine.take_untold()
    if not commits:
        return 0
    owed = [each for commit in commits for each in owed_by(commit)] + owed_in_rows(engine.lake, commits)
    if not owed:
        return 0
    connected = connect()
    if connected is None:
        return len(owed)
    with connected as publisher:
        outbox = Outbox(publisher)
        outbox.add(owed)
        outbox.send()
    engine.commit_note(Stage.DELIVERIES, outbox.record)
    return outbox.owed_count
