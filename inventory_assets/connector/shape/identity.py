"""What a document in Extended JSON form is about: enough to address it, and to know it once it is deleted.

Here: the fields that name a document's subject. Not here: whether they are right (the schemas, and
RULES 4, which the lake keeps), or the key made of them (`routing`).
"""

from typing import Any


def has_identity(role: str, found: dict[str, Any] | None) -> bool:
    """Whether the lake can tell from this document or key what was deleted."""
    if role == "transactions":
        return True  # no stock fact: the lake filters it
    if found is None:
        return False
    if role == "inventory":
        return bool(read_id_text(found.get("warehouse_id")) and read_id_text(found.get("sku")))
    level_type = found.get("level_type")
    return bool(read_id_text(level_type) and (level_type == "GLOBAL" or read_id_text(found.get("level_id"))))


def find_address(role: str, found: dict[str, Any]) -> tuple[str, str]:
    """(warehouse, SKU or what stands for it): what keeps its order."""
    warehouse_id = read_id_text(found.get("warehouse_id"))
    if role == "thresholds":
        return warehouse_id, f"{read_id_text(found.get('level_type'))}:{read_id_text(found.get('level_id'))}"
    return warehouse_id, read_id_text(found.get("sku")) or read_id_text(found.get("_id"))


def read_id_text(value: Any) -> str:
    """An id as text; empty for anything else."""
    if type(value) is str:
        return value
    if type(value) is dict and type(value.get("$oid")) is str:
        return value["$oid"]
    return ""
