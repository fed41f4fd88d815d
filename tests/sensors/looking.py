"""Ticks of the sensor of late events, until a look has found something or nothing.

A look goes on beside the ticks, and the next one is begun as it is told.
"""

import dagster as dg

from resources import InventoryResource
from sensors.stale_partitions import LOOKING, stale_partitions_sensor
from tests.messaging.brokers import eventually


def look(inventory: InventoryResource, *, anew: bool = False) -> dg.SensorResult | dg.SkipReason:
    """What the next look finds; `anew`, one that is begun now."""
    found = []

    def is_told() -> bool:
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(instance=instance, resources={"inventory": inventory})
            found.append(stale_partitions_sensor(context))
        return getattr(found[-1], "skip_message", None) != LOOKING

    for _ in range(2 if anew else 1):
        eventually(is_told, every=0.05)
    return found[-1]
