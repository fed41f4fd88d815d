"""Count what the lake holds, for the command line and the console."""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from inventory_assets.lake.catalog.older import OLDER
from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import CATALOG
from inventory_assets.settings import Settings


def count_lake(reader: Reader, settings: Settings) -> list[dict[str, Any]]:
    """Versions, messages by outcome, keys, alerts, files: rows of `what` and `count`."""
    # What DuckLake itself is asked goes by the name of what is attached.
    is_older = reader.query(f"SELECT 1 FROM duckdb_databases() WHERE database_name = '{OLDER}'").height
    lake = OLDER if is_older else CATALOG
    found = reader.query(
        f"""
        SELECT 'version' AS what, coalesce(max(version), 0) AS count FROM meta.versions
        UNION ALL SELECT 'messages ' || outcome, count(*) FROM raw.messages GROUP BY outcome
        UNION ALL SELECT 'keys', count(*) FROM core.sku_state
        UNION ALL SELECT 'rules', count(*) FROM core.threshold_rules
        UNION ALL SELECT 'alerts ' || state, count(*) FROM out.alerts GROUP BY state
        UNION ALL SELECT 'alerts notified', coalesce(sum(notification_count), 0)::BIGINT FROM out.alerts
        UNION ALL SELECT 'deliveries ' || status, count(*) FROM out.deliveries WHERE status <> 'owed'
            GROUP BY status
        UNION ALL SELECT 'data files', coalesce(sum(file_count), 0)::BIGINT FROM ducklake_table_info('{lake}')
        UNION ALL SELECT 'data bytes', coalesce(sum(file_size_bytes), 0)::BIGINT FROM ducklake_table_info('{lake}')
        """
    )
    rows = list(found.iter_rows(named=True))
    if (behind := find_behind(settings)) is not None:
        rows.append({"what": "versions not landed", "count": behind.versions})
        rows.append({"what": "ms behind", "count": behind.milliseconds})
        rows.append({"what": "journal bytes not landed", "count": behind.bytes})
        rows.append({"what": "journal is full", "count": int(behind.is_full)})
    if settings.is_embedded:
        catalog = Path(settings.catalog_uri.removeprefix("sqlite:"))
        rows.append({"what": "catalog bytes", "count": catalog.stat().st_size})
    return rows


def has_versions(reader: Reader) -> bool:
    """Whether anything was ever committed."""
    return reader.query("SELECT count(*) FROM meta.versions").item() > 0


def count_levels(reader: Reader) -> int:
    """How many stock levels were taken in."""
    return reader.query("SELECT count(*) FROM core.events WHERE kind = 'level'").item()


def first_stock_day(reader: Reader) -> date | None:
    """The day of the first event of stock; None where there is none."""
    return reader.query(f"SELECT min(event_date) FROM core.events WHERE kind IN {STOCK_KINDS}").item()


class Progress(NamedTuple):
    """How far the lake has come: messages and versions, alerts that fire, milliseconds from publication to commit."""

    messages: int
    version: int
    firing: int
    lag_milliseconds: float | None


def read_progress(reader: Reader) -> Progress:
    """How far the lake has come; the lag is the median of the last ten versions."""
    row = reader.query(
        """SELECT
        (SELECT coalesce(sum(messages), 0)::BIGINT FROM meta.versions) AS messages,
        (SELECT coalesce(max(version), 0) FROM meta.versions) AS version,
        (SELECT count(*) FROM out.alerts WHERE state = 'firing') AS firing,
        (SELECT median(epoch_ms(v.committed_at) - epoch_ms(r.publish_time)) FROM raw.messages r
         JOIN meta.versions v USING (version)
         WHERE version > (SELECT max(version) - 10 FROM meta.versions)) AS lag_milliseconds"""
    ).row(0)
    return Progress(*row)
