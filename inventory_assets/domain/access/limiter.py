"""How often each token may ask: a bucket that fills evenly, and a request takes one from it.

Pure but for what it remembers; the caller says what time it is. Only tokens that are good have a bucket, so
guesses take no memory. A process has buckets of its own: `parts` says how many share a token's rate.
"""

from collections import OrderedDict
from math import ceil

# More tokens than these at once: the one that has not asked for longest begins anew with a full bucket.
MOST_BUCKETS = 10_000
# What sums of fractions lose: who waited as long as told must not be told again.
_DUST = 1e-9


class Limiter:
    """Buckets, by token."""

    def __init__(self, *, parts: int = 1, most: int = MOST_BUCKETS) -> None:
        """Make it.

        Args:
            parts: How many processes answer alike: each allows its part of a rate.
            most: Buckets that are remembered.
        """
        self._parts = parts
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, *, rate: float, burst: int, now: float) -> int:
        """Take one of a key's requests.

        Args:
            key: Whose bucket.
            rate: Requests a second.
            burst: How many may come at once.
            now: Seconds, of any clock; where it goes back, nothing is filled and nothing is lost.

        Returns:
            0 where it may go on; otherwise after how many whole seconds to try again (Retry-After), 1 at least.
        """
        rate, size = rate / self._parts, max(1.0, burst / self._parts)
        level, since = self._buckets.pop(key, (size, now))
        level = min(size, level + max(0.0, now - since) * rate)
        wait = 0
        if level >= 1.0 - _DUST:
            level = max(0.0, level - 1.0)
        else:
            wait = max(1, ceil((1.0 - level) / rate))
        # Put last: the first is the one that has not asked for longest.
        self._buckets[key] = (level, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._buckets)
