"""Bring a warm state up to versions that another process made, by replaying those alone.

A command typed at a terminal is one small version. To load everything anew for
it would stop a running sensor for seconds; to carry out its burst takes none.
"""

from inventory_assets.domain.burst import Parsed, parse_burst, process_burst
from inventory_assets.domain.events import Rejection
from inventory_assets.domain.parse import ParseSettings
from inventory_assets.domain.state import InventoryState
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.stages.recall import recall
from inventory_assets.stages.replay import read_bursts
from inventory_assets.stages.warm import Reader

# More than this is another writer at work, not somebody's command: loading anew is quicker.
MOST_VERSIONS = 25


def catch_up(
    state: InventoryState, index: EntityIndex, reader: Reader, settings: ParseSettings, *, version: int
) -> bool:
    """Carry out the versions after the state's own, up to `version`; false where they are too many.

    Replay is what live was (RULES 25), so the state is the one that loading gives.
    """
    if not 0 < version - state.version <= MOST_VERSIONS or state.version == 0:
        return False
    for burst in read_bursts(reader, from_version=state.version + 1, until_version=version):
        parsed: list[Parsed] = parse_burst(burst.messages, settings)
        for place, detail in burst.forced.items():
            parsed[place] = Rejection("invariant_violation", detail)
        recall(state, index, parsed, reader)
        result = process_burst(state, parsed, version=burst.version, inputs=burst.inputs)
        result.draft.merge(burst.version)
    return True
