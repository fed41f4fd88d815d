"""`make bench`: every figure the product promises, on this machine."""

import argparse

from benchmarks import (
    backlog,
    backtest,
    burst,
    connector,
    delivery,
    demo,
    duplicates,
    latency,
    marts,
    plan,
    publish,
    recompute,
    season,
    snapshots,
    startup,
    steps,
    thresholds,
)
from benchmarks.measure import print_machine
from benchmarks.service import load, pages, streams

PARTS = {
    "startup": startup.run,
    "steps": steps.run,
    "burst": burst.run,
    "sustained": burst.run_sustained,
    "backlog": backlog.run,
    "duplicates": duplicates.run,
    "latency": latency.run,
    "thresholds": thresholds.run,
    "backtest": backtest.run,
    "plan": plan.run,
    "season": season.run,
    "service": load.run,
    "publish": publish.run,
    "delivery": delivery.run,
    "connector": connector.run,
    "marts": marts.run,
    "snapshots": snapshots.run,
    "recompute": recompute.run,
    "demo": demo.run,
    "streams": streams.run,
    "pages": pages.run,
}


def main() -> None:
    """Run all parts, or those named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--bursts", type=int, default=2_000, help="how many bursts the burst part runs")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, to see that it runs")
    arguments = parser.parse_args()
    print_machine()
    for name in arguments.parts or PARTS:
        if arguments.quick and name == "burst":
            burst.run(bursts=100, skus=2_000, warehouses=5, edge=20)
        elif arguments.quick and name == "sustained":
            burst.run_sustained(bursts=50, skus=2_000, warehouses=5)
        elif arguments.quick and name == "steps":
            steps.run(skus=2_000, warehouses=5, bursts=20)
        elif arguments.quick and name == "backlog":
            backlog.run(backlog=20_000, skus=1_000, warehouses=5)
        elif arguments.quick and name == "duplicates":
            duplicates.run(past=2_000_000)
        elif arguments.quick and name == "latency":
            latency.run(rates=(200,), seconds=20)
        elif arguments.quick and name == "thresholds":
            thresholds.run(skus=1_000, warehouses=20)
        elif arguments.quick and name == "backtest":
            backtest.run(days=30, events_per_day=10_000, keys=20_000)
        elif arguments.quick and name == "plan":
            plan.run(keys=20_000, events_per_day=2_500)
        elif arguments.quick and name == "season":
            season.run(categories=12)
        elif arguments.quick and name == "service":
            load.run(skus=500, warehouses=4, seconds=6)
        elif arguments.quick and name == "pages":
            pages.run(skus=500, warehouses=4, low=1, requests=200)
        elif arguments.quick and name == "publish":
            publish.run(lines=10_000)
        elif arguments.quick and name == "delivery":
            delivery.run(bursts=40, skus=1_000, warehouses=12)
        elif arguments.quick and name == "connector":
            connector.run(changes=4_000, rounds=2)
        elif arguments.quick and name == "marts":
            marts.run(days=30, events_per_day=10_000, keys=20_000)
        elif arguments.quick and name == "snapshots":
            snapshots.run(days=30, events_per_day=20_000, keys=40_000)
        elif arguments.quick and name == "recompute":
            recompute.run(events=1_000_000, keys=20_000, rounds=1)
        elif arguments.quick and name == "demo":
            demo.run(seeds=(1,), minutes=30, skus=200, warehouses=3, messages_per_day=350, history_days=40)
        elif arguments.quick and name == "streams":
            streams.run(idle=1_000, hearing=100, seconds=5)
        elif name == "burst":
            burst.run(bursts=arguments.bursts)
        else:
            PARTS[name]()
    print_machine()


if __name__ == "__main__":
    main()
