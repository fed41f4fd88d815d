"""Files of rules: what is written is read back the same, and a bad file says all that is wrong with it."""

import json

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.thresholds.changes import wanted_rule
from inventory_assets.thresholds.files import (
    COLUMNS,
    ThresholdFileError,
    load_rules,
    read_rule_file,
    write_rules,
)
from tests.builders import SAMPLE_RULE
from tests.hunting import some

IDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda text: text == text.strip() and len(text.encode()) <= 256
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | IDS
SETTINGS = st.dictionaries(
    st.sampled_from(["notification_channel", "recipients", "owner", "x"]),
    PLAIN | st.lists(IDS | PLAIN, max_size=3),
    max_size=4,
)


@st.composite
def rules(draw):
    """A valid rule with whatever ids and alert settings JSON can hold."""
    level = draw(st.sampled_from(["SKU", "PRODUCT", "BRAND", "CATEGORY", "DEPARTMENT", "GLOBAL"]))
    low = draw(st.none() | st.integers(0, 10**12))
    days = draw(st.none() | st.floats(0, 3650))
    document = {
        "level_type": level, "level_id": draw(IDS), "warehouse_id": draw(st.none() | IDS),
        "min_threshold_qty": low, "reorder_threshold_qty": 10**12, "min_threshold_days": days,
        "alert_settings": {
            **draw(SETTINGS), "enabled": draw(st.booleans()), "cooldown_period_minutes": draw(st.integers(0, 99)),
        },
    }  # fmt: skip
    problems = []
    rule = wanted_rule(document, problems)
    assert problems == []
    return rule


def unique(found):
    return list({rule.scope: rule for rule in found}.values())


@pytest.mark.parametrize("kind", ["csv", "json", "yaml"])
@settings(max_examples=some(60), deadline=None, derandomize=True)
@given(st.lists(rules(), min_size=1, max_size=4).map(unique))
def test_what_is_written_is_read_back_the_same(tmp_path_factory, kind, rules):
    """Ids that look like formulas, numbers, booleans or lists stay what they are."""
    path = tmp_path_factory.mktemp("rules") / f"rules.{kind}"
    path.write_text(write_rules(rules, kind), encoding="utf-8")

    read = load_rules(path)

    assert read == rules
    assert write_rules(read, kind) == path.read_text(encoding="utf-8")


def test_r0s_document_is_read_as_it_is(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(SAMPLE_RULE))
    (tmp_path / "r.jsonl").write_text(json.dumps(SAMPLE_RULE) + "\n\n" + json.dumps(SAMPLE_RULE | {"level_id": "B"}))
    (tmp_path / "r.yaml").write_text(yaml.safe_dump({"rules": [SAMPLE_RULE]}))

    [rule] = load_rules(tmp_path / "r.json")

    assert (rule.scope, rule.min_threshold_qty) == (("CATEGORY", "SMARTPHONES", "WH-EAST-1"), 50)
    settings = {"notification_channel": "EMAIL", "recipients": ["inventory@example.com"]}
    assert msgspec.json.decode(rule.alert_settings) == settings
    assert load_rules(tmp_path / "r.yaml") == [rule]
    assert [each.level_id for each in load_rules(tmp_path / "r.jsonl")] == ["SMARTPHONES", "B"]


def test_every_problem_is_listed_by_its_line(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "level_type,level_id,min_threshold_qty,reorder_threshold_qty,enabled,alert_settings\n"
        "CATEGORY,A,50,20,true,\n"
        "CATEGORY,B,x,-5,maybe,\n"
        "SHELF,C,1,2,,\n"
        "CATEGORY,D,1,2,,\n"
        "CATEGORY,D,1,3,,\n"
        "GLOBAL,,,,,\n"
        "SKU,E,1,2,,[1]\n"
        "SKU,F,1,2,,,,\n"
        "SKU, G,99999999999999999999,,,\n"
    )

    found = read_rule_file(path)

    assert [problem.place for problem in found.problems] == [
        "line 2", "line 3", "line 3", "line 3", "line 4", "line 6", "line 7", "line 8", "line 9", "line 10", "line 10",
    ]  # fmt: skip
    assert [place for place, _ in found.rules] == ["line 5"]
    with pytest.raises(ThresholdFileError, match=r"11 problems, nothing was changed:\n  line 2: min_threshold_qty"):
        load_rules(path)


BAD_FILES = {
    "empty.csv": ("", "empty; expected a header of level_type"),
    "header.csv": (",".join(COLUMNS), "no rules"),
    "typo.csv": ("level_type,level,min\nSKU,1,2\n", "header"),
    "twice.csv": ("level_type,level_id,level_id\nSKU,1,2\n", "twice"),
    "short.csv": ("level_type,level_id,min_threshold_qty\nSKU,1\n", "line 2: has 2 cells, the header 3"),
    "long.csv": ("level_type,level_id,min_threshold_qty\nSKU,1,1,234\n", "line 2: has 4 cells, the header 3"),
    "semicolons.csv": ("level_type;level_id;min_threshold_qty\nSKU;1;2\n", "semicolons.csv: the header was .*commas"),
    "capitals.csv": ("Level_Type,level_id\nSKU,1\n", "'Level_Type' is unknown, did you mean level_type"),
    "bom.csv": ("\ufeff\ufefflevel_type,level_id\nSKU,1\n", "second byte order mark"),
    "quote.csv": ('level_type,level_id\nSKU,1\nSKU,"2\nSKU,3\n', "line 3: a cell has no end"),
    "nul.csv": ("level_type,level_id\nSKU,a\0b\n", "line 2 has a NUL"),
    "underscore.csv": ("level_type,min_threshold_days\nGLOBAL,1_000\n", "min_threshold_days was '1_000'"),
    "plus.csv": ("level_type,min_threshold_days\nGLOBAL,+5\n", r"min_threshold_days was '\+5'"),
    "arabic.csv": ("level_type,min_threshold_days\nGLOBAL,١٢\n", "min_threshold_days was '١٢'"),
    "whole.csv": ("level_type,min_threshold_qty\nGLOBAL,60.0\n", "min_threshold_qty was '60.0', expected an integer"),
    "empty.json": ("", "JSON"),
    "list.json": ("[]", "no rules"),
    "number.json": ("5", "array"),
    "nan.json": ('[{"level_type":"GLOBAL","min_threshold_qty":NaN}]', "NaN"),
    "keys.json": ('[{"level_type":"GLOBAL","min_threshold_qty":1,"min_threshold_qty":2}]', "twice"),
    "deep.json": ("[" * 200_000, "nested|JSON"),
    "surrogate.json": (r'[{"level_type":"SKU","level_id":"\ud800","min_threshold_qty":1}]', "surrogate|JSON"),
    "digits.json": ('[{"level_type":"GLOBAL","min_threshold_qty":' + "9" * 5000 + "}]", "JSON|digits"),
    "empty.yaml": ("# nothing\n", "no rules"),
    "tab.yaml": ("\t- a: b", "YAML"),
    "norway.yaml": ("- {level_type: CATEGORY, level_id: NO, min_threshold_qty: 1}", "quote it"),
    "octal.yaml": ("- {level_type: SKU, level_id: 007, min_threshold_qty: 1}", "quote it"),
    "octal_quantity.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 010}", "010 is octal to YAML 1.1"),
    "minutes.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 1:30}", "1:30 is int to YAML 1.1 and text"),
    "binary.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 0b11}", "0b11 is int to YAML 1.1 and text"),
    "grouped.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 1_000}", "1_000 is int to YAML 1.1 and text"),
    "yes.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 1, enabled: yes}", "yes is bool to YAML 1.1 and text"),
    "tagged.yaml": ("- {level_type: GLOBAL, min_threshold_qty: !!int '010'}", "tag .*int.* is not read"),
    "infinite.yaml": ("- {level_type: GLOBAL, min_threshold_days: .inf}", "no JSON document"),
    "merge.yaml": ("- {level_type: GLOBAL, <<: {min_threshold_qty: 1}}", "quote it"),
    "keys.yaml": ("- {level_type: GLOBAL, min_threshold_qty: 1, min_threshold_qty: 2}", "twice"),
    "bomb.yaml": ("a: &a [x, x]\nb: &b [*a, *a]\n", "anchors"),
    "python.yaml": ("- !!python/object/apply:os.system [echo]", "could not determine a constructor"),
    "deep.yaml": ("[" * 100_000, "nested"),
    "two.yaml": ("- a\n---\n- b\n", "second document"),
    "text.yaml": ("- just text\n", "expected an object"),
    "misspelt.yaml": ("- {level_type: GLOBAL, min_treshold_qty: 1}", "did you mean min_threshold_qty"),
    "deleted.json": ('[{"level_type":"GLOBAL","deleted":"yes"}]', "true or false"),
    "latin.csv": (b"level_type,level_id\nSKU,caf\xe9\n", "UTF-8"),
    "rules.txt": ("x", "no .csv"),
}


def test_plain_yaml_is_read_as_yaml_1_2_has_it(tmp_path):
    rule = "- {level_type: SKU, level_id: %s, min_threshold_qty: %s, min_threshold_days: %s}\n"
    parts = [
        ("2022-04-20", "0x1F", "1e1"),
        ("2022-04-20 07:00:00", "0o17", "5."),
        ("'010'", "+5", ".5"),
        ("n", "10", "1"),
    ]
    (tmp_path / "r.yaml").write_text("".join(rule % each for each in parts))

    found = [
        (rule.level_id, rule.min_threshold_qty, rule.min_threshold_days) for rule in load_rules(tmp_path / "r.yaml")
    ]

    assert found == [("2022-04-20", 31, 10.0), ("2022-04-20 07:00:00", 15, 5.0), ("010", 5, 0.5), ("n", 10, 1.0)]


def test_an_id_that_looks_like_a_number_is_written_so_that_it_is_read_as_text(tmp_path):
    ids = ["1e3", "0o17", "0x1F", "010", "1:30", "NO", ".5", "1_000", "~", "2022-04-20"]
    (tmp_path / "r.json").write_text(json.dumps([SAMPLE_RULE | {"level_id": each} for each in ids]))
    (tmp_path / "r.yaml").write_text(write_rules(load_rules(tmp_path / "r.json"), "yaml"))

    assert [rule.level_id for rule in load_rules(tmp_path / "r.yaml")] == ids


def test_a_file_without_an_end_is_refused_before_memory_is(tmp_path):
    (tmp_path / "rules.csv").symlink_to("/dev/zero")

    with pytest.raises(ThresholdFileError, match="more than 100,000,000 bytes"):
        load_rules(tmp_path / "rules.csv")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_its_reason(tmp_path, name):
    content, reason = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ThresholdFileError, match=reason):
        load_rules(path)
