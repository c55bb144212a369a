"""The same numbers on another machine: relative to 1e-9, and integers equal.

docs/machines.md says which digits may differ; what is published is rounded to fewer.
"""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, environment
from main_results import DIGITS, differences

from nearopt.report.results import THREADS

# Digits of what is published: three fewer than all machines agree on.
STATED = 6
CPUINFO = Path("/proc/cpuinfo")


def compute(threads, core):
    """Run main_results.py on so many threads, with BLAS's kernels for a processor."""
    env = environment(ROOT) | dict.fromkeys(THREADS, str(threads)) | {"OPENBLAS_CORETYPE": core}
    script = Path(__file__).with_name("main_results.py")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    blas = [library for library in found["blas"] if library["internal_api"] == "openblas"]
    if not blas:
        pytest.skip("this numpy does not use OpenBLAS, whose kernels and threads are compared")
    for library in blas:
        assert (library["architecture"], library["num_threads"]) == (core, threads)
    return found["numbers"]


@pytest.fixture(scope="module")
def haswell():
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("kernels of OpenBLAS are compared on x86-64 processors")
    return compute(1, "Haswell")


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "core"), [(2, "Haswell"), (1, "SkylakeX")])
def test_results_are_the_same_on_other_threads_and_processors(haswell, threads, core):
    if threads > (os.cpu_count() or 1):
        pytest.skip("needs two processors")
    if core == "SkylakeX" and not (CPUINFO.exists() and "avx512f" in CPUINFO.read_text()):
        pytest.skip("this processor has no AVX-512, which OpenBLAS's SkylakeX kernels need")
    found = differences(haswell, compute(threads, core))
    assert len(found) > 50
    assert {name: size for name, size in found.items() if size > DIGITS} == {}


def test_a_difference_is_seen():
    assert significant("-0.00120e-07") == 3
    one = {"count": [3, 4], "value": [1.0, -2.0]}
    assert differences(one, one) == {"count": 0, "value": 0}
    other = {"count": [3, 5], "value": [1.0, -2.0 - 4e-9]}
    found = differences(one, other)
    assert found["count"] == float("inf")
    assert found["value"] == pytest.approx(2e-9)


# What is published


def significant(text):
    """Return how many digits a number states."""
    mantissa = re.split("[eE]", text.lstrip("-"))[0]
    return len(mantissa.replace(".", "").lstrip("0"))


def published_tables():
    """Yield the notebook and the name of each table that the paper prints."""
    for section in sorted((ROOT / "paper/sections").glob("*.typ")):
        text = section.read_text(encoding="utf-8")
        (own,) = re.findall(r'#let it = "(\w+)"', text) or [None]
        for notebook, name in re.findall(r'result-table\(\s*("\w+"|it),\s*"(\w+)"', text):
            yield (own if notebook == "it" else notebook.strip('"')), name


@pytest.mark.slow
@pytest.mark.parametrize(("notebook", "name"), list(published_tables()))
def test_no_table_states_a_digit_that_may_differ(built, notebook, name):
    """Numbers of six digits, or whole."""
    cells = (built / f"results/quick/{notebook}/{name}.csv").read_text().replace("\n", ",")
    numbers = re.findall(r"(?<![^,\"])-?\d+\.?\d*(?:e[+-]\d+)?(?![^,\"])", cells)
    floats = [number for number in numbers if not number.lstrip("-").isdigit()]
    assert all(significant(number) <= STATED for number in floats)


def test_no_sentence_states_a_digit_that_may_differ():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "paper").rglob("*.typ")]
    digits = [int(count) for text in texts for count in re.findall(r"digits: (\d+)", text)]
    assert len(digits) > 10
    assert max(digits) <= STATED
