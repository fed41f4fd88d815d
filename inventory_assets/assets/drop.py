"""The files of the drop folder in Dagster: one asset, on which each file that was looked at is an event.

Here: what the UI shows of a file. Not here: publishing it (`publishing.drop`), when that is looked at (`sensors.drop`).
"""

import dagster as dg

from inventory_assets.domain.publish.drop import REPORT
from inventory_assets.domain.values import to_datetime
from inventory_assets.publishing.ledger import Taken, Verdict
from inventory_assets.words.drop import said
from inventory_assets.words.text import clean

MAX_SHOWN = 20

DROPPED_FILES = dg.AssetSpec(
    key=dg.AssetKey(["drop", "files"]),
    group_name="drop",
    kinds={"csv"},
    description="Files that people drop for publication (`INVENTORY_DROP_FOLDER`, docs/publishing.md). A "
    "materialization is a file that was published, an observation one that was not. One event per file.",
)


def to_event(taken: Taken) -> dg.AssetMaterialization | dg.AssetObservation:
    """What became of a file, as the UI shows it."""
    what = said(taken.verdict, taken.rows, taken.sent, taken.bad, taken.why)
    shown = [clean(each, 300).replace("`", "'") for each in taken.problems[:MAX_SHOWN]]
    problems = "\n".join(f"- `{each}`" for each in shown)
    metadata: dict[str, dg.MetadataValue] = {
        "file": dg.MetadataValue.text(clean(taken.name, 300)),
        "verdict": dg.MetadataValue.text(str(taken.verdict)),
        "what": dg.MetadataValue.text(clean(what, 1_000)),
        "rows": dg.MetadataValue.int(taken.rows),
        "sent": dg.MetadataValue.int(taken.sent),
        "wrong": dg.MetadataValue.int(taken.bad),
        "at": dg.MetadataValue.timestamp(to_datetime(taken.at)),
        "report": dg.MetadataValue.text(clean(f"{taken.name}{REPORT}", 300)),
    }
    texts = {"topic": taken.topic, "envelope": taken.envelope, "mapping": taken.mapping, "sha256": taken.sha256}
    metadata |= {name: dg.MetadataValue.text(clean(text, 300)) for name, text in texts.items() if text}
    if problems:
        metadata["wrong_rows"] = dg.MetadataValue.md(problems)
    kind = dg.AssetMaterialization if taken.verdict is Verdict.PUBLISHED else dg.AssetObservation
    return kind(asset_key=DROPPED_FILES.key, description=f"{clean(taken.name)}: {clean(what, 300)}", metadata=metadata)
