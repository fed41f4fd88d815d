"""Where reports go: whole files, an index of them, the newest one under a name that stays."""

from datetime import date

import pytest

from inventory_assets.reports.period import Kind, Period, PeriodError, last_complete, period_of
from inventory_assets.reports.publish import ReportError, find_earlier, list_manifests
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
