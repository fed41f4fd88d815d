"""Files as people have them: right, or refused by line; never read as something else (RULES 40)."""

import io
import json

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.columns import ColumnMapping
from inventory_assets.domain.publish.encode import Envelope
from inventory_assets.given_text import GivenFileError
from inventory_assets.publishing.mapping import FileFormat
from inventory_assets.publishing.rows import Order, plan_rows
from inventory_assets.publishing.table import read_table

NOW = 1_750_000_000_000_000
HEAD = "sku,warehouse_id,quantity,timestamp\n"
AT = "2025-03-01T08:00:00Z"
ROW = f"S1,W1,5,{AT}\n"


def drafts(
    content, *, kind="csv", mapping=None, envelope=Envelope.DOCUMENT, topic=Topic.ADJUSTMENTS, time=None, **written
):
    raw = content if isinstance(content, bytes) else content.encode()
    format_ = FileFormat(**written).check()
    table = read_table(io.BytesIO(raw), "f.csv", kind, format_, mapping)
    order = Order(topic=topic, envelope=envelope, now=NOW, parsing=ParseSettings(), time=time)
    plan = plan_rows(table, mapping, format_, order)
    found = list(plan.drafts())
    assert [each.message for each in found if each.message is not None] == list(
        plan.messages({each.line for each in found if each.message is None})
    )
    return found


def facts(found):
    """(line, SKU, warehouse, units) of the good rows."""
    return [
        (each.line, each.event.sku, each.event.warehouse_id, getattr(each.event, "quantity", None))
        for each in found
        if each.message is not None
    ]


ONE = [(2, "S1", "W1", 5)]
RIGHT = {
    "plain": (HEAD + ROW, {}, ONE),
    "a byte order mark": (b"\xef\xbb\xbf" + (HEAD + ROW).encode(), {}, ONE),
    "windows line ends, none at the end": ((HEAD + ROW).replace("\n", "\r\n").rstrip(), {}, ONE),
    "line ends of an old Mac": ((HEAD + ROW).replace("\n", "\r"), {}, ONE),
    "semicolons": ((HEAD + ROW).replace(",", ";"), {}, ONE),
    "tabs": ((HEAD + ROW).replace(",", "\t"), {}, ONE),
    "bars": ((HEAD + ROW).replace(",", "|"), {}, ONE),
    "semicolons, said": ((HEAD + ROW).replace(",", ";"), {"delimiter": "semicolon"}, ONE),
    "a spreadsheet's word for the delimiter": ("sep=;\r\n" + (HEAD + ROW).replace(",", ";"), {}, [(3, *ONE[0][1:])]),
    "another delimiter than the spreadsheet's word, said": (
        "sep=;\n" + HEAD + ROW, {"delimiter": "comma"}, [(3, *ONE[0][1:])],
    ),
    "commas in a header of semicolons": (
        f"sku;warehouse_id;quantity;timestamp;a,b,c,d,e,f\nS1;W1;5;{AT};x\n", {}, ONE,
    ),
    "leading zeros": (HEAD + f"007,0042,05,{AT}\n", {}, [(2, "007", "0042", 5)]),
    "an id like a number": (HEAD + f"1e5,1.0,5,{AT}\n", {}, [(2, "1e5", "1.0", 5)]),
    "a quoted line break": (HEAD[:-1] + f',note\nS1,W1,5,{AT},"two\nlines"\nS2,W1,6,{AT},\n', {},
                            [(3, "S1", "W1", 5), (4, "S2", "W1", 6)]),
    "a quoted delimiter and a doubled quote": (HEAD + f'"S,""1""",W1,5,{AT}\n', {}, [(2, 'S,"1"', "W1", 5)]),
    "empty lines and a line of commas": (HEAD + "\n,,,\n" + ROW + "\n", {}, [(4, "S1", "W1", 5)]),
    "thousands, said": (HEAD.replace(",", ";") + f"S1;W1;-1.234,0;{AT}\n", {"thousands": ".", "decimal": ","},
                        [(2, "S1", "W1", -1234)]),
    "windows-1252, said": ((HEAD + f"Café–1,W1,5,{AT}\n").encode("windows-1252"), {"encoding": "windows-1252"},
                           [(2, "Café–1", "W1", 5)]),
    "utf-16, said": ((HEAD + ROW).encode("utf-16"), {"encoding": "utf-16"}, ONE),
    "a zone, said": (HEAD + "S1,W1,5,2025-03-01 08:00:00\n", {"zone": "Europe/Berlin"}, ONE),
    "equal lines": (HEAD + ROW + ROW, {}, [*ONE, (3, "S1", "W1", 5)]),
    "other names": (f"Item No,Store,Qty,Date\nS1,W1,5,{AT}\n", {}, ONE),
    "no time": ("sku,warehouse_id,quantity\nS1,W1,5\n", {"time": AT}, ONE),
    "json lines": (json.dumps({"sku": "S1", "warehouse": "W1", "qty": 5.0, "time": AT}) + "\n",
                   {"kind": "json"}, [(1, "S1", "W1", 5)]),
    "tsv": ((HEAD + ROW).replace(",", "\t"), {"kind": "tsv"}, ONE),
    "a warehouse for all": (f"sku,quantity,timestamp\nS1,5,{AT}\n", {"mapping": ColumnMapping({}, {"warehouse_id": "W1"})},
                            ONE),
    "columns that are named": ("a;b\n5;S1\n",
                               {"mapping": ColumnMapping({"sku": "b", "quantity": "a"}, {"warehouse_id": "W1"}), "time": AT},
                               ONE),
    "a type and a status": (f"transaction_type,status,{HEAD}ORDER,PENDING,S1,W1,-5,{AT}\n", {}, [(2, "S1", "W1", -5)]),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_a_file_is_read_as_it_is_meant(case):
    content, asked, expected = RIGHT[case]

    found = drafts(content, **asked)

    assert expected == facts(found), [each.problem for each in found]
    assert [] == [each.problem for each in found if each.message is None]


# What is wrong by line: every other row is right.
BY_LINE = {
    "an extra cell": ("S1,W1,1,234," + AT, "has 5 cells, the header 4", {}),
    "a missing cell": ("S1,W1,5", "has 3 cells, the header 4: 'timestamp'", {}),
    "the header again": (HEAD.strip(), "is the header again", {}),
    "the header again, with a byte order mark": ("\ufeff" + HEAD.strip(), "is the header again", {}),
    "thousands": (f'S1,W1,"1,234",{AT}', "'1,234', expected a whole number", {}),
    "a decimal comma": (f'S1,W1,"5,0",{AT}', "--decimal", {}),
    "what may be a thousand or one": (f"S1,W1,1.000,{AT}", "--thousands", {}),
    "a fraction": (f"S1,W1,1.5,{AT}", "expected a whole number", {}),
    "a decimal, said": (f'S1,W1,"1.234,5",{AT}', "as was said", {"thousands": ".", "decimal": ","}),
    "no quantity": (f"S1,W1,,{AT}", "missing_field: required and absent or null: quantity", {}),
    "zero": (f"S1,W1,0,{AT}", "invalid_sign", {}),
    "too much": (f"S1,W1,1000000000001,{AT}", "10^12", {}),
    "no SKU": (f",W1,5,{AT}", "sku", {}),
    "spaces around an id": (f" S1,W1,5,{AT}", "outer white space", {}),
    "a line break in an id": (f'"S\n1",W1,5,{AT}', "control characters", {}),
    "no time": ("S1,W1,5,", "--time", {}),
    "a day": ("S1,W1,5,2025-03-01", "RFC 3339", {}),
    "a time to come": ("S1,W1,5,2035-03-01T08:00:00Z", "event_time_out_of_range", {}),
    "a time twice": ("S1,W1,5,2024-10-27 02:30:00", "is twice", {"zone": "Europe/Berlin"}),
}


@pytest.mark.parametrize("case", BY_LINE)
def test_a_row_that_cannot_be_meant_is_refused_by_its_line(case):
    row, said, asked = BY_LINE[case]

    found = drafts(HEAD + ROW + row + "\n" + ROW, **asked)

    [bad] = [each for each in found if each.message is None]
    assert 3 + row.count("\n") == bad.line
    assert said in bad.problem
    assert [(2, "S1", "W1", 5), (bad.line + 1, "S1", "W1", 5)] == facts(found)


WHOLE = {
    "windows-1252": ((HEAD + f"Café,W1,5,{AT}\n").encode("windows-1252"), {}, "line 2 has the byte 0xe9. It may be windows-1252, which reads 'Café"),
    "utf-16": ((HEAD + ROW).encode("utf-16"), {}, "utf-16"),
    "utf-16 without a mark": ((HEAD + ROW).encode("utf-16-le"), {}, "It may be utf-16"),
    "UTF-8 that is said to be another": ((HEAD + f"Café,W1,5,{AT}\n").encode(), {"encoding": "latin-1"}, "is UTF-8"),
    "a byte that the encoding lacks": (HEAD.encode() + b"S\x81,W1,5,\n", {"encoding": "windows-1252"}, "line 2"),
    "a NUL": (HEAD + "S\0,W1,5,\n", {}, "line 2 has a NUL"),
    "nothing": ("\n\n", {}, "was empty"),
    "two marks": (b"\xef\xbb\xbf" * 2 + (HEAD + ROW).encode(), {}, "second byte order mark"),
    "a column twice": ("sku,sku,warehouse_id,quantity\n", {}, "'sku' is there twice"),
    "a title above the header": ("March,,,\n" + HEAD + ROW, {}, "Line 2 looks like the header"),
    "two delimiters": ("sku;a,b;c\n", {}, "';'"),
    "an open quote": (HEAD + 'S1,"W1,5\n' + ROW, {}, "line 2: a cell has no end"),
    "characters after a quote": (HEAD + '"S1"x,W1,5,\n', {}, "line 2"),
    "one line of many megabytes": (b"x" * 20_000_000, {}, "line 1: a row has over 1,000,000 characters"),
    "one line of many cells": (HEAD + "S1," * 7_000_000, {}, "line 2: a row has over 1,000,000 characters"),
    "one row of many lines": (HEAD + '"\n",' * 400_000, {}, "line 2: a row has over 1,000,000 characters"),
    "one cell of many lines": (HEAD + '"' + "S1\n" * 200_000, {}, "line 2: a cell has no end"),
    "an unknown header": ("a,b,c\n1,2,3\n", {}, "no column is a quantity"),
    "a change to the topic of levels": (HEAD + ROW, {"topic": Topic.LEVELS}, "goes to inventory-topic, inventory-transactions-topic; --topic was"),
    "an adjustment to another topic": (HEAD + ROW, {"envelope": Envelope.ADJUSTMENT, "topic": Topic.SERVICES},
                                       "goes to inventory-topic"),
    "rules as another envelope": ("level_type,level_id\nGLOBAL,\n", {"envelope": Envelope.SERVICE}, "no stock facts"),
    "stock that is no object": ("[1]", {"kind": "state"}, "no opening stock"),
    "stock twice": ('{"S1": 1, "S1": 2}', {"kind": "state"}, "appears twice"),
    "no objects": ("\n", {"kind": "json"}, "no JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_a_file_that_cannot_be_meant_is_refused_whole(case):
    content, asked, said = WHOLE[case]

    with pytest.raises(GivenFileError) as found:
        drafts(content, **asked)

    assert said in str(found.value)
    assert len(str(found.value)) < 1_000


def test_a_row_keeps_its_place_in_every_envelope():
    """RULES 10: the file's hash and the line, in the id or beside it."""
    [r0], [adjustment], [cloud], [r4] = (
        drafts(HEAD + ROW, envelope=envelope, topic=topic)
        for envelope, topic in (
            (Envelope.DOCUMENT, Topic.TRANSACTIONS), (Envelope.ADJUSTMENT, Topic.ADJUSTMENTS),
            (Envelope.CLOUDEVENTS, Topic.LEVELS), (Envelope.SERVICE, Topic.SERVICES),
        )
    )  # fmt: skip
    digest = r0.message.attributes["row_id"].removesuffix(":2")
    bodies = [json.loads(each.message.data) for each in (r0, adjustment, cloud, r4)]

    assert f"file/{digest}/2" == bodies[0]["transaction_id"] == bodies[3]["eventId"]
    assert (f"file/{digest}", "2") == (bodies[2]["source"], bodies[2]["id"])
    assert r0.message.attributes == adjustment.message.attributes
    assert not {"row_id"} & {*cloud.message.attributes, *r4.message.attributes}


def test_a_row_is_judged_as_what_arrives():
    """RULES 40: an id that is right by itself and too long in its envelope is refused by its line."""
    long = "T" * 200
    [bad, good] = drafts(
        f"transaction_id,{HEAD}{long},S1,{long},5,{AT}\nT1,S1,W1,5,{AT}\n",
        envelope=Envelope.SERVICE, topic=Topic.SERVICES,
    )  # fmt: skip

    assert bad.message is None and "invalid_id" in bad.problem
    assert "r4:W1%3AT1" == good.event.event_id


def test_opening_stock_is_a_level_of_each_sku():
    found = drafts(
        '{"007": 40, "S2": "12"}', kind="state", time=AT, topic=Topic.LEVELS,
        mapping=ColumnMapping({}, {"warehouse_id": "W1"}),
    )  # fmt: skip

    assert [("007", 40), ("S2", 12)] == [(each.event.sku, each.event.on_hand) for each in found]
