"""A small build that nothing disturbs, to hold others against."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from builds import KERNEL, PAPERMILL, SNAKEMAKE, find, results_of, start
from checkout import small_checkout


@dataclass
class Undisturbed:
    """A finished build: where, what it made, and how many seconds each process lived."""

    checkout: Path
    results: dict
    lives: dict


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    checkout = small_checkout(tmp_path_factory.mktemp("faults") / "undisturbed")
    build = start(checkout)
    seen = {SNAKEMAKE: [], PAPERMILL: [], KERNEL: []}
    while build.poll() is None:
        for name, times in seen.items():
            if find(build, name):
                times.append(time.monotonic())
        time.sleep(0.02)
    said = build.communicate()[0]
    assert build.returncode == 0, said
    lives = {name: times[-1] - times[0] for name, times in seen.items()}
    return Undisturbed(checkout, results_of(checkout), lives)
