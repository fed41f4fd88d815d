"""The shipped defaults are for every category there is, and the product takes them."""

from inventory_assets.simulator import Simulation, SimulationSettings, default_thresholds
from inventory_assets.thresholds.files import load_rules


def test_there_is_one_rule_per_category_and_one_for_the_rest(tmp_path):
    path = tmp_path / "defaults.yaml"
    path.write_text(default_thresholds())
    catalog = Simulation(SimulationSettings(skus=2_000)).catalog

    rules = load_rules(path)

    assert {rule.level_id for rule in rules if rule.level_type == "CATEGORY"} == {p.category_id for p in catalog}
    assert [rule.level_type for rule in rules if rule.level_type != "CATEGORY"] == ["GLOBAL"]
