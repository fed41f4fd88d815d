"""Which events were ever taken in, beyond those in memory: exact, in bounded memory.

Eight bytes an entity, sorted, in a file of its own; a directory of every
256th entry stays in memory, so a look-up reads one block. A hit is
confirmed in `core.events`, so a hash collision costs a query and no mistake.
The file is a cache: it is made anew from `core.events` at every start.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

# Small, for a burst compares a thousand of them; the directory of 100M ids is then 3 MiB.
BLOCK = 256
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

    def build(self, chunks: Iterable[np.ndarray]) -> None:
        """Start over with these keys.

        Args:
            chunks: Ascending and distinct over all chunks, int64; one is in
                memory at a time.
        """
        self._replace(chunks)
        self._recent = np.empty(0, dtype=np.int64)

    def add(self, keys: list[int]) -> None:
        """Add keys."""
        self._recent = _union(self._recent, np.array(keys, dtype=np.int64))
        if len(self._recent) > MERGE_AT:
            self.build(self._merged())

    def _merged(self) -> Iterator[np.ndarray]:
        """The file's keys and the recent ones together, a part at a time."""
        done = 0
        for first in range(0, self._size, MERGE_AT):
            count = min(MERGE_AT, self._size - first)
            part = np.frombuffer(os.pread(self._file, count * 8, first * 8), dtype=np.int64)
            upto = int(np.searchsorted(self._recent, part[-1], side="right"))
            yield _union(part, self._recent[done:upto])
            done = upto
        yield self._recent[done:]

    def find(self, keys: list[int]) -> set[int]:
        """Those of `keys` that are in the set."""
        if not keys or not len(self):
            return set()
        wanted = np.unique(np.array(keys, dtype=np.int64))
        # Both are sorted: a search each, where np.isin would hash all of them anew.
        places = np.searchsorted(self._recent, wanted)
        places[places == len(self._recent)] = 0
        found = set(wanted[self._recent[places] == wanted].tolist()) if len(self._recent) else set()
        if self._size:
            found.update(self._find_in_file(wanted))
        return found

    def _find_in_file(self, wanted: np.ndarray) -> list[int]:
        blocks = np.searchsorted(self._directory, wanted, side="right") - 1
        wanted, blocks = wanted[blocks >= 0], blocks[blocks >= 0]
        if not len(wanted):
            return []
        distinct, place = np.unique(blocks, return_inverse=True)
        entries = np.frombuffer(b"".join(map(self._read_block, distinct.tolist())), dtype=np.int64)
        is_known = (entries.reshape(-1, BLOCK)[place] == wanted[:, None]).any(axis=1)
        return wanted[is_known].tolist()

    def _read_block(self, block: int) -> bytes:
        # pread, not mmap: what is read stays in the page cache and out of our memory.
        entries = os.pread(self._file, BLOCK * 8, block * BLOCK * 8)
        # The last one is short: its first key repeated adds none.
        return entries + entries[:8] * (BLOCK - len(entries) // 8)

    def memory_bytes(self) -> int:
        """What the index holds in memory."""
        return self._directory.nbytes + self._recent.nbytes

    def close(self) -> None:
        """Close and remove the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._path.unlink(missing_ok=True)

    def _replace(self, chunks: Iterable[np.ndarray]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        size = 0
        heads: list[np.ndarray] = []
        with fresh.open("wb") as sink:
            for chunk in chunks:
                # The first key of every block: where the last chunk's block left off, and on.
                heads.append(chunk[-size % BLOCK :: BLOCK].copy())
                chunk.tofile(sink)
                size += len(chunk)
        self.close()
        fresh.replace(self._path)
        self._file = os.open(self._path, os.O_RDONLY)
        self._size = size
        self._directory = np.concatenate(heads) if heads else np.empty(0, dtype=np.int64)


def _union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Both, ascending and distinct. numpy's own union hashes everything first, at ten times the cost."""
    merged = np.concatenate([first, second])
    merged.sort(kind="stable")
    keep = np.ones(len(merged), dtype=bool)
    keep[1:] = merged[1:] != merged[:-1]
    return merged[keep]
