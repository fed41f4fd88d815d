"""The instance that `inventory run` gives Dagster."""

import pytest
from dagster import DagsterInstance

from inventory_assets.commands.run.instance import write_instance


@pytest.mark.parametrize(("is_demo", "most"), [(True, 1), (False, 3)])
def test_a_demo_has_one_run_at_a_time(tmp_path, is_demo, most):
    """Two and dbt at once took two gigabytes. Of a user's own data an hour's backfill keeps no sweep waiting."""
    write_instance(tmp_path, is_demo=is_demo)

    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert most == instance.get_concurrency_config().run_queue_config.max_concurrent_runs
