"""Time the library beside what a user would pick instead, and write the table and the figure.

Usage: run.py FOLDER [--toy]. The contenders of a job take turns, so that a ratio is of times taken
side by side; each lives in a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from jobs import GROWTHS, JOBS, Contender, Growth, Job

ROUNDS = 5
# A first call of more seconds than these is followed by one that counts, or counts itself.
SLOW, VERY_SLOW = 5.0, 20.0
# Each tool finds its own threads and kernels; JAX would take a GPU where there is one.
UNSET = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
UNSET += ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in UNSET} | {"JAX_PLATFORMS": "cpu"}


class Worker:
    """The parent's end of a contender's process, whose times it keeps."""

    def __init__(self, *address: str | int | bool) -> None:
        script = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(address)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        self.seconds: list[float] = []
        self.final: dict[str, Any] = {}

    def answer(self) -> dict[str, Any]:
        """Read one answer."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[-1]} ended: see its error above")
        return json.loads(line)

    def run(self, number: int = 0) -> float:
        """Run one of its cases and return how long it took."""
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return self.answer()["seconds"]

    def finish(self) -> None:
        """End it and keep its last answer."""
        if not self.final:
            self.process.stdin.close()
            self.final = self.answer()
            self.process.wait()


def compare(index: int, toy: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run one job: a row for each contender, and what the library ran on."""
    job = JOBS[index]
    numbers = [k for k, contender in enumerate(job.contenders) if not (toy and contender.foreign)]
    contenders = [job.contenders[k] for k in numbers]
    workers = [Worker("JOBS", index, k, toy) for k in numbers]
    hellos = [worker.answer() for worker in workers]
    take_turns(workers, 1 if toy else ROUNDS)
    agree(job, contenders, workers)
    about = {"job": job.title, "case": str(job.toy if toy else job.case)}
    rows = [
        about | {"contender": contender.name} | measured(workers[0], worker)
        for contender, worker in zip(contenders, workers, strict=True)
    ]
    return rows, hellos[0]


def take_turns(workers: list[Worker], rounds: int) -> None:
    """Time each worker in each round, the slow ones in fewer, and end them."""
    counts = []
    for worker in workers:
        first = worker.run()
        counts.append(rounds if first < SLOW else 1)
        if first > VERY_SLOW:
            worker.seconds.append(first)
            worker.finish()
    for turn in range(rounds):
        for worker, count in zip(workers, counts, strict=True):
            if turn < count and not worker.final:
                if count > 1:  # The others have emptied the caches.
                    worker.run()
                worker.seconds.append(worker.run())
    for worker in workers:
        worker.finish()


def measured(own: Worker, worker: Worker) -> dict[str, Any]:
    """Return what one contender measured, beside the library."""
    rounds = [own.seconds, worker.seconds]
    if 1 in map(len, rounds):  # It has no partner that is more like it than the others.
        rounds = [[median(times)] for times in rounds]
    ratios = [theirs / ours for ours, theirs in zip(*rounds, strict=True)]
    return {
        "seconds": median(worker.seconds),
        "ratio": median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "error": distance(worker.final.get("compared"), own.final.get("compared")),
        "sampling_error": expected_error(own, worker),
        "peak_GB": worker.final["peak"] / 1e9,
    }


def expected_error(own: Worker, worker: Worker) -> float | None:
    """Return the standard error of a batch, relative to the exact result as its error is."""
    if "sampling_error" not in worker.final:
        return None
    return float(worker.final["sampling_error"] / np.linalg.norm(own.final["compared"]))


def distance(result: list[float] | None, other: list[float] | None) -> float | None:
    """Return how far a result is from another, relative to that one."""
    if result is None or other is None:
        return None
    return float(np.linalg.norm(np.subtract(result, other)) / np.linalg.norm(other))


def agree(job: Job, contenders: list[Contender], workers: list[Worker]) -> None:
    """Stop if contenders that compute the same differ: exact ones, and those of one batch.

    The batch itself must be within four times its expected error of the exact result.
    """
    firsts: dict[bool, list[float]] = {}
    for contender, worker in zip(contenders, workers, strict=True):
        result = worker.final.get("compared")
        if result is None or not job.must_agree:
            continue
        off = distance(result, firsts.setdefault(contender.sampled, result))
        if off > contender.rounding:
            raise SystemExit(f"{job.title}: {contender.name} is off by {off:.1e}")
        off = distance(result, firsts[False])
        if contender.sampled and off > 4 * expected_error(workers[0], worker):
            raise SystemExit(f"{job.title}: {contender.name} is off by {off:.1e}")


def grow(index: int, toy: bool) -> dict[str, Any]:
    """Fit the exponent of one growth, with its standard error."""
    growth: Growth = GROWTHS[index]
    worker = Worker("GROWTHS", index, 0, toy)
    worker.answer()
    cases = growth.cases(toy)
    sizes = [getattr(case, growth.variable) for case in cases]
    times = [[worker.run(k) for k in range(len(sizes))] for _ in range(ROUNDS)]
    worker.process.stdin.close()
    worker.process.wait()
    seconds = np.median(times[1:], axis=0)
    (slope, _), covariance = np.polyfit(np.log(sizes), np.log(seconds), 1, cov=True)
    return {
        "label": growth.label,
        "contender": growth.contender.name,
        "variable": growth.variable,
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
