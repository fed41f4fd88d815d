"""Dagster's instance of `inventory run`: the settings that we ship, and in a demo one run at a time.

A run takes some 300 MiB, and one that builds the marts has dbt beside it. In a demo, whose day is over in ten minutes,
one is due all the time: two at once took a laptop past two gigabytes. What waits is queued, and bursts are no runs.
"""

from pathlib import Path

from inventory_assets.project_files import project_dir

_SHIPPED, _DEMO = "max_concurrent_runs: 3", "max_concurrent_runs: 1"


def write_instance(dagster_home: Path, *, is_demo: bool) -> None:
    """Write Dagster's instance file anew; what it holds is ours."""
    dagster_home.mkdir(parents=True, exist_ok=True)
    text = (project_dir() / "deploy" / "dagster.yaml").read_text()
    if text.count(_SHIPPED) != 1:
        raise ValueError(f"deploy/dagster.yaml was without {_SHIPPED!r}; say here what a demo has in its place.")
    (dagster_home / "dagster.yaml").write_text(text.replace(_SHIPPED, _DEMO) if is_demo else text)
