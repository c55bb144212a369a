"""What runs in a contender's own process, where thread pools do not mix and memory is its own."""

import resource
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from threadpoolctl import threadpool_info

import jobs
import own
from cases import Case

SHORTEST = 0.1  # seconds; a call that takes less is repeated
PACKAGES = ("numpy", "scipy", "torch", "jax", "jaxlib", "curvlinops-for-pytorch", "pyhessian")


class Served:
    """The calls of a contender, one for each case, and the last result."""

    def __init__(self, contender: jobs.Contender, cases: list[Case]) -> None:
        self.contender = contender
        self.cases = cases
        self.calls = [contender.start(case) for case in cases]
        self.repeats = [1] * len(cases)
        self.result: Any = None


def start(kind: str, index: int, number: int, toy: bool) -> None:
    """Prepare a contender of a job, or the one of a growth."""
    global served
    if kind == "GROWTHS":
        growth = jobs.GROWTHS[index]
        served = Served(growth.contender, growth.cases(toy))
    else:
        job = jobs.JOBS[index]
        served = Served(job.contenders[number], [job.toy if toy else job.case])


def run(number: int) -> float:
    """Return the mean seconds of a case, whose calls are repeated until they take long enough."""
    repeats, call = served.repeats[number], served.calls[number]
    begin = time.perf_counter()
    for _ in range(repeats):
        served.result = call()
    seconds = (time.perf_counter() - begin) / repeats
    served.repeats[number] = max(1, int(SHORTEST / seconds))
    return seconds


def conclude(index: int) -> dict[str, Any]:
    """Return how much memory a contender of a job took and what is to be compared."""
    job, contender, case = jobs.JOBS[index], served.contender, served.cases[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    what: dict[str, Any] = {"peak": peak * (1024 if sys.platform == "linux" else 1)}
    if job.compare and contender.compared:
        what["compared"] = job.compare(case, served.result)
        if contender.sampled and job.must_agree:
            what["sampling_error"] = own.sampling_error(case, what["compared"])
    return what


def platform() -> dict[str, Any]:
    """Return the versions of Python and of each package, and each BLAS with kernels and threads."""
    versions = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    names = {f"{p['internal_api']} {p.get('architecture', '')} x {p['num_threads']}" for p in pools}
    return {"versions": versions, "kernels": sorted(names)}
