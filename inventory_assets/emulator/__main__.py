"""`python -m inventory_assets.emulator`: the emulator as a process.

Belongs here: arguments. Does not belong: the rest; see `server`.
"""

import argparse
import sys
from pathlib import Path

from inventory_assets.emulator.pushing.identity import GOOGLE_ISSUER
from inventory_assets.emulator.server import EmulatorError, Oidc, run


def main() -> int:
    """Run until a signal; 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m inventory_assets.emulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085, help="0 picks a free one")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="directory that outlives the process")
    where.add_argument("--in-memory", action="store_true")
    parser.add_argument("--oidc-port", type=int, help="serve the keys of push tokens, and tokens; 0 picks a free one")
    parser.add_argument("--oidc-issuer", default=GOOGLE_ISSUER, help="whom push tokens name as their issuer")
    arguments = parser.parse_args()
    try:
        run(arguments.host, arguments.port, arguments.data, Oidc(arguments.oidc_port, arguments.oidc_issuer))
    except EmulatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
