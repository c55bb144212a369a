"""Jobs beyond the machine are refused with need and have, and the need that is said is true."""

# ruff: noqa: B008 - a default is the network of a job, made before the job is run and measured.

import ctypes
import platform
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pyarrow
import pytest
from checkout import ROOT, environment
from pyarrow import csv, parquet
from sweeps import points

from nearopt import Erf, Polynomial, ReLU, TwoLayer, checks, tanh
from nearopt.descent import (
    batch_gradient,
    descend_linear_students,
    expected_loss,
    gradient_descent,
    gradient_flow,
    linear_expected_loss,
    near_gradient,
    near_loss,
    population_gradient,
    predicted_loss,
)
from nearopt.hessian import (
    BatchHessianOperator,
    HessianOperator,
    batch_hessian,
    batch_spectrum,
    extreme_eigenvalues,
    neural_tangent_kernel,
    population_hessian,
    quadratic_null_vectors,
    scaling_directions,
    smallest_batch_eigenvalues,
    spectral_density,
    spectrum,
)
from nearopt.laws.draws import draw_coloured_spectra, draw_linear_spectra
from nearopt.laws.linear import FiniteLinearHessianLaw
from nearopt.network import ColouredInputs
from nearopt.proof.certificate import certify_full_rank
from nearopt.proof.jacobian import certify_batch_ranks, jacobian_rank
from nearopt.proof.spectrum import graded_spectrum
from nearopt.rank.count import (
    count_batch_ranks,
    covariance_rank,
    exact_batch_ranks,
    exact_rank,
    exact_ranks,
    numerical_rank,
)
from nearopt.rank.theory import expected_batch_ranks
from nearopt.report.files import load_inputs

FILES = tempfile.TemporaryDirectory()
SUM, SQUARE = Polynomial((0.0, 1.0, 1.0, 1.0, 1.0)), Polynomial((0.0, 0.0, 1.0))


def net(input_dim, hidden_dim, activation=None, length=1):
    """Rows of W1 have about that length."""
    activation, sigma1 = activation or Erf(), length * input_dim**-0.5
    rng = np.random.default_rng(1)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, sigma1=sigma1, rng=rng)


def rng():
    return np.random.default_rng(2)


def inputs(samples, input_dim):
    return rng().standard_normal((samples, input_dim))


def pair(hidden_dim):
    teacher = net(2, hidden_dim)
    return teacher.with_parameters(teacher.parameters * 1.001), teacher


def table(kind, ending):
    """Return the name of a file of numbers, 40 MB as floats."""
    path = f"{FILES.name}/{kind}.{ending}"
    if not Path(path).exists():
        numbers = (100 * inputs(50_000, 100)).astype(kind)
        columns = pyarrow.table({f"feature {i}": column for i, column in enumerate(numbers.T)})
        if ending == "npy":
            np.save(path, numbers)
        elif ending == "parquet":
            parquet.write_table(columns, path)
        else:
            csv.write_csv(columns[:10_000], path)
    return path


# Each returns a job, with its network and inputs, which are small beside it, already made.
JOBS = {
    "draw": lambda: lambda: TwoLayer.draw(2000, 1000, activation=Erf(), rng=rng()),
    "outputs": lambda: lambda n=net(2, 50), x=inputs(20_000, 2): n(x),
    "jacobian": lambda: lambda n=net(2, 50), x=inputs(5000, 2): n.jacobian(x),
    "population_gradient": lambda: lambda p=pair(300): population_gradient(*p),
    "near_loss": lambda: lambda p=pair(200): near_loss(*p),
    "near_gradient": lambda: lambda p=pair(200): near_gradient(*p),
    "batch_gradient": lambda: lambda p=pair(50), x=inputs(20_000, 2): batch_gradient(*p, x),
    "population_hessian": lambda: lambda n=net(49, 40): population_hessian(n),
    "population_hessian, tanh": lambda: lambda n=net(49, 40, tanh): population_hessian(n),
    "population_hessian, many units": lambda: lambda n=net(2, 600): population_hessian(n),
    "population_hessian, coloured": lambda: lambda n=net(49, 40): population_hessian(n, np.eye(49)),
    "batch_hessian": lambda: lambda n=net(49, 40), x=inputs(100, 49): batch_hessian(n, x),
    "tangent kernel": lambda: lambda n=net(2, 3), x=inputs(1500, 2): neural_tangent_kernel(n, x),
    "operator": lambda: lambda n=net(2, 700): HessianOperator(n) @ n.parameters,
    "batch operator": lambda: lambda n=net(2, 50), x=inputs(30_000, 2): BatchHessianOperator(n, x),
    "spectrum": lambda: lambda n=net(30, 40): spectrum(n),
    "spectrum, factor": lambda: lambda n=net(8, 60, SUM): spectrum(n),
    "spectrum, coloured": lambda: lambda n=net(30, 40): spectrum(n, np.eye(30)),
    "batch_spectrum": lambda: lambda n=net(49, 20), x=inputs(500, 49): batch_spectrum(n, x),
    "extreme": lambda: lambda n=net(200, 100): extreme_eigenvalues(n, 1, steps=100, rng=rng()),
    "density": lambda: lambda n=net(20, 200): spectral_density(n, steps=30, rng=rng()),
    "linear spectra": lambda: lambda: draw_linear_spectra(500, 2000, 1, rng=rng()),
    "coloured spectra": lambda: lambda: draw_coloured_spectra(np.ones(600), 600, 1, rng=rng()),
    "batches": lambda: lambda n=net(2, 50): smallest_batch_eigenvalues(n, 9, [6000], rng=rng()),
    "covariance": lambda: lambda sigma=np.eye(600): ColouredInputs(sigma),
    "coloured inputs": lambda: lambda c=ColouredInputs(np.eye(50)): c.draw(50_000, rng()),
    "students": lambda: (
        lambda: descend_linear_students(
            30, 30, 1000, rate=1e-3, steps=np.array([2]), epsilon=1e-3, rng=rng()
        )
    ),
    "descent": lambda: lambda p=pair(300): gradient_descent(*p, rate=1e-6, steps=2, records=10_000),
    "flow": lambda: lambda p=pair(100): gradient_flow(*p, np.array([1e-6])),
    "prediction": lambda: (
        lambda: predicted_loss((np.ones(200), np.eye(200)), np.ones(200), np.ones(20_000), 0.1)
    ),
    "expectation": lambda: lambda: expected_loss(np.ones(200), np.ones(20_000)),
    "numerical rank": lambda: lambda n=net(30, 40): numerical_rank(n),
    "exact rank": lambda: lambda: exact_rank(SUM, 6, 60, rng=rng()),
    "exact ranks": lambda: lambda: exact_ranks(SUM, 6, 60, rng=rng()),
    "exact ranks of batches": lambda: lambda: exact_batch_ranks(SUM, 6, 60, rng=rng()),
    "counted ranks": lambda: lambda: count_batch_ranks(SUM, 6, 40, 2, 150, rng=rng()),
    "expected ranks": lambda: lambda: expected_batch_ranks(SUM, 6, 40, 2, 1_000_000),
    "certified batches": lambda: lambda n=net(2, 50), x=inputs(150, 2): certify_batch_ranks(n, x),
    "certificate": lambda: lambda n=net(4, 12): certify_full_rank(n, max_precision=128),
    "graded": lambda: lambda n=net(4, 12): graded_spectrum(n, 1024),
    "witness": lambda: lambda n=net(3, 12, ReLU()): jacobian_rank(n, rng=rng()),
    "kernels, tanh": lambda: lambda n=net(2, 600, tanh, 0.2): HessianOperator(n),
    "kernels, many terms": lambda: lambda n=net(1, 40, tanh, 2): HessianOperator(n),
    "kernels, polynomial": lambda: lambda n=net(2, 600, SUM): HessianOperator(n),
    "outputs, many inputs": lambda: lambda n=net(400, 3), x=inputs(20_000, 400): n(x),
    "batch_gradient, many inputs": lambda: (
        lambda n=net(400, 3), x=inputs(20_000, 400): batch_gradient(n, n, x)
    ),
    "null vectors": lambda: lambda n=net(40, 40, SQUARE): quadratic_null_vectors(n),
    "scalings": lambda: lambda n=net(10, 250, ReLU()): scaling_directions(n),
    "whole numbers": lambda: lambda x=np.arange(60_000.0).reshape(3000, 20): covariance_rank(x),
    "grid": lambda: lambda: points({"a": list(range(40)), "b": list(range(40))}),
    **{
        f"{ending} of {kind}": lambda kind=kind, ending=ending: (
            lambda f=table(kind, ending): load_inputs(f)
        )
        for ending in ("csv", "npy", "parquet")
        for kind in ("float64", "float32", "int8")
    },
    "exact law": lambda: lambda: FiniteLinearHessianLaw(60, 60),
}

# Bytes that no job counts: BLAS's buffers, and what a few small arrays take.
OVERHEAD = 4 * 2**20


@pytest.fixture(params=JOBS)
def job(request):
    return JOBS[request.param]()


@pytest.fixture
def little(monkeypatch):
    """A machine that has 1 MiB left, and jobs that ask for it."""
    monkeypatch.setattr(checks, "ALWAYS_THERE", 2**20)
    memory = psutil.virtual_memory()._replace(available=2**20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def test_a_job_beyond_the_machine_is_refused_with_need_and_have(job, little):
    message = r" needs [0-9.e+-]+ GiB of memory and 0\.000977 GiB is available; [a-z]"
    with pytest.raises(MemoryError, match=message):
        job()


def resident(name):
    """Return a line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def test_the_need_that_is_said_is_what_the_job_takes(job, monkeypatch):
    """The largest need that a job asks for is not below its peak."""
    reset = Path("/proc/self/clear_refs")
    if not reset.exists() or platform.libc_ver()[0] != "glibc":
        pytest.skip("the peak of a job is measured on Linux with glibc")
    asked = []
    monkeypatch.setattr(checks, "ALWAYS_THERE", -1)
    original = psutil.virtual_memory

    def available():
        frame = sys._getframe(2)  # That of require_memory.
        asked.append(frame.f_locals["needed"])
        return original()

    monkeypatch.setattr(psutil, "virtual_memory", available)
    job()  # Libraries keep buffers from a first run.
    ctypes.CDLL(None).malloc_trim(0)
    pyarrow.default_memory_pool().release_unused()
    reset.write_text("5")
    before = resident("VmRSS")
    job()
    taken = resident("VmHWM") - before
    print(f"asked {max(asked) / 2**20:.1f} MiB, took {taken / 2**20:.1f} MiB")
    assert taken <= 1.05 * max(asked) + OVERHEAD


@pytest.mark.parametrize(
    ("job", "remedy"),
    [
        (lambda: TwoLayer.draw(10**7, 10**7, activation=Erf(), rng=rng()), "a smaller one"),
        (lambda: draw_coloured_spectra(np.ones(9), 9, 10**15, rng=rng()), "fewer teachers"),
        (lambda: draw_linear_spectra(10**9, 10**9, 1, rng=rng()), "fewer teachers"),
        (lambda: exact_rank(SUM, 10**6, 10**6, rng=rng()), "a smaller network"),
        (lambda: expected_batch_ranks(SUM, 2, 2, 1, sys.maxsize), "fewer samples"),
        (lambda: FiniteLinearHessianLaw(10**12, 10**12), "use LinearHessianLaw"),
        (lambda: linear_expected_loss([1.0], 10**12, 10**12), "asymptotic_linear_expected_loss"),
        (lambda p=pair(3): gradient_descent(*p, rate=1e-9, steps=1, records=10**15), "fewer steps"),
        (lambda: points({"a": list(range(10**5)), "b": list(range(10**5))}), "into sweeps"),
    ],
)
def test_no_machine_is_large_enough(job, remedy):
    """At sizes that no patience would see the end of, the answer comes at once."""
    with pytest.raises(MemoryError, match=rf"needs .* GiB of memory and .*; .*{remedy}"):
        job()


LIMITED = """
import resource
import numpy as np
from nearopt import Erf, TwoLayer
from nearopt.hessian.dense import population_hessian

net = TwoLayer.draw(49, {hidden}, activation=Erf(), rng=np.random.default_rng(0))
population_hessian(TwoLayer.draw(2, 3, activation=Erf(), rng=np.random.default_rng(0)))
held = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, 2 * (1024 * held + {mebibytes} * 2**20,))
print(population_hessian(net).shape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are kept on Linux")
@pytest.mark.parametrize(("mebibytes", "fits"), [(120, False), (180, True)])
def test_a_job_near_the_limit_of_its_process_ends_by_itself(mebibytes, fits):
    """A Hessian of 130 MiB in nearly enough, and enough."""
    code = textwrap.dedent(LIMITED).format(hidden=80, mebibytes=mebibytes)
    command = [sys.executable, "-c", code]
    env = environment(ROOT) | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if fits:
        assert done.stdout == "(4000, 4000)\n", done.stderr
    else:
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last.startswith("MemoryError: a dense Hessian of 4000 parameters needs 0.129"), last
        assert "use HessianOperator" in last
