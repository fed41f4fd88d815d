"""Seeded synthetic stock traffic, and the ledger it must fold to.

Belongs here: the invented shop (catalog, demand, warehouses), its messages in R0's formats,
and the books it keeps. Does not belong here: anything that reads those messages. The package
imports no product code but bounds (`ranges`), so that its ledger is an independent witness of the fold.
"""

from inventory_assets.simulator.catalog import default_thresholds, products_csv
from inventory_assets.simulator.settings import SimulationSettings, SimulationSettingsError
from inventory_assets.simulator.simulation import Simulation
from inventory_assets.simulator.writer import SimulatedMessage

__all__ = [
    "SimulatedMessage",
    "Simulation",
    "SimulationSettings",
    "SimulationSettingsError",
    "default_thresholds",
    "products_csv",
]
