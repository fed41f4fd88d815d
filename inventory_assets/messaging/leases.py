"""Which deliveries a source holds, and which leases are due for renewal.

Belongs here: bookkeeping over ack ids. Does not belong: threads, calls, the
clock (`now` is an argument).
"""

from collections.abc import Iterable, Sequence


class Leases:
    """Ack ids held, oldest renewal first.

    A dict keeps insertion order, and a renewed lease moves to its end: the ones
    due are a prefix, found without a scan of the rest.
    """

    def __init__(self, *, renew_after_seconds: float = 30.0) -> None:
        self.renew_after_seconds = renew_after_seconds
        # ack id -> (renewed at, taken at), monotonic seconds
        self._held: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, ack_ids: Sequence[str], now: float) -> None:
        """Note new deliveries."""
        self._held.update(dict.fromkeys(ack_ids, (now, now)))

    def drop(self, ack_ids: Iterable[str]) -> None:
        """Forget deliveries; unknown ids are ignored."""
        for ack_id in ack_ids:
            self._held.pop(ack_id, None)

    def due(self, now: float, *, max_lease_seconds: float) -> list[str]:
        """Take the ids to renew now, and count them as renewed.

        What is held for longer than `max_lease_seconds` is dropped instead: its
        consumer forgot it, and only redelivery brings it back.
        """
        due: list[tuple[str, float]] = []
        for ack_id, (renewed_at, taken_at) in self._held.items():
            if now - renewed_at < self.renew_after_seconds:
                break
            due.append((ack_id, taken_at))
        self.drop(ack_id for ack_id, _ in due)
        kept = [each for each in due if now - each[1] < max_lease_seconds]
        self._held.update({ack_id: (now, taken_at) for ack_id, taken_at in kept})
        return [ack_id for ack_id, _ in kept]
