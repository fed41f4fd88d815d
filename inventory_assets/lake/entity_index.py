"""Which events were ever taken in, beyond those in memory: exact, in bounded memory.

Eight bytes an entity, sorted, in a file of its own; a directory of every
thousandth entry stays in memory, so a look-up reads one block. A hit is
confirmed in `core.events`, so a hash collision costs a query and no mistake.
The file is a cache: it is made anew from `core.events` at every start.
"""

import os
from pathlib import Path

import numpy as np

BLOCK = 1024
# Below this many, a fresh part is searched in memory and not worth a merge.
MERGE_AT = 1_000_000


class EntityIndex:
    """A set of signed 64-bit entity keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size = 0
        self._directory = np.empty(0, dtype=np.int64)
        self._recent = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self._size + len(self._recent)

    def build(self, keys: np.ndarray) -> None:
        """Start over with these keys; any order, int64."""
        self._write(np.unique(keys))
        self._recent = np.empty(0, dtype=np.int64)

    def add(self, keys: list[int]) -> None:
        """Add keys."""
        self._recent = np.union1d(self._recent, np.array(keys, dtype=np.int64))
        if len(self._recent) > MERGE_AT:
            old = np.fromfile(self._path, dtype=np.int64) if self._size else np.empty(0, dtype=np.int64)
            self.build(np.concatenate([old, self._recent]))

    def find(self, keys: list[int]) -> set[int]:
        """Those of `keys` that are in the set."""
        if not keys or not len(self):
            return set()
        wanted = np.unique(np.array(keys, dtype=np.int64))
        found = set(wanted[np.isin(wanted, self._recent)].tolist()) if len(self._recent) else set()
        if self._size:
            blocks = np.searchsorted(self._directory, wanted, side="right") - 1
            for block, key in zip(blocks.tolist(), wanted.tolist(), strict=True):
                if block >= 0 and self._is_in_block(block, key):
                    found.add(key)
        return found

    def close(self) -> None:
        """Close and remove the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._path.unlink(missing_ok=True)

    def _is_in_block(self, block: int, key: int) -> bool:
        # pread, not mmap: what is read stays in the page cache and out of our memory.
        entries = np.frombuffer(os.pread(self._file, BLOCK * 8, block * BLOCK * 8), dtype=np.int64)
        place = int(np.searchsorted(entries, key))
        return place < len(entries) and int(entries[place]) == key

    def _write(self, keys: np.ndarray) -> None:
        self.close()
        self._size = len(keys)
        self._directory = keys[::BLOCK].copy()
        if self._size:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            keys.tofile(self._path)
            self._file = os.open(self._path, os.O_RDONLY)
