"""10,000 films on 200 machines under a fake clock: the time of the real driver beside the bound.

    python -m tests.benchmarks.scale_simulation [--films 10000] [--machines 200] [--seeds 3]
                                                [--every-slow 4]

Durations are log-normal (median 30 minutes), every fourth machine has half the speed, each
machine is lost within an hour with a probability of 1 % and replaced after 30 seconds, and the time
of a film differs from the expected one by 10 %. No schedule can be faster than the bound: all work
over all speeds, on machines that are always there.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from typing import TYPE_CHECKING

from common_ml.scale.plan import Film
from tests.scale.simulated import SimulatedPool, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

FAST, SLOW = 20.0, 10.0
"""Seconds of film a second."""


def main() -> None:
    options = _options()
    logging.disable(logging.WARNING)  # of the machines that are lost
    print("films  machines  lost/h  seed  makespan h  bound h  ratio  lost  planner s")
    for losses in (0.0, 0.01, 0.05):
        for seed in range(options.seeds):
            speeds = [
                SLOW if options.every_slow and number % options.every_slow == 0 else FAST
                for number in range(options.machines)
            ]
            _print_row(options.films, speeds, losses=losses, seed=seed)


def _print_row(num_films: int, speeds: Sequence[float], *, losses: float, seed: int) -> None:
    chance = random.Random(seed)
    films = [
        Film(f"{number}.mp4", f"/{number}.mp4", chance.lognormvariate(7.5, 0.8))
        for number in range(num_films)
    ]
    pool = SimulatedPool(speeds, losses_an_hour=losses, noise=0.1, seed=seed)
    started = time.perf_counter()
    done = simulate(films, pool, speeds)
    elapsed = time.perf_counter() - started
    if len(done.results) != num_films:
        raise SystemExit(f"{len(done.results)} of {num_films} films have an outcome")
    print(
        f"{num_films:5}  {len(speeds):8}  {losses:6.0%}  {seed:4}"
        f"  {done.makespan_seconds / 3600:10.3f}  {done.bound_seconds / 3600:7.3f}"
        f"  {done.ratio:5.3f}  {done.num_lost:4}  {elapsed:9.1f}",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every-slow", type=int, default=4, help="0: no machine is slow")
    return parser.parse_args()


if __name__ == "__main__":
    main()
