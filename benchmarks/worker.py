"""One contender in a process of its own, so that thread pools do not mix and memory is its own.

Usage: worker.py '[list, index, contender, toy]', with "JOBS" or "GROWTHS" for the list. It says
what it runs on, then runs each case whose number it reads and says how many seconds that took; at
the end of its input it says what there is to compare. Everything it says is a line of JSON.
"""

import json
import resource
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jobs
import own
from cases import Case
from own import Call

SHORTEST = 0.1  # seconds; a call that takes less is repeated
PACKAGES = ("numpy", "scipy", "torch", "jax", "jaxlib", "curvlinops-for-pytorch", "pyhessian")


def say(**what: Any) -> None:
    """Answer the parent."""
    print(json.dumps(what), flush=True)


def versions() -> dict[str, str]:
    """Return the version of each package that is installed, and of Python."""
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def kernels() -> list[str]:
    """Return which BLAS is loaded, which kernels it chose, and how many threads it has."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    names = {f"{p['internal_api']} {p.get('architecture', '')} x {p['num_threads']}" for p in pools}
    return sorted(names)


def seconds(call: Call, repeats: int) -> tuple[float, Any]:
    """Return the mean time of some calls, and the last one's result."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = call()
    return (time.perf_counter() - start) / repeats, result


def serve(contender: jobs.Contender, cases: list[Case]) -> Any:
    """Run the cases that are asked for and return the last result."""
    calls = [contender.start(case) for case in cases]
    say(versions=versions(), kernels=kernels())
    repeats, result = [1] * len(cases), None
    for line in sys.stdin:
        number = int(line)
        taken, result = seconds(calls[number], repeats[number])
        say(seconds=taken)
        repeats[number] = max(1, int(SHORTEST / taken))
    return result


def conclude(job: jobs.Job, contender: jobs.Contender, case: Case, result: Any) -> None:
    """Say how much memory it took and what is to be compared."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    what: dict[str, Any] = {"peak": peak * (1024 if sys.platform == "linux" else 1)}
    if job.compare and contender.compared:
        compared = job.compare(case, result)
        what["compared"] = compared.tolist()
        if contender.sampled and job.must_agree:
            what["sampling_error"] = own.sampling_error(case, compared)
    say(**what)


def main() -> None:
    """Serve one contender of a job, or the one of a growth."""
    kind, index, number, toy = json.loads(sys.argv[1])
    if kind == "GROWTHS":
        growth = jobs.GROWTHS[index]
        serve(growth.contender, growth.cases(toy))
    else:
        job = jobs.JOBS[index]
        case, contender = job.toy if toy else job.case, job.contenders[number]
        conclude(job, contender, case, serve(contender, [case]))


if __name__ == "__main__":
    main()
