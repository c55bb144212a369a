"""The benchmarks' harness at toy sizes, and the lock of their environment."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from checkout import ROOT


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The folder that a run without any peer has written to."""
    folder = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, ROOT / "benchmarks/run.py", folder, "--toy"]
    subprocess.run(command, check=True, env=os.environ | {"MPLBACKEND": "agg"})
    return folder


def test_each_job_is_timed_and_its_asks_are_judged(toy):
    table = pd.read_csv(toy / "benchmarks.csv")
    page = (toy / "benchmarks.md").read_text()
    assert table.job.nunique() == 6
    assert (table[["seconds", "ratio", "peak_GB"]] > 0).all(axis=None)
    assert (table.groupby("job").ratio.first() == 1).all()
    for contender in table.contender:
        assert f"| {contender} |" in page
    assert "at most 120 seconds" in page


def test_batches_differ_from_exact_results_by_about_their_sampling_error(toy):
    table = pd.read_csv(toy / "benchmarks.csv").dropna(subset="sampling_error")
    assert len(table) == 3
    scores = table.error / table.sampling_error
    assert ((scores > 0.25) & (scores < 4)).all()


def test_nothing_of_the_machine_but_its_class_is_named(toy):
    page = (toy / "benchmarks.md").read_text() + (toy / "benchmarks.csv").read_text()
    assert platform.node() not in page
    assert str(Path.home()) not in page
    assert str(ROOT) not in page


def test_no_tool_is_in_the_main_lock_and_the_library_is_the_same():
    lock = (ROOT / "benchmarks/requirements.lock").read_text()
    main = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"^(torch|jax|jaxlib|curvlinops\S*|pyhessian)==", main, re.M)
    shared = dict(re.findall(r"^(numpy|scipy)==(\S+) ; python_full_version < ", lock, re.M))
    assert shared == dict(re.findall(r"^(numpy|scipy)==(\S+) ; python_full_version < ", main, re.M))
