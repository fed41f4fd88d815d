"""The process in which the demo's retailer trades; `inventory run` starts it.

`python -m inventory_assets.commands.run.trader`: of the home that the environment names.
"""

from inventory_assets.commands.stopping import stop_event
from inventory_assets.demo.trade import run
from inventory_assets.private import make_private
from inventory_assets.settings import load_settings

if __name__ == "__main__":
    make_private()
    with stop_event() as stop:
        run(load_settings(), stop)
