"""Read the alerting policy's file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from inventory_assets.domain.notify.policy import Policy
from inventory_assets.domain.notify.policy_file import read_policy
from inventory_assets.errors import InventoryError
from inventory_assets.notify.channels.build import address_problems, environment_problems
from inventory_assets.words.numbers import counted

MAX_BYTES = 1_000_000


class AlertingFileError(InventoryError, ValueError):
    """The alerting policy cannot be used. `problems` are all that were found."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        count = counted(len(problems), "problem")
        super().__init__(f"{path}: {count}, see docs/alerting.md:\n  " + "\n  ".join(problems))


def load_policy(path: Path | None, environment: Mapping[str, str]) -> Policy:
    """Read a policy and check it whole, the environment variables it names included.

    Args:
        path: None is a policy without channels.
        environment: Where secrets are.

    Raises:
        AlertingFileError: Lists every problem.
    """
    if path is None:
        return Policy()
    try:
        with path.open("rb") as source:
            raw = source.read(MAX_BYTES + 1)  # a device has no end
    except OSError as error:
        raise AlertingFileError(path, [f"it cannot be read: {error.strerror}"]) from error
    if len(raw) > MAX_BYTES:
        raise AlertingFileError(path, [f"the file had over {MAX_BYTES:,} bytes, the most that is read"])
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except ValueError as error:  # no UTF-8, no TOML, a day that is none, a number of thousands of digits
        raise AlertingFileError(path, [f"it is no TOML: {error}"]) from error
    except RecursionError:
        raise AlertingFileError(path, ["it is nested too deep"]) from None
    policy, problems = read_policy(document)
    for channel in policy.channels.values():
        problems += environment_problems(channel, environment)
    if problems:
        raise AlertingFileError(path, problems)
    return policy


def check_policy(path: Path | None, environment: Mapping[str, str]) -> Policy:
    """Read a policy as `load_policy` does, and check too what its channels will meet.

    A channel whose address the guard refuses does not stop the others, so
    delivery starts with it; who checks wants to know before.

    Raises:
        AlertingFileError: Lists every problem.
    """
    policy = load_policy(path, environment)
    problems = [problem for channel in policy.channels.values() for problem in address_problems(channel, environment)]
    if problems and path is not None:
        raise AlertingFileError(path, problems)
    return policy
