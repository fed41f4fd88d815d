"""Where reports go: whole files, an index of them, the newest one under a name that stays."""

from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from inventory_assets.lake.files.storage import Storage, open_storage
from inventory_assets.reports.period import Kind, Period, PeriodError, last_complete, period_of
from inventory_assets.reports.publish import ReportError, find_earlier, list_manifests, publish
from tests.reports.reading import Document


def test_the_newest_report_stays_the_latest_whichever_is_built_last(shop, build, storage):
    newest = build()
    build(date(2022, 4, 18))

    latest = Document(storage.read("latest.html"))
    assert "Wednesday 20 April 2022" in latest.text
    assert ["2022-04-20", "2022-04-18"] == [manifest.date for manifest in list_manifests(storage, Kind.NIGHTLY)]
    hrefs = {e.attributes["href"] for e in latest.elements if e.tag == "a"}
    assert "nightly/2022-04-20/orders.csv" in hrefs
    # Every link of every page leads to a file that is there.
    names = set(storage.sizes())
    for folder, page in (
        ("", latest),
        ("", Document(storage.read("index.html"))),
        (newest.manifest.folder, newest.page),
    ):
        for element in page.elements:
            target = element.attributes.get("href", "#")
            if not target.startswith("#"):
                up = target.count("../")
                parts = folder.split("/")[: 2 - up] if folder else []
                assert "/".join([*parts, target.replace("../", "")]) in names, target


@pytest.mark.big
def test_a_report_compares_with_the_one_before_it_not_the_newest(shop, build, storage):
    build(date(2022, 4, 17))
    build(date(2022, 4, 20))

    report = build(date(2022, 4, 19))

    assert "2022-04-17" == report.manifest.compared_with
    assert "2022-04-19" == find_earlier(storage, period_of(Kind.NIGHTLY, date(2022, 4, 20))).key


def test_a_broken_manifest_is_named_with_what_to_do(shop, build, storage):
    build(date(2022, 4, 19))
    storage.write("nightly/2022-04-19/manifest.json", b"{broken")

    with pytest.raises(ReportError, match=r"nightly/2022-04-19/manifest.json is no manifest .* Remove it"):
        build()


def test_files_of_others_in_the_directory_do_no_harm(shop, build, storage):
    storage.write("nightly/notes.txt", b"mine")
    storage.write("nightly/2022-99-99/manifest.json.bak", b"mine")

    build()

    assert b"mine" == storage.read("nightly/notes.txt")


@pytest.mark.parametrize(
    ("kind", "today", "expected"),
    [
        (Kind.NIGHTLY, date(2025, 3, 10), "2025-03-09"),
        # A Monday: the week that ended with the Sunday before.
        (Kind.WEEKLY, date(2025, 3, 10), "2025-03-03"),
        (Kind.WEEKLY, date(2025, 3, 9), "2025-02-24"),
        (Kind.WEEKLY, date(2026, 1, 1), "2025-12-22"),
    ],
)
def test_the_last_complete_period(kind, today, expected):
    assert expected == last_complete(kind, today).key


def test_a_week_begins_on_a_monday():
    assert "Week 10: 3 to 9 March 2025" == period_of(Kind.WEEKLY, date(2025, 3, 9)).title
    assert "Week 1: 29 December 2025 to 4 January 2026" == period_of(Kind.WEEKLY, date(2026, 1, 1)).title
    with pytest.raises(PeriodError, match="expected a Monday"):
        Period(Kind.WEEKLY, date(2025, 3, 9))


class Crash(BaseException):
    """A process's sudden end."""


class CrashingStorage:
    """A directory whose process dies before its n-th write."""

    def __init__(self, inner: Storage, writes: int) -> None:
        self.uri = inner.uri
        self._inner = inner
        self._left = writes

    def write(self, name: str, content: bytes) -> None:
        """Write, or die."""
        if self._left == 0:
            raise Crash
        self._left -= 1
        self._inner.write(name, content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_crash_between_any_two_files_is_mended_by_building_again(shop_report, tmp_path):
    """Nothing half written is ever listed or compared with, and the second build is as one that never crashed."""
    whole = open_storage(str(tmp_path / "whole"))
    publish(whole, shop_report.rendered)
    expected = {name: whole.read(name) for name in whole.sizes()}

    for writes in range(len(expected)):
        storage = open_storage(str(tmp_path / f"crashed {writes}"))
        with pytest.raises(Crash):
            publish(CrashingStorage(storage, writes), shop_report.rendered)
        for manifest in list_manifests(storage, Kind.NIGHTLY):
            assert {
                name: sha256(storage.read(f"{manifest.folder}/{name}")).hexdigest() for name in manifest.files
            } == manifest.files
        publish(storage, shop_report.rendered)

        assert expected == {name: storage.read(name) for name in storage.sizes()}, writes


def test_a_bucket_holds_what_a_directory_does(shop_report, tmp_path, shop_bucket):
    """`INVENTORY_REPORTS_PATH=gs://…`, through Google's own client against a store on loopback."""
    folder, store = open_storage(str(tmp_path / "folder")), open_storage("gs://shop/the reports")

    first = publish(folder, shop_report.rendered)
    second = publish(store, shop_report.rendered)

    assert first == second
    assert {name: folder.read(name) for name in folder.sizes()} == {name: store.read(name) for name in store.sizes()}
    assert {f"the reports/{name}" for name in folder.sizes()} == set(shop_bucket.objects("shop"))
    assert [first] == list_manifests(store, Kind.NIGHTLY)
    assert store.read("nightly/2022-04-20/nothing.csv") is None
