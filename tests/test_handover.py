"""What one process is told is what another said, and nothing but."""

import tomllib
from dataclasses import fields
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from inventory_assets.console.trial import Asked
from inventory_assets.domain.events.kinds import ThresholdRule
from inventory_assets.domain.notify.policy_file import read_policy
from inventory_assets.domain.thresholds.changes import RuleEdit
from inventory_assets.handover import dumps, loads
from inventory_assets.notify.delivery import Writings
from inventory_assets.notify.process import Charge
from inventory_assets.settings import Settings
from tests.domain.notify.test_policy_file import GOOD

RULE = ThresholdRule(
    "e1", "sku", "S1", None, 10, 20, None, 1.5, 60, True, False, 1_772_607_900_000_000, (1, 2, 3), author="ann"
)
SETTINGS = Settings(
    home=Path("/somewhere"), marts=Path("marts"), catalog="postgres:password=secret", gcs_secret="s",
    escalate_after=(("HIGH", 30), ("LOW", 600)), inhibit_silent_after=timedelta(minutes=20),
    snapshot_retention=timedelta(days=2), start_date=date(2024, 2, 29), tick_seconds=0.5, is_project_named=True,
)  # fmt: skip


def test_settings_and_edits_arrive_as_they_were():
    asked = Asked(SETTINGS, [RuleEdit(None, RULE), RuleEdit(RULE, msgspec.structs.replace(RULE, is_deleted=True))])

    heard = loads(dumps(asked), Asked)

    assert asked == heard
    assert {each.name: type(getattr(asked.settings, each.name)) for each in fields(Settings)} == {
        each.name: type(getattr(heard.settings, each.name)) for each in fields(Settings)
    }


def test_a_policy_arrives_as_it_was():
    policy, problems = read_policy(tomllib.loads(GOOD))
    assert problems == []

    assert Charge(SETTINGS, policy) == loads(dumps(Charge(SETTINGS, policy)), Charge)


def test_rows_to_be_written_arrive_as_they_were():
    tries = pl.DataFrame(
        {"subject_id": ["a", None], "attempted_at": [datetime(2026, 3, 1, 8, 0, 0, 123456), None], "members": [[1], []]}
    )

    heard = loads(dumps(Writings(None, 7, 9, tries)), Writings)

    assert (heard.plan, heard.follows, heard.planned_version) == (None, 7, 9)
    assert heard.tries is not None and heard.tries.equals(tries) and heard.tries.schema == tries.schema


@pytest.mark.parametrize("told", [b'[{"home": 1}, []]', b"[]", b"\x80\x04N."], ids=["another type", "less", "a pickle"])
def test_what_is_of_another_kind_is_refused(told):
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        loads(told, Asked)


def test_what_has_no_form_is_not_handed_over():
    with pytest.raises(NotImplementedError, match="object"):
        dumps(object())
