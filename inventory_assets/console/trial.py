"""Work out what a change of rules would do, in a process that ends afterwards.

Only an engine's warm state knows which keys and alerts a change touches, and
that state is hundreds of bytes a key: the console must not keep it. Here: the
process, and what it is told. Not here: the working out (`thresholds.edits`).
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from inventory_assets.clock import clock_of
from inventory_assets.console.problems import Refused
from inventory_assets.domain.thresholds.changes import RuleEdit
from inventory_assets.handover import dumps, loads
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import Settings
from inventory_assets.thresholds.edits import preview_edits
from inventory_assets.thresholds.listing import edit_rows, effect_sentence
from inventory_assets.wiring import engine_of

# 200,000 keys load in some ten seconds on an idle machine.
TRIAL_SECONDS = 120.0
SHOWN_ALERTS = 50


class Asked(NamedTuple):
    """What the process is told."""

    settings: Settings
    edits: list[RuleEdit]


class Trials:
    """Runs trials one at a time: each is a process with a whole warm state."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def run(self, settings: Settings, edits: Sequence[RuleEdit]) -> dict[str, Any]:
        """Run `try_edits` in a process of its own.

        Raises:
            Refused: It failed, or took too long.
        """
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            told = dumps(Asked(settings, list(edits)))
            try:
                out, err = await asyncio.wait_for(process.communicate(told), TRIAL_SECONDS)
            except TimeoutError:
                raise Refused(503, f"what would change was not worked out within {TRIAL_SECONDS:.0f} s") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode:
            last = err.decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
            raise Refused(503, f"what would change could not be worked out: {last[0]}")
        return msgspec.json.decode(out)


def try_edits(settings: Settings, edits: Sequence[RuleEdit]) -> dict[str, Any]:
    """What changes of rules would do: the rules with their keys, and the alerts that would open or resolve."""
    LakeReader(settings)  # a look must not make a lake
    with engine_of(settings) as engine:
        effect = preview_edits(engine, edits, now=clock_of(settings).microseconds())
    moved = [alert for alert in effect.alerts if alert.step in ("opened", "reopened", "resolved")]
    return {
        "edits": edit_rows(edits, effect),
        "keys": sum(effect.keys.values()),
        "alerts": [msgspec.to_builtins(alert) for alert in moved[:SHOWN_ALERTS]],
        "summary": effect_sentence(edits, effect),
    }


def main() -> None:
    """Do one trial: from standard input to standard output."""
    asked = loads(sys.stdin.buffer.read(), Asked)
    try:
        found = try_edits(asked.settings, asked.edits)
    except LakeError as error:
        sys.exit(str(error).replace("\n", " "))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
