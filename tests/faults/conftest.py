"""A small build that nothing disturbs, and folders that nothing may touch."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from builds import KERNEL, PAPERMILL, SNAKEMAKE, find, start
from checkout import ROOT, results_of, small_checkout

# What git ignores: results, and what tools keep beside the checkout.
IGNORED = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()} | {".git"}


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


def folder_state():
    """Return what is in the checkout, apart from what is ignored."""
    state = {}
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in IGNORED]
        for path in (os.path.join(folder, file) for file in files):
            status = os.stat(path, follow_symlinks=False)
            state[path] = status.st_size, status.st_mtime_ns
    return state


@pytest.fixture(scope="module")
def untouched_checkout():
    before = folder_state()
    yield
    assert folder_state() == before


@pytest.fixture
def untouched_folder(tmp_path_factory, monkeypatch):
    """Work in an empty folder, which must stay empty."""
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    yield
    assert not list(folder.iterdir())
