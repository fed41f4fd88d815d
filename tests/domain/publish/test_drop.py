"""A file is taken when it is whole, once, and again when it or its mapping is replaced."""

import pytest

from inventory_assets.domain.publish.drop import SETTLE_US, Seen, is_file_of_rows, look, mapping_of, report_of


def judged(found):
    """As a look leaves them whose files were all judged."""
    first = look(found, {}, 0, settle=0)
    return {
        name: seen._replace(judged=(each.mark, each.mapping))
        for each in first.ready
        for name, seen in first.seen.items()
        if name == each.name
    }


def names(found, seen, now=SETTLE_US, **asked):
    return [each.name for each in look(found, seen, now, **asked).ready]


def test_a_file_has_to_stay_as_it_is_for_a_while():
    first = look({"a.csv": "1"}, {}, 5)
    grown = look({"a.csv": "2"}, first.seen, 5 + SETTLE_US)
    still = look({"a.csv": "2"}, grown.seen, 4 + 2 * SETTLE_US)
    whole = look({"a.csv": "2"}, still.seen, 5 + 2 * SETTLE_US)

    assert [["a.csv"]] * 3 == [first.waiting, grown.waiting, still.waiting]
    assert [("a.csv", "2", "", SETTLE_US)] == whole.ready
    assert ["a.csv"] == names({"a.csv": "1"}, {}, 0, settle=0)


def test_a_clock_that_was_set_back_makes_nobody_wait():
    assert ["a.csv"] == names({"a.csv": "1"}, {"a.csv": Seen("1", 10**15)}, 0)


def test_what_was_judged_is_judged_again_when_it_or_its_mapping_changes():
    found = {"a.csv": "1", "b.csv": "1", "drop.toml": "1"}
    seen = judged(found)

    assert [] == names(found, seen)
    assert ["a.csv"] == look(found | {"a.csv": "2"}, seen, 0).waiting
    assert ["a.csv", "b.csv"] == names(found | {"drop.toml": "2"}, seen)
    assert ["b.csv"] == names(found | {"b.csv.toml": "1"}, seen)
    assert {} == look({}, seen, 0).seen


@pytest.mark.parametrize(
    "name",
    [
        ".a.csv", ".sync/a.csv", "a.csv.part", "A.CSV.PART", "a.csv.filepart", "a.csv~", "a.csv.report.txt",
        "a.csv.toml", "drop.toml", "acme/drop.toml",
    ],
)  # fmt: skip
def test_what_is_half_written_hidden_or_ours_is_never_taken(name):
    assert not is_file_of_rows(name)
    assert ([], [], {}) == look({name: "1"}, {}, 0, settle=0)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), ""),
        (("drop.toml",), "drop.toml"),
        (("drop.toml", "acme/drop.toml"), "acme/drop.toml"),
        (("acme/drop.toml", "acme/north/a.csv.toml"), "acme/north/a.csv.toml"),
        (("acme/south/drop.toml", "a.csv.toml"), ""),
    ],
)
def test_the_nearest_mapping_holds(there, expected):
    assert expected == mapping_of("acme/north/a.csv", dict.fromkeys(there, "1"))


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("a.csv", "a.csv.report.txt"),
        ("acme/" + "a" * 244, "acme/" + "a" * 244 + ".report.txt"),
        # sha256 of 245 letters.
        ("acme/" + "a" * 245, "acme/" + "a" * 231 + "-5553f05514a6.report.txt"),
    ],
)
def test_a_report_is_named_after_its_file_as_far_as_that_fits(name, report):
    assert report_of(name) == report


def test_a_letter_is_not_cut_in_two():
    name = report_of("é" * 124)

    assert name.startswith("é" * 115 + "-")
    assert len(name.encode()) <= 255
    assert not is_file_of_rows(name)
