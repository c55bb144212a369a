"""Time the library beside what a user would pick instead, and write the table and the figure.

Usage: run.py FOLDER [--toy]. The contenders of a job take turns, so that a ratio is of times taken
side by side; each lives in a process of its own.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import worker
from jobs import GROWTHS, JOBS, Array, Contender, Job

ROUNDS = 5
# A first call of more seconds than these is followed by one that counts, or counts itself.
SLOW, VERY_SLOW = 5.0, 20.0
# Each tool finds its own threads and kernels; JAX would take a GPU where there is one.
UNSET = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
UNSET += ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Worker:
    """A contender's process, and what it measured."""

    def __init__(self, kind: str, index: int, number: int, toy: bool) -> None:
        # A process that begins anew shares neither threads nor memory; a fork begins at once.
        context = get_context("fork" if toy else "spawn")
        self.pool = ProcessPoolExecutor(1, context, worker.start, (kind, index, number, toy))
        self.index = index
        self.seconds: list[float] = []
        self.final: dict[str, Any] = {}

    def run(self, number: int = 0) -> float:
        """Run one of its cases and return how long it took."""
        return self.pool.submit(worker.run, number).result()

    def finish(self) -> None:
        """End it, and keep what there is to compare."""
        if not self.final:
            self.final = self.pool.submit(worker.conclude, self.index).result()
            self.pool.shutdown()


def compare(index: int, toy: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run one job: a row for each contender, and what the library ran on."""
    job = JOBS[index]
    numbers = [k for k, contender in enumerate(job.contenders) if not (toy and contender.foreign)]
    contenders = [job.contenders[k] for k in numbers]
    workers = [Worker("JOBS", index, k, toy) for k in numbers]
    platform = workers[0].pool.submit(worker.platform).result()
    take_turns(workers, 1 if toy else ROUNDS)
    agree(job, contenders, workers)
    about = {"job": job.title, "case": str(job.toy if toy else job.case)}
    rows = [
        about | {"contender": contender.name} | measured(workers[0], other)
        for contender, other in zip(contenders, workers, strict=True)
    ]
    return rows, platform


def take_turns(workers: list[Worker], rounds: int) -> None:
    """Time each worker in each round, the slow ones in fewer, and end them."""
    counts = []
    for one in workers:
        first = one.run()
        counts.append(rounds if first < SLOW else 1)
        if first > VERY_SLOW:
            one.seconds.append(first)
            one.finish()
    for turn in range(rounds):
        for one, count in zip(workers, counts, strict=True):
            if turn < count and not one.final:
                if count > 1:  # The others have emptied the caches.
                    one.run()
                one.seconds.append(one.run())
    for one in workers:
        one.finish()


def measured(own: Worker, other: Worker) -> dict[str, Any]:
    """Return what one contender measured, beside the library."""
    rounds = [own.seconds, other.seconds]
    if 1 in map(len, rounds):  # It has no partner that is more like it than the others.
        rounds = [[median(times)] for times in rounds]
    ratios = [theirs / ours for ours, theirs in zip(*rounds, strict=True)]
    return {
        "seconds": median(other.seconds),
        "ratio": median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "error": distance(other.final.get("compared"), own.final.get("compared")),
        "sampling_error": expected_error(own, other),
        "peak_GB": other.final["peak"] / 1e9,
    }


def expected_error(own: Worker, other: Worker) -> float | None:
    """Return the standard error of a batch, relative to the exact result as its error is."""
    if "sampling_error" not in other.final:
        return None
    return float(other.final["sampling_error"] / np.linalg.norm(own.final["compared"]))


def distance(result: Array | None, other: Array | None) -> float | None:
    """Return how far a result is from another, relative to that one."""
    if result is None or other is None:
        return None
    return float(np.linalg.norm(result - other) / np.linalg.norm(other))


def agree(job: Job, contenders: list[Contender], workers: list[Worker]) -> None:
    """Stop if contenders that compute the same differ: exact ones, and those of one batch.

    The batch itself must be within four times its expected error of the exact result.
    """
    firsts: dict[bool, Array] = {}
    for contender, one in zip(contenders, workers, strict=True):
        result = one.final.get("compared")
        if result is None or not job.must_agree:
            continue
        off = distance(result, firsts.setdefault(contender.sampled, result))
        if off > contender.rounding:
            raise SystemExit(f"{job.title}: {contender.name} is off by {off:.1e}")
        off = distance(result, firsts[False])
        if contender.sampled and off > 4 * expected_error(workers[0], one):
            raise SystemExit(f"{job.title}: {contender.name} is off by {off:.1e}")


def grow(index: int, toy: bool) -> dict[str, Any]:
    """Fit the exponent of one growth, with its standard error."""
    growth = GROWTHS[index]
    cases = growth.cases(toy)
    sizes = [getattr(case, growth.variable) for case in cases]
    grown = Worker("GROWTHS", index, 0, toy)
    times = [[grown.run(k) for k in range(len(sizes))] for _ in range(ROUNDS)]
    grown.pool.shutdown()
    seconds = np.median(times[1:], axis=0)
    (slope, _), covariance = np.polyfit(np.log(sizes), np.log(seconds), 1, cov=True)
    return {
        "label": growth.label,
        "contender": growth.contender.name,
        "variable": growth.variable,
        "other": growth.other,
        "fixed": getattr(cases[0], growth.other),
        "sizes": sizes,
        "seconds": seconds.tolist(),
        "exponent": slope,
        "error": np.sqrt(covariance[0, 0]),
        "theory": growth.theory,
    }


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where benchmarks.md, .csv and .png go")
    parser.add_argument("--toy", action="store_true", help="a test of seconds, without other tools")
    arguments = parser.parse_args()
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ["JAX_PLATFORMS"] = "cpu"
    rows, platform = [], {}
    for index, job in enumerate(JOBS):
        print(job.title, flush=True)
        more, platform = compare(index, arguments.toy)
        rows += more
    indices = range(2 if arguments.toy else len(GROWTHS))
    growths = [grow(index, arguments.toy) for index in indices]

    # Here, because a light parent keeps the peaks of its workers their own.
    from report import write

    write(arguments.folder, rows, growths, platform)


if __name__ == "__main__":
    main()
