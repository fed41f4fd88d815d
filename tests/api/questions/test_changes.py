"""What changed since: nothing missed, nothing twice, whatever comes in between two pages."""

import pytest
from hypothesis import given
from hypothesis import settings as configured
from hypothesis import strategies as st

from inventory_assets.api.questions import changes
from inventory_assets.settings import Settings
from tests.api.asking import SECOND, Served, post, stock
from tests.hunting import some

PATH = "/v1/inventory/recently-updated"
_CHANGES = st.lists(st.sets(st.sampled_from("abcdef"), max_size=4), max_size=8)


def _rows(skus, version, warehouse="W1"):
    return [stock(warehouse, sku, version * 10, version) for sku in sorted(skus)]


@given(st.sets(st.sampled_from("abcdef")), _CHANGES, _CHANGES, st.integers(1, 3), st.data())
@configured(max_examples=some(40))
def test_pages_give_each_changed_key_once_and_the_next_walk_goes_on(
    tmp_path_factory, begin, before, later, limit, data
):
    served = Served(Settings(home=tmp_path_factory.mktemp("home"))).start(stock=_rows(begin, 1))
    for each in before:
        served.step(stock=_rows(each, served.picture.version + 1))
    known = {row.sku: row.on_hand for row in served.picture.stock}
    since = data.draw(st.integers(0, served.picture.version))
    seen = {sku: on_hand for sku, on_hand in known.items() if on_hand <= since * 10}

    body = {"since_version": since, "limit": limit}
    coming = iter(later)
    while True:
        page = post(served.app, PATH, body).json
        assert not {row["sku"] for row in page["items"]} & {sku for sku in seen if seen[sku] > since * 10}
        seen |= {row["sku"]: row["on_hand"] for row in page["items"]}
        if page["next_cursor"] is None:
            break
        body["cursor"] = page["next_cursor"]
        if (change := next(coming, None)) is not None:
            served.step(stock=_rows(change, served.picture.version + 1))

    assert seen == known
    again = post(served.app, PATH, {"since_version": page["next_since_version"]}).json
    assert seen | {row["sku"]: row["on_hand"] for row in again["items"]} == {
        row.sku: row.on_hand for row in served.picture.stock
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"since": "2022-01-01T00:00:00Z", "since_version": 1}, 422),
        ({"since": "yesterday"}, 422),
        ({"since": "2999-01-01T00:00:00Z"}, 422),
        ({"since_version": -1}, 422),
        ({"since_version": 10_000}, 404),
        ({"since_version": 1, "limit": 1_001}, 422),
        ({"since_version": 1, "page": 2}, 422),
        ({"since_version": 1, "cursor": "rubbish"}, 422),
        ({"since_version": 1, "epoch": 6}, 410),
        ({"since_version": 1, "page": 1, "epoch": 7, "warehouse_id": "W1"}, 200),
        ({"since": "1970-01-01T00:00:01Z"}, 200),
    ],
)
def test_what_cannot_be_gone_on_from_is_said(served, body, status):
    app = served.start(stock=[stock()]).app

    assert status == post(app, PATH, body).status


def test_a_time_stands_for_the_last_version_committed_by_it(served):
    served.start(at=SECOND, stock=[stock()])
    for second in (2, 3):
        served.step(at=second * SECOND, stock=[stock(sku=f"S{second}", version=second)])

    asked = {moment: post(served.app, PATH, {"since": f"1970-01-01T00:00:{moment}Z"}).json for moment in ("01", "02.5")}

    assert {"01": ["S2", "S3"], "02.5": ["S3"]} == {
        moment: [row["sku"] for row in page["items"]] for moment, page in asked.items()
    }


def test_a_walk_that_memory_has_forgotten_says_where_to_begin_again(settings):
    served = Served(settings, kept_changes=2).start(stock=_rows("abc", 1))
    body = {"since_version": 0, "limit": 2}
    body["cursor"] = post(served.app, PATH, body).json["next_cursor"]
    for version in range(2, 9):
        served.step(stock=_rows("ab", version))

    answered = post(served.app, PATH, body)

    assert (410, 0) == (answered.status, answered.json["since_version"])
    begun = post(served.app, PATH, {"since_version": answered.json["since_version"]}).json
    assert {"a", "b", "c"} == {row["sku"] for row in begun["items"]}


def test_a_page_looks_at_so_many_rows_only_and_goes_on(served, monkeypatch):
    monkeypatch.setattr(changes, "MOST_LOOKED_AT", 2)
    rows = [stock(f"W{number}", "S") for number in range(5)]
    app = served.start(stock=rows).app

    body, found, pages = {"since_version": 0, "warehouse_id": "W4"}, [], 0
    while True:
        page = post(app, PATH, body).json
        found, pages = found + page["items"], pages + 1
        if page["next_cursor"] is None:
            break
        body["cursor"] = page["next_cursor"]

    assert (["W4"], 3) == ([row["warehouse_id"] for row in found], pages)
