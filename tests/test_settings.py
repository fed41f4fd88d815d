"""A setting beyond its range is refused by its name, with the range; nothing else is asked then."""

import pytest

from inventory_assets.settings import SettingsError, load_settings

BEYOND = {
    "DEFAULT_MIN": ("-1", "1000000000001", "1_000", "\u0661\u0662", "many"),
    "DEFAULT_REORDER": ("-1", "9" * 400),
    "MAX_MESSAGES": ("0", "100001"),
    "MAX_BYTES": ("0", "9" * 30),
    "TICK_SECONDS": ("-1", "nan", "inf", "1e9", "soon"),
    "LEASE_SECONDS": ("0", "4.9", "3601", "nan", "soon"),
    "STATUS_SECONDS": ("-1", "nan", "86401", "soon"),
    "SQL_SECONDS": ("-1", "nan", "inf", "soon"),
    "CACHED_ENTITIES": ("0", "1e6"),
    "DISCONTINUED_AFTER": ("0", "3651", "999999999999"),
    "MAX_AHEAD": ("-1", "nan", "9000", "soon"),
    "UNSTATED_GRACE": ("1e300",),
    "SNAPSHOT_RETENTION": ("inf",),
    "INHIBIT_SILENT_AFTER": ("0", "99999999999"),
    "ESCALATE_AFTER": ("CRITICAL=999999999999d", "HIGH=0m", "HIGH=\u0661m"),
    "REPEAT_EVERY": ("HIGH=367d",),
    "EXPIRE_AFTER": ("MEDIUM=d",),
    "START_DATE": ("0001-01-01", "9999-12-31", "soon"),
    "PARTITIONS_START_DATE": ("1969-12-31",),
    "DUCKDB_MEMORY_LIMIT": ("lots", "-1GB"),
    "SQL_MEMORY_LIMIT": ("512",),
    "SQL_SPILL_LIMIT": ("5 parrots",),
    "DUCKDB_THREADS": ("0", "1025"),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BEYOND.items() for text in texts])
def test_a_setting_beyond_its_range_is_refused_by_name(name, text):
    with pytest.raises(SettingsError, match=f"^INVENTORY_{name} was .*expected "):
        load_settings({f"INVENTORY_{name}": text})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("default_min", "0", 0), ("default_reorder", "1000000000000", 10**12), ("tick_seconds", "0.5", 0.5),
        ("status_seconds", "0", 0.0), ("lease_seconds", "5", 5.0), ("lease_seconds", "3600", 3600.0),
        ("escalate_after", "CRITICAL=30m,HIGH=366d", (("CRITICAL", 30), ("HIGH", 366 * 24 * 60))),
        ("duckdb_memory_limit", "1.5GiB", "1.5GiB"), ("sql_seconds", "0", 0.0), ("duckdb_threads", "1024", 1024),
    ],
)  # fmt: skip
def test_the_ends_of_a_range_are_within(name, text, expected):
    assert expected == getattr(load_settings({f"INVENTORY_{name.upper()}": text}), name)
