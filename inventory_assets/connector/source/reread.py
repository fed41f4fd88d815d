"""What was confirmed although its token could not be saved: not to be published again.

Here: a bounded memory of changes. Not here: which changes are read again (`service`).
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from inventory_assets.connector.source.change import ClusterTime


class ConfirmedMemory:
    """Changes confirmed beyond the saved token. Used by one thread.

    In this process only, and bounded: whatever it has forgotten is published again with the same
    identity, and the lake records a duplicate.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._confirmed: OrderedDict[Hashable, ClusterTime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._confirmed)

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._confirmed

    def remember(self, confirmed: Iterable[tuple[Hashable, ClusterTime]]) -> None:
        """Add changes with their cluster time; those confirmed longest ago make room."""
        for identity, cluster_time in confirmed:
            self._confirmed[identity] = cluster_time
            self._confirmed.move_to_end(identity)
            if len(self._confirmed) > self._capacity:
                self._confirmed.popitem(last=False)

    def forget_before(self, cluster_time: ClusterTime) -> None:
        """Drop what the saved token has passed: it is not read again.

        Not what is *at* that time: the changes of one transaction share it, and the token may stand among them.
        """
        # The stream is in order, and almost always so is this. A straggler costs a place, nothing else.
        while self._confirmed:
            identity, confirmed_at = next(iter(self._confirmed.items()))
            if confirmed_at >= cluster_time:
                return
            del self._confirmed[identity]

    def clear(self) -> None:
        """Forget all: the stream begins anew elsewhere."""
        self._confirmed.clear()
