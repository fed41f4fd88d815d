"""`dagster dev` with its UI behind the guard: `python -m inventory_assets.assets.dagster_dev`, same options.

It starts the web server, the daemon and one code server that both share, and has no option for which web
server: so the command that starts it is changed on its way.
"""

import inspect
import sys
from collections.abc import Sequence
from typing import Any

from inventory_assets.assets.dagster_internals import dev

GUARDED = "inventory_assets.console.dagster_ui"
BARE = "dagster_webserver"


class UnguardedUiError(RuntimeError):
    """This Dagster starts its UI in another way."""


def to_guarded(command: Sequence[str]) -> list[str]:
    """A command of `dagster dev`, with the guarded UI for the bare one."""
    return [GUARDED if word == BARE else word for word in command]


def main() -> None:
    """Run `dagster dev`."""
    if f'"{BARE}"' not in _source():
        raise UnguardedUiError(
            "this release of Dagster starts its web server in another way than 1.13, so the UI would be open to any "
            "web page. Install the release in requirements.lock."
        )
    start = dev.open_ipc_subprocess

    def start_guarded(parts: Sequence[str], **options: Any) -> Any:
        return start(to_guarded(parts), **options)

    dev.open_ipc_subprocess = start_guarded  # type: ignore[assignment]
    sys.argv[0] = "dagster dev"
    dev.dev_command()


def _source() -> str:
    return inspect.getsource(dev.dev_command_impl)


if __name__ == "__main__":
    main()
