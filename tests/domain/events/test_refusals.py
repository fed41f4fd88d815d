"""Each reason is known by its class, in words, and in the guide."""

import re

from inventory_assets.domain.events.refusals import REASONS, ErrorClass, class_of
from inventory_assets.words.dead_letters import WHAT_TO_DO
from tests.docs.markdown import ROOT


def test_a_reason_that_nobody_knows_is_still_of_a_class():
    assert ErrorClass.FIELD is class_of("some_reason_of_a_later_release")


def test_for_each_reason_something_can_be_done():
    assert REASONS.keys() == WHAT_TO_DO.keys()


def test_the_guide_has_all_reasons_and_no_others():
    text = (ROOT / "docs" / "guarantees.md").read_text().split("## Dead letters")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))

    assert REASONS.keys() - {"unsupported_kind"} == told


def test_each_reason_that_the_code_gives_is_known():
    found = set()
    for path in (ROOT / "inventory_assets" / "domain").rglob("*.py"):
        found |= set(re.findall(r'(?:InvalidValue|Rejection)\(\s*"([a-z_]+)"', path.read_text()))

    # A file's rows are judged by it as well, before they are messages.
    assert found - {"unsupported"} <= REASONS.keys()
