"""How a build goes: on a terminal one line that is kept up to date, elsewhere a line for each job.

A logger plugin of snakemake, which `make` names by --logger progress. How long is left is judged by
how long each job took the last time, as its benchmark in logs/ says; of a notebook that never ran
it shows the cells. Snakemake's own log, which says all, stays in .snakemake/log.
"""

import csv
import json
import logging
import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

NEW_LINE = "\r\x1b[K"


def last_duration(benchmark: Path) -> float | None:
    """Return the seconds that a job took when its benchmark was written, if it was."""
    try:
        with benchmark.open() as stream:
            return float(next(csv.DictReader(stream, delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None


def cells(benchmark: Path) -> str:
    """Return how far a notebook is that papermill runs beside its benchmark, or nothing."""
    try:
        notebook = json.loads(benchmark.with_suffix(".ipynb").read_text())
        states = [
            cell["metadata"]["papermill"]["status"]
            for cell in notebook["cells"]
            if cell["cell_type"] == "code"
        ]
    except (OSError, KeyError, ValueError):  # not there yet, or half written
        return ""
    return f", {states.count('completed')} of {len(states)} cells"


def spoken(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def label(benchmark: Path) -> str:
    """Return what a job is called: as its benchmark is, a sweep's point by all its parameters."""
    _, points, point = str(benchmark.with_suffix("")).rpartition("/points/")
    return point if points else benchmark.stem


@dataclass
class Progress:
    """What is done, what runs and what waits.

    Attributes
    ----------
    expected : dict
        Seconds that each job took the last time, or None, by its benchmark; in no order.
    cores : int
        Jobs that run at once.
    running : dict
        Benchmark and start of each running job, by snakemake's number for it.
    done : int
        Jobs that are finished.
    """

    expected: dict[Path, float | None] = field(default_factory=dict)
    cores: int = 1
    running: dict[int, tuple[Path, float]] = field(default_factory=dict)
    done: int = 0

    def announce(self, benchmarks: list[Path]) -> None:
        """Note the jobs to come."""
        self.expected = {path: last_duration(path) for path in benchmarks}

    def start(self, job: int, benchmark: Path, now: float) -> None:
        """Note that a job runs."""
        self.running[job] = benchmark, now

    def finish(self, job: int, now: float) -> str:
        """Note that a job is done, and return a line that says so."""
        benchmark, start = self.running.pop(job)
        self.done += 1
        self.expected[benchmark] = 0.0
        return (
            f"{self.done} of {len(self.expected)} done: {label(benchmark)}, {spoken(now - start)}"
        )

    def fail(self, job: int) -> None:
        """Note that a job is over and did not finish."""
        benchmark, _ = self.running.pop(job)
        self.expected[benchmark] = 0.0

    def left(self, now: float) -> float | None:
        """Return the seconds that are left if each job takes as long as the last time."""
        if None in self.expected.values():
            return None
        remaining = dict(self.expected)
        for benchmark, start in self.running.values():
            remaining[benchmark] = max(0.0, remaining[benchmark] - (now - start))
        return max(sum(remaining.values()) / self.cores, *remaining.values(), 0.0)

    def line(self, now: float) -> str:
        """Return what is done, what runs and how long is left."""
        names = []
        for benchmark, start in self.running.values():
            usual = self.expected.get(benchmark)
            beside = cells(benchmark) if usual is None else f" of about {spoken(usual)}"
            names.append(f"{label(benchmark)} {spoken(now - start)}{beside}")
        left = self.left(now)
        if left is None:
            told = [*names, "no earlier run says how long"]
        else:
            # First, because a narrow terminal cuts the line at its end.
            told = [f"about {spoken(left)} left" if left else "longer than the last time", *names]
        return f"{self.done} of {len(self.expected)} done; {'; '.join(told)} "


class LogHandler(LogHandlerBase):
    """Turns snakemake's records into lines."""

    writes_to_stream = True
    writes_to_file = has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self) -> None:
        self.progress = Progress()
        self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.over = threading.Event()
        if self.live:
            threading.Thread(target=self.keep_up, daemon=True).start()

    def keep_up(self) -> None:
        """Write the line anew each second, until the build is over."""
        while not self.over.wait(1):
            with self.lock:
                if self.progress.running and not self.over.is_set():
                    line = self.progress.line(time.monotonic())
                    width = shutil.get_terminal_size().columns - 1
                    print(NEW_LINE + line[:width], end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        print((NEW_LINE if self.live else "") + text, file=sys.stderr, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record, or show it."""
        event, now = getattr(record, "event", None), time.monotonic()
        if hasattr(record, "benchmarks"):
            self.progress.announce(record.benchmarks)
        elif event == LogEvent.RESOURCES_INFO:
            self.progress.cores = getattr(record, "cores", self.progress.cores)
        elif event == LogEvent.JOB_INFO and record.benchmark:
            self.progress.start(record.jobid, Path(record.benchmark), now)
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.progress.running:
            self.say(self.progress.finish(record.job_id, now))
        elif event == LogEvent.JOB_ERROR and record.jobid in self.progress.running:
            self.progress.fail(record.jobid)
            self.say(self.format(record))
        elif record.levelno >= logging.WARNING or record.getMessage().startswith("Nothing to be"):
            self.say(self.format(record))

    def close(self) -> None:
        """Leave the terminal on a line of its own."""
        with self.lock:
            if self.live and not self.over.is_set():
                print(NEW_LINE, end="", file=sys.stderr, flush=True)
            self.over.set()
        super().close()
