"""Ask the running stock service for everything its description has, with schemathesis: `make schemathesis`.

Here: a lake with stock, alerts, a plan and sums; the service over it; rounds by nobody and by a token. schemathesis is
in an environment of its own. Not here: `/v1/stream`, which never ends (`tests.api.test_stream`).
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import transaction
from tests.replenish.shop import fill, plan, take

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
FUZZER = ROOT / ".venv-schemathesis" / "bin" / "schemathesis"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Of each round: all of it within three minutes. With more, more is asked: `python -m tests.api.fuzzing 600`.
SECONDS = 70
START_SECONDS = 60


def main(seconds: int) -> int:
    """Ask for so long in each round; 0 where no answer was a fault of ours, or off its description."""
    with tempfile.TemporaryDirectory(prefix="inventory-fuzz-") as folder:
        home = Path(folder) / "home"
        known = _fill(home)
        os.environ.update(INVENTORY_HOME=str(home))
        with _started(folder, "emulator", "--port", "0", "--in-memory") as address:
            os.environ["PUBSUB_EMULATOR_HOST"] = address
            codes = [_round(folder, seconds, "nobody, anything", {}, ())]
            # What the first sent is stock by now, whatever it is named.
            _inventory("drain")
            secret = _inventory("tokens", "make", "fuzz", "--scope", "write", "--warehouse", "W1").split()[-1]
            header = ("-H", f"Authorization: Bearer {secret}")
            codes.append(_round(folder, seconds, "a token of one warehouse, what is there", known, header))
    return max(codes)


def _fill(home: Path) -> dict[str, str]:
    """Make the lake; by name of a parameter an id that is in it."""
    engine = Engine(Settings(home=home))
    fill(engine)
    plan(engine)
    for number in range(10):
        take(engine, transaction(f"X{number}", quantity=-3, at=f"2022-05-20T1{number}:00:00Z", sku="S1"))
    engine.lake.land()
    [(alert,)] = engine.lake.query_landed("SELECT alert_id FROM out.alerts WHERE state = 'firing'").rows()
    engine.close()
    return {"warehouse": "W1", "sku": "S1", "alert_id": alert, "line_id": "pln-20220520-W1-S1", "level": "SKU"}


def _round(folder: str, seconds: int, what: str, parameters: dict[str, str], more: Sequence[str]) -> int:
    print(f"\nschemathesis: {what}", flush=True)
    configuration = Path(folder) / "schemathesis.toml"
    listed = "".join(f'{name} = "{value}"\n' for name, value in parameters.items())
    configuration.write_text(f"[parameters]\n{listed}\n{CONFIGURATION.read_text()}")
    with _started(folder, "serve", "api", "--port", "0") as address:
        url = f"http://{address}"
        _within(lambda: urllib.request.urlopen(f"{url}/health", timeout=5).close())
        return subprocess.run(
            [
                str(FUZZER), "--config-file", str(configuration), "run", f"{url}/v1/openapi.json", "--url", url,
                "--exclude-path", "/v1/stream", "--phases", "coverage,fuzzing", "--max-examples", "20", "--seed", "1", "--request-timeout", "60",
                "--max-time", str(seconds), "--continue-on-failure", "--no-shrink", "--generation-database", "none",
                "--warnings", "off", "--no-color", *more,
            ], check=False, cwd=folder,
        ).returncode  # fmt: skip


def _inventory(*words: str) -> str:
    return subprocess.run(_command(*words), check=True, capture_output=True, text=True).stdout


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "inventory_assets.cli", *words]


@contextmanager
def _started(folder: str, *words: str) -> Iterator[str]:
    """A process of ours while it is needed; HOST:PORT where it listens."""
    log = Path(folder) / f"{words[0]}.log"
    # A file, as a pipe that nobody reads would stop it.
    with log.open("w") as said:
        process = subprocess.Popen(_command(*words), stdout=said, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        yield _within(lambda: re.search(r"\S+:\d+", log.read_text())[0].removeprefix("http://"))  # type: ignore[index]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_SECONDS)


def _within(look: Callable[[], T]) -> T:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return look()
        except (OSError, TypeError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
