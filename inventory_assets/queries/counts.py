"""Count what the lake holds, for the command line and the console."""

from pathlib import Path
from typing import Any

from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.query.reader import Reader
from inventory_assets.settings import Settings


def count_lake(reader: Reader, settings: Settings) -> list[dict[str, Any]]:
    """Versions, messages by outcome, keys, alerts, files: rows of `what` and `count`."""
    found = reader.query(
        """
        SELECT 'version' AS what, coalesce(max(version), 0) AS count FROM meta.versions
        UNION ALL SELECT 'messages ' || outcome, count(*) FROM raw.messages GROUP BY outcome
        UNION ALL SELECT 'keys', count(*) FROM core.sku_state
        UNION ALL SELECT 'rules', count(*) FROM core.threshold_rules
        UNION ALL SELECT 'alerts ' || state, count(*) FROM out.alerts GROUP BY state
        UNION ALL SELECT 'alerts notified', coalesce(sum(notification_count), 0)::BIGINT FROM out.alerts
        UNION ALL SELECT 'deliveries ' || status, count(*) FROM out.deliveries WHERE status <> 'owed'
            GROUP BY status
        UNION ALL SELECT 'data files', coalesce(sum(file_count), 0)::BIGINT FROM ducklake_table_info('lake')
        UNION ALL SELECT 'data bytes', coalesce(sum(file_size_bytes), 0)::BIGINT FROM ducklake_table_info('lake')
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
