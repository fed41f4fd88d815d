"""The lake's data in a bucket: Parquet through DuckDB's own client, the catalog where it was."""

from dataclasses import replace

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.tables import SKU_STATE
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.settings import load_settings
from tests.builders import level, messages, rule, transaction
from tests.facts import STOCK, differences, rows
from tests.lake.files.bucket import Bucket


@pytest.fixture
def bucket():
    found = Bucket()
    yield found
    found.close()


@pytest.fixture
def stored(settings, bucket):
    """Settings that keep the data in the bucket."""
    return replace(
        settings, data_path="gs://lake/data", gcs_key_id="KEY", gcs_secret="it's secret", gcs_endpoint=bucket.endpoint
    )


def test_bursts_reads_and_upkeep_work_on_a_bucket(open_engine, stored, bucket):
    engine = open_engine(chosen=stored)
    engine.commit_burst(messages(rule(50, 60), level(100), transaction("T1", quantity=-60)))
    engine.commit_burst(messages(transaction("T2", quantity=-5, at="09:00")))
    maintenance = Maintenance(engine.lake)
    maintenance.rewriter.merge(SKU_STATE, 1, 2)
    maintenance.compact(SKU_STATE)
    maintenance.run_all()
    reader = open_engine(Engine, stored)

    assert rows(reader.lake, STOCK) == [("W1", "S1", 35, 0, 35, 0)]
    assert reader.state.version == 2
    assert differences(reader) == []
    assert bucket.objects and all(name.startswith("/lake/data/") for name in bucket.objects)
    assert not (stored.home / "lake" / "data").exists()


def test_hosts_share_a_lake_in_a_bucket_by_the_catalog_on_a_server(open_engine, stored, bucket, postgres, tmp_path):
    """Nothing of it is of one host: not the journal, nor what names the lake."""
    here = replace(stored, catalog=postgres.new_catalog())
    there = replace(here, home=tmp_path / "there")
    engines = [open_engine(chosen=each) for each in (here, there)]
    engines[0].commit_burst(messages(rule(50, 60), level(100)))
    for number in range(4):
        engines[number % 2].commit_burst(messages(transaction(f"T{number}", quantity=-10)))
    Maintenance(engines[1].lake).run_all()

    heads = [engine.lake.head() for engine in engines]
    assert heads[0] == heads[1]
    assert (5, 5) == (heads[0].version, heads[0].landed)
    for engine in engines:
        assert rows(engine.lake, STOCK) == [("W1", "S1", 60, 0, 60, 0)]
        assert differences(engine) == []
    assert bucket.objects and all(name.startswith("/lake/data/") for name in bucket.objects)
    assert not list(tmp_path.rglob("*.parquet")) and not list(tmp_path.rglob("*journal*"))


def test_a_bucket_without_a_key_says_which_settings_are_missing(settings):
    with pytest.raises(LakeError, match="INVENTORY_GCS_KEY_ID"):
        connect(replace(settings, data_path="gs://lake/data"))


def test_the_key_comes_from_the_environment_and_is_not_shown():
    settings = load_settings({"INVENTORY_GCS_KEY_ID": "KEY", "INVENTORY_GCS_SECRET": "hush"})

    assert (settings.gcs_key_id, settings.gcs_secret) == ("KEY", "hush")
    assert "hush" not in repr(settings)
