"""Invoice lines of the Online Retail data as messages for the inventory topics.

Belongs here: what each line means as a stock fact, and the few things made up beside it (opening
stock, one warehouse, hierarchy), which README.md lists. Not here: publishing; pipe the output.

    python -m examples.online_retail.convert online_retail.parquet --out - --limit 1000
"""

import argparse
import contextlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import polars as pl

TRANSACTIONS_TOPIC = "inventory-transactions-topic"
LEVELS_TOPIC = "inventory-updates-topic"
WAREHOUSE_ID = "WH-UK"
DEPARTMENT_ID = "RETAIL"
# The day the file begins; its first line is at 08:26.
OPENING_AT = datetime(2010, 12, 1, tzinfo=UTC)

# Codes that move money, not goods. PADS and DCGS… look alike but are goods.
NON_PRODUCT_CODES = frozenset({"POST", "DOT", "M", "m", "C2", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"})
NON_PRODUCT_PREFIX = "gift_"  # vouchers


class Message(NamedTuple):
    """One message to publish."""

    topic: str
    data: bytes
    attributes: dict[str, str]
    ordering_key: str


class StockFact(NamedTuple):
    """What an invoice line means: a transaction type and signed units (RULES 8)."""

    transaction_type: str
    quantity: int


def is_product(stock_code: str) -> bool:
    """Tell goods from fees, discounts, samples and vouchers."""
    return stock_code not in NON_PRODUCT_CODES and not stock_code.startswith(NON_PRODUCT_PREFIX)


def stock_fact(invoice: str, quantity: int, unit_price: float) -> StockFact | None:
    """Classify a line of goods; None where it is none of the four known cases."""
    if unit_price == 0 and quantity != 0:
        # Write-offs ("damaged", "thrown away") and finds ("found", "adjustment").
        return StockFact("ADJUSTMENT", quantity)
    if invoice.startswith("C") and quantity < 0:
        return StockFact("RETURN", -quantity)
    if not invoice.startswith("C") and quantity > 0 and unit_price > 0:
        return StockFact("ORDER", -quantity)
    return None


class OnlineRetail:
    """The file, read once; `messages` may be iterated again and gives the same bytes.

    Attributes:
        skipped: Lines that became no message, by reason (the code, or `unclassified`).
    """

    def __init__(self, path: Path, *, limit: int | None = None) -> None:
        """Read a Parquet file with the columns of UCI Online Retail.

        Args:
            limit: Take only this many lines from the start; opening stock then covers these.
        """
        with path.open("rb") as file:
            digest = sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        self.file_id = digest.hexdigest()[:16]
        self.skipped: Counter[str] = Counter()
        lines = pl.read_parquet(path, n_rows=limit)
        self._lines = lines.select(
            "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
            "CustomerID",
        )  # fmt: skip
        self._moves = self._read_moves()

    def _read_moves(self) -> list[StockFact | None]:
        moves: list[StockFact | None] = []
        columns = self._lines.select("InvoiceNo", "StockCode", "Quantity", "UnitPrice")
        for invoice, code, quantity, unit_price in columns.iter_rows():
            fact = stock_fact(invoice, quantity, unit_price) if is_product(code) else None
            if fact is None:
                self.skipped["unclassified" if is_product(code) else code] += 1
            moves.append(fact)
        return moves

    def messages(self) -> Iterator[Message]:
        """Yield the synthetic opening levels by SKU, then the lines in file order."""
        yield from self._opening_levels()
        yield from self._transactions()

    def opening_stock(self) -> dict[str, int]:
        """Return the least stock per SKU with which every line could be served in file order."""
        running: Counter[str] = Counter()
        lowest: dict[str, int] = {}
        for code, fact in zip(self._lines["StockCode"], self._moves, strict=True):
            if fact is not None:
                running[code] += fact.quantity
                lowest[code] = min(lowest.get(code, 0), running[code])
        return {code: -units for code, units in sorted(lowest.items())}

    def _opening_levels(self) -> Iterator[Message]:
        names = self._product_names()
        for code, units in self.opening_stock().items():
            document: dict[str, object] = {
                "sku": code,
                "product_id": product_id(code),
                "category_id": category_id(names.get(code)),
                "department_id": DEPARTMENT_ID,
                "warehouse_id": WAREHOUSE_ID,
                "current_stock": units,
                "reserved_stock": 0,
                "available_stock": units,
                "min_threshold": -(-units // 20),
                "reorder_threshold": -(-units // 7),
                "restock_in_progress": False,
                "last_updated": OPENING_AT,
            }
            yield _message(LEVELS_TOPIC, document, {"synthetic": "opening-stock"}, code)

    def _product_names(self) -> dict[str, str]:
        # Descriptions of sales only: on write-offs they say what went wrong ("wet", "?").
        counted = (
            self._lines.filter((pl.col("UnitPrice") > 0) & (pl.col("Quantity") > 0))
            .drop_nulls("Description")
            .group_by("StockCode", "Description")
            .len()
            .sort(["StockCode", "len", "Description"], descending=[False, True, False])
            .unique("StockCode", keep="first", maintain_order=True)
        )
        return dict(zip(counted["StockCode"], counted["Description"], strict=True))

    def _transactions(self) -> Iterator[Message]:
        rows = zip(self._lines.iter_rows(), self._moves, strict=True)
        for number, (row, fact) in enumerate(rows, start=1):
            if fact is None:
                continue
            invoice, code, description, _, invoiced_at, _, customer = row
            type_ = fact.transaction_type
            document: dict[str, object] = {
                # The line number, because equal lines are separate sales (RULES 10).
                "transaction_id": f"{invoice}-{number:06d}",
                "transaction_type": type_,
                "sku": code,
                "warehouse_id": WAREHOUSE_ID,
                "quantity": fact.quantity,
                "order_id": invoice if type_ == "ORDER" else None,
                "po_number": None,
                "return_id": invoice if type_ == "RETURN" else None,
                "adjustment_reason": description if type_ == "ADJUSTMENT" else None,
                "timestamp": invoiced_at,
                "user_id": customer,
                "status": "COMPLETED",
                "batch_id": None,
            }
            attributes = {"row_id": f"{self.file_id}:{number}"}
            yield _message(TRANSACTIONS_TOPIC, document, attributes, code)


def _message(topic: str, document: dict[str, object], attributes: dict[str, str], code: str) -> Message:
    return Message(topic, msgspec.json.encode(document), attributes, f"{WAREHOUSE_ID}:{code}")


def product_id(stock_code: str) -> str:
    """Return the number before the letters: 85123A and 85123a are variants of 85123."""
    number = re.match(r"\d{5}(?=[A-Za-z]+$)", stock_code)
    return number[0] if number else stock_code


def category_id(description: str | None) -> str | None:
    """Return the last word of letters, most often the noun: "WHITE METAL LANTERN" → LANTERN."""
    words = re.findall(r"[A-Z]{3,}", (description or "").upper())
    return words[-1] if words else None


def write_json_lines(messages: Iterator[Message], out: IO[bytes]) -> int:
    """Write one object a line with the data as text; return how many."""
    count = 0
    for message in messages:
        line = message._asdict() | {"data": message.data.decode()}
        out.write(msgspec.json.encode(line) + b"\n")
        count += 1
    return count


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.online_retail.convert")
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--out", default="-", help="file, or - for stdout (default)")
    parser.add_argument("--limit", type=int, help="take only the first N lines of the file")
    chosen = parser.parse_args(arguments)
    if not chosen.parquet.is_file():
        parser.error(f"{chosen.parquet} is no file; expected online_retail.parquet, see README.md")
    if chosen.limit is not None and chosen.limit < 0:
        parser.error(f"--limit was {chosen.limit}; expected 0 or more")
    retail = OnlineRetail(chosen.parquet, limit=chosen.limit)
    with contextlib.ExitStack() as stack:
        if chosen.out == "-":
            out: IO[bytes] = sys.stdout.buffer
        else:
            out = stack.enter_context(Path(chosen.out).open("wb"))
        count = write_json_lines(retail.messages(), out)
    skipped = ", ".join(f"{code} {lines}" for code, lines in retail.skipped.most_common())
    print(f"{count} messages; {retail.skipped.total()} lines skipped: {skipped}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
