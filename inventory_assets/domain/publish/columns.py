"""Which column of a file is which field of a fact: by a mapping, or by names that are known (RULES 40).

Here: names only. Not here: what the cells hold (`cells`), or the fact they make (`facts`).
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inventory_assets.domain.events.kinds import Level, Transaction
from inventory_assets.domain.events.parse import EMBEDDED, PRODUCT_FIELDS, PRODUCT_NUMBERS

_TIMES = ("updated_at", "status_changed_at")
TRANSACTION_FIELDS = (
    "transaction_id", "line_id", "transaction_type", "status", "sku", "warehouse_id", "to_warehouse_id", "quantity",
    "timestamp", *_TIMES, "reason",
)  # fmt: skip
LEVEL_FIELDS = (
    "sku", "warehouse_id", "current_stock", "reserved_stock", "last_updated", *_TIMES, "restock_in_progress",
    "department_id", "category_id", "brand_id", "product_id", *EMBEDDED, *PRODUCT_FIELDS, *PRODUCT_NUMBERS,
)  # fmt: skip
FIELDS: Mapping[str, tuple[str, ...]] = {Transaction.kind: TRANSACTION_FIELDS, Level.kind: LEVEL_FIELDS}
QUANTITIES = frozenset({"quantity", "current_stock", "reserved_stock", *EMBEDDED})
MOMENTS = frozenset({"timestamp", "last_updated", *_TIMES})
FLAGS = frozenset({"restock_in_progress"})
TIME_OF = {Transaction.kind: "timestamp", Level.kind: "last_updated"}
# The names of a document of another kind, which is no row of stock: it goes out as it stands (RULES 2).
OTHER_MARKERS = ("level_type", "command", "document", "specversion", "eventType")
# What would make it news of a collection (RULES 9).
_RESERVED = frozenset({"operation", "namespace"})

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "sku": ("item_id", "item", "item_no", "item_number", "article", "article_id", "article_no", "product_sku",
            "product_code", "part_no", "part_number", "stock_code", "material"),
    "warehouse_id": ("warehouse", "warehouse_code", "wh", "wh_id", "location", "location_id", "store", "store_id",
                     "site", "depot"),
    "to_warehouse_id": ("to_warehouse", "destination_warehouse", "destination_warehouse_id"),
    "quantity": ("adjustment", "qty", "quantity_change", "qty_change", "change", "delta", "difference"),
    "current_stock": ("stock", "stock_level", "on_hand", "on_hand_qty", "quantity_on_hand", "qty_on_hand", "counted"),
    "reserved_stock": ("reserved", "quantity_reserved", "qty_reserved"),
    "timestamp": ("time", "datetime", "date_time", "date", "event_time", "occurred_at"),
    "transaction_id": ("event_id",),
    "transaction_type": ("movement_type",),
}  # fmt: skip
_MEANINGS = {synonym: name for name, synonyms in SYNONYMS.items() for synonym in synonyms}
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s._/-]+")


class ColumnsError(ValueError):
    """A header, or a mapping, does not say what the rows are."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What a person says of a file: the column of a field, and what is the same in all rows that say nothing."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows are read.

    Attributes:
        kind: Of the facts.
        fields: (field, index, the column's name) of each cell that is one.
        constants: Values where a row has none.
        extras: (name, index) of what goes along without a meaning.
    """

    kind: str
    fields: tuple[tuple[str, int, str], ...]
    constants: Mapping[str, object]
    extras: tuple[tuple[str, int], ...] = ()

    def has(self, name: str) -> bool:
        """Whether rows may have a value for a field."""
        return name in self.constants or any(known == name for known, _, _ in self.fields)


def choose_columns(
    header: Sequence[str], mapping: ColumnMapping | None, default_warehouse: str | None = None
) -> Columns:
    """Decide what each column is.

    Args:
        header: Their names.
        mapping: What a person says of them.
        default_warehouse: Of all rows, where no column is one.

    Raises:
        ColumnsError: Two ways to read it, or none; a mapping names what is not there.
    """
    if mapping is not None and mapping.columns:
        columns = _mapped(header, mapping)
    else:
        columns = _known(header, mapping.constants if mapping else {})
    required = ["sku", "warehouse_id"]
    lacking = [name for name in required if not columns.has(name)]
    if lacking == ["warehouse_id"] and default_warehouse is not None:
        return replace(columns, constants={**columns.constants, "warehouse_id": default_warehouse})
    if lacking == ["warehouse_id"]:
        raise ColumnsError(
            f"no column is the warehouse_id (of {_list(header)}). If all rows are of one warehouse, give a mapping "
            'with constants: warehouse_id = "…", or set INVENTORY_DEFAULT_WAREHOUSE'
        )
    if lacking:
        raise ColumnsError(f"no column is the {lacking[0]}{_near(lacking[0], header)}; {_how(header)}")
    return columns


def _mapped(header: Sequence[str], mapping: ColumnMapping) -> Columns:
    named = {**mapping.constants, **mapping.columns}
    kind = _kind(named)
    time = TIME_OF[kind]
    fields = []
    for name, column in mapping.columns.items():
        if column not in header:
            close = difflib.get_close_matches(column, header, 1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise ColumnsError(
                f"the mapping's {name} is column {column!r}, which the header lacks{hint}; it has {_list(header)}"
            )
        # One name for the time of either kind.
        fields.append((time if name in TIME_OF.values() else name, header.index(column), column))
    constants = {time if name in TIME_OF.values() else name: value for name, value in mapping.constants.items()}
    _check_names(kind, [*constants, *(name for name, _, _ in fields)])
    return Columns(kind, tuple(fields), constants)


def _check_names(kind: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in FIELDS[kind]:
            raise ColumnsError(f"{name!r} is no field of a {kind}; known: {', '.join(FIELDS[kind])}")


def _known(header: Sequence[str], constants: Mapping[str, object]) -> Columns:
    meant = [_meaning(column) for column in header]
    # A column that has a field's own name is that field; another that might be it goes along.
    meant = [
        None if name is not None and name != column and name in header else name
        for name, column in zip(meant, header, strict=True)
    ]
    kind = _kind([*constants, *(name for name in meant if name is not None)], header)
    time = TIME_OF[kind]
    fields, extras = [], []
    for index, (name, column) in enumerate(zip(meant, header, strict=True)):
        if name in TIME_OF.values() and time not in header:
            name = time
        if name in FIELDS[kind]:
            fields.append((name, index, column))
        else:
            extras.append((column, index))
    for name, _, column in fields:
        if twice := [other for known, _, other in fields if known == name and other != column]:
            raise ColumnsError(f"columns {column!r} and {twice[0]!r} may both be the {name}: say which with a mapping")
    _check_names(kind, constants)
    return Columns(kind, tuple(fields), dict(constants), _harmless(extras, kind))


def _harmless(extras: list[tuple[str, int]], kind: str) -> tuple[tuple[str, int], ...]:
    forbidden = {*_RESERVED, *OTHER_MARKERS, *FIELDS[kind]}
    if kind == Level.kind:
        forbidden |= {"transaction_type"}
    for column, _ in extras:
        if column in forbidden:
            raise ColumnsError(f"column {column!r} would make the rows another kind of message; {_HOW}")
    return tuple(extras)


def _meaning(column: str) -> str | None:
    if any(column in fields for fields in FIELDS.values()):
        return column
    plain = _WORDS.sub("_", column.strip()).lower()
    if any(plain in fields for fields in FIELDS.values()):
        return plain
    return _MEANINGS.get(plain)


def _kind(names: Iterable[str], header: Sequence[str] = ()) -> str:
    found = set(names)
    is_change = bool(found & {"quantity", "transaction_type"})
    if is_change and "current_stock" in found and "transaction_type" not in found:
        raise ColumnsError(
            f"both a quantity (a change) and a current_stock (a level) are there: say which with a mapping. {_HOW}"
        )
    if "quantity" in found:
        return Transaction.kind
    if "current_stock" in found and not is_change:
        return Level.kind
    raise ColumnsError(
        f"no column is a quantity (a change) or a current_stock (a level){_near('quantity', header)}; {_how(header)}"
    )


_HOW = 'A mapping is a file of TOML: [columns] with lines of field = "column", as sku = "item"'


def _how(header: Sequence[str]) -> str:
    return f"columns: {_list(header)}. {_HOW}"


def _near(name: str, header: Sequence[str]) -> str:
    known = [name, *SYNONYMS.get(name, ())]
    for column in header:
        if close := difflib.get_close_matches(_WORDS.sub("_", column.strip()).lower(), known, 1):
            return f" ({column!r} is near {close[0]})"
    return ""


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:12]))
    return shown[:300] + (f" and {len(names) - 12} more" if len(names) > 12 else "")
