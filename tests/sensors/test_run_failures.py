"""A failed run is told on status-topic, with what it was about to make and why it failed."""

import json

import dagster as dg

from sensors.run_failures import describe_failure


def test_a_failed_run_names_its_assets_partitions_step_and_error():
    days = dg.DailyPartitionsDefinition("2026-01-01")

    @dg.asset(key=["snapshots", "broken"], partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def broken() -> None:
        raise ValueError("no room on the disk")

    tags = {"dagster/asset_partition_range_start": "2026-01-02", "dagster/asset_partition_range_end": "2026-01-04"}
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions([broken], jobs=[dg.define_asset_job("build", [broken])]).resolve_job_def("build")
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, tags=tags, asset_selection=[dg.AssetKey(["snapshots", "broken"])]
        )
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failures",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
        ).for_run_failure()
        message = describe_failure(context)

    told = json.loads(message.data)
    assert "status-topic" == message.topic
    assert {"type": "run_failed"} == message.attributes
    assert (["snapshots/broken"], "2026-01-02…2026-01-04") == (told["assets"], told["partition"])
    assert "build" == told["job"]
    assert ["snapshots__broken"] == told["steps"]
    assert "no room on the disk" in told["error"]
