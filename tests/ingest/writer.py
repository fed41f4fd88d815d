"""A process that commits simulated bursts to a lake, for tests with several writers.

Belongs here: the other process. `python -m tests.ingest.writer HOME SEED PART PARTS [CATALOG]`
commits every PARTS-th burst, waiting for a line on standard input before the first.
"""

import sys
from pathlib import Path

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import cut, received, simulated

SHOP = {"skus": 12, "warehouses": 2, "disorder_rate": 0.1, "malformed_rate": 0.02}
LIVE = 360
BURST = 40


def main(home: Path, seed: int, part: int, parts: int, catalog: str = "") -> None:
    """Commit one part of the shop's bursts."""
    _, sent = simulated(LIVE, seed=seed, **SHOP)
    engine = Engine(Settings(home=home, catalog=catalog))
    engine.lake.watermark()
    print("ready", flush=True)
    sys.stdin.readline()
    for burst in list(cut(received(sent), BURST))[part::parts]:
        engine.commit_burst(burst)
    engine.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), *sys.argv[5:])
