"""Jobs beyond the machine are refused with need and have, and the need that is said is true."""

import ctypes
import platform
import subprocess
import sys
import tempfile
import textwrap
from functools import partial
from inspect import signature
from itertools import product
from pathlib import Path

import numpy as np
import psutil
import pyarrow
import pytest
from checkout import ROOT, environment
from pyarrow import csv, parquet
from sweeps import points

from nearopt import Erf, Polynomial, ReLU, TwoLayer, checks, descent, hessian, laws, proof, rank
from nearopt.network import ColouredInputs, tanh
from nearopt.report.files import load_inputs

FILES = tempfile.TemporaryDirectory()
SUM, SQUARE = Polynomial((0.0, 1.0, 1.0, 1.0, 1.0)), Polynomial((0.0, 0.0, 1.0))
STUDENTS = {"rate": 1e-3, "steps": np.array([2]), "epsilon": 1e-3}
EIGENPAIRS = np.ones(200), np.eye(200)
WIDE = TwoLayer(np.ones((10**6, 1)), np.ones((1, 10**6)), Erf())
LARGE = TwoLayer([[1e200]], [[1.0]], Erf())
KINDS, ENDINGS = ("float64", "float32", "int8"), ("csv", "npy", "parquet")


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


def multiply(network):
    return hessian.HessianOperator(network) @ network.parameters


def table(kind, ending):
    """Return the name of a file of numbers, 40 MB as floats, in a list."""
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
    return [path]


# A function, what makes its arguments, which are small beside the job, and options.
JOBS = [
    (TwoLayer.draw, lambda: [2000, 1000], {"activation": Erf()}),
    (net(2, 50).__call__, lambda: [inputs(20_000, 2)]),
    (net(400, 3).__call__, lambda: [inputs(20_000, 400)]),
    (net(2, 50).jacobian, lambda: [inputs(5000, 2)]),
    (descent.population_gradient, lambda: pair(300)),
    (descent.near_loss, lambda: pair(200)),
    (descent.near_gradient, lambda: pair(200)),
    (descent.batch_gradient, lambda: [*pair(50), inputs(20_000, 2)]),
    (descent.batch_gradient, lambda: [*2 * [net(400, 3)], inputs(20_000, 400)]),
    (descent.descend_linear_students, lambda: [30, 30, 1000], STUDENTS),
    (descent.gradient_descent, lambda: pair(300), {"rate": 1e-6, "steps": 2, "records": 10_000}),
    (descent.gradient_flow, lambda: [*pair(100), np.array([1e-6])]),
    (descent.predicted_loss, lambda: [EIGENPAIRS, np.ones(200), np.ones(20_000), 0.1]),
    (descent.expected_loss, lambda: [np.ones(200), np.ones(20_000)]),
    (hessian.population_hessian, lambda: [net(49, 40)]),
    (hessian.population_hessian, lambda: [net(49, 40, tanh)]),
    (hessian.population_hessian, lambda: [net(2, 600)]),
    (hessian.population_hessian, lambda: [net(49, 40), np.eye(49)]),
    (hessian.batch_hessian, lambda: [net(49, 40), inputs(100, 49)]),
    (hessian.neural_tangent_kernel, lambda: [net(2, 3), inputs(1500, 2)]),
    (multiply, lambda: [net(2, 700)]),
    (hessian.HessianOperator, lambda: [net(2, 600, tanh, 0.2)]),
    (hessian.HessianOperator, lambda: [net(1, 40, tanh, 2)]),
    (hessian.HessianOperator, lambda: [net(2, 600, SUM)]),
    (hessian.BatchHessianOperator, lambda: [net(2, 50), inputs(30_000, 2)]),
    (hessian.spectrum, lambda: [net(30, 40)]),
    (hessian.spectrum, lambda: [net(8, 60, SUM)]),
    (hessian.spectrum, lambda: [net(30, 40), np.eye(30)]),
    (hessian.batch_spectrum, lambda: [net(49, 20), inputs(500, 49)]),
    (hessian.extreme_eigenvalues, lambda: [net(200, 100), 1], {"steps": 100}),
    (hessian.spectral_density, lambda: [net(20, 200)], {"steps": 30}),
    (hessian.smallest_batch_eigenvalues, lambda: [net(2, 50), 9, [6000]]),
    (hessian.quadratic_null_vectors, lambda: [net(40, 40, SQUARE)]),
    (hessian.scaling_directions, lambda: [net(10, 250, ReLU())]),
    (laws.draw_linear_spectra, lambda: [500, 2000, 1]),
    (laws.draw_coloured_spectra, lambda: [np.ones(600), 600, 1]),
    (laws.FiniteLinearHessianLaw, lambda: [60, 60]),
    (ColouredInputs, lambda: [np.eye(600)]),
    (ColouredInputs(np.eye(50)).draw, lambda: [50_000]),
    (rank.numerical_rank, lambda: [net(30, 40)]),
    (rank.exact_rank, lambda: [SUM, 6, 60]),
    (rank.exact_ranks, lambda: [SUM, 6, 60]),
    (rank.exact_batch_ranks, lambda: [SUM, 6, 60]),
    (rank.count_batch_ranks, lambda: [SUM, 6, 40, 2, 150]),
    (rank.expected_batch_ranks, lambda: [SUM, 6, 40, 2, 1_000_000]),
    (rank.covariance_rank, lambda: [np.arange(60_000.0).reshape(3000, 20)]),
    (proof.certify_batch_ranks, lambda: [net(2, 50), inputs(150, 2)]),
    (proof.certify_full_rank, lambda: [net(4, 12)], {"max_precision": 128}),
    (proof.graded_spectrum, lambda: [net(4, 12), 1024]),
    (proof.jacobian_rank, lambda: [net(3, 12, ReLU())]),
    (points, lambda: [{"a": list(range(40)), "b": list(range(40))}]),
    *((load_inputs, partial(table, *file)) for file in product(KINDS, ENDINGS)),
]

# Bytes that no job counts: BLAS's buffers, and what a few small arrays take.
OVERHEAD = 4 * 2**20


@pytest.fixture(params=JOBS, ids=lambda job: job[0].__qualname__)
def job(request):
    function, arguments, *options = request.param
    source = {"rng": rng()} if "rng" in signature(function).parameters else {}
    return partial(function, *arguments(), **dict(*options), **source)


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
        (lambda: laws.draw_coloured_spectra(np.ones(9), 9, 10**15, rng=rng()), "fewer teachers"),
        (lambda: laws.draw_linear_spectra(10**9, 10**9, 1, rng=rng()), "fewer teachers"),
        (lambda: rank.exact_rank(SUM, 10**6, 10**6, rng=rng()), "a smaller network"),
        (lambda: rank.expected_batch_ranks(SUM, 2, 2, 1, sys.maxsize), "fewer samples"),
        (lambda: rank.count_batch_ranks(SUM, 1, 2, 3, 10**12, rng=rng()), "fewer samples"),
        (lambda: rank.numerical_rank(WIDE), "extreme_eigenvalues, or exact_rank for a polynomial"),
        (lambda: descent.gradient_flow(WIDE, WIDE, [1.0]), "use gradient_descent"),
        (lambda: proof.smallest_eigenvalue_bound(LARGE), "use nearopt.proof.smallest_eigenvalue"),
        (lambda: laws.FiniteLinearHessianLaw(10**12, 10**12), "use LinearHessianLaw"),
        (
            lambda: descent.linear_expected_loss([1.0], 10**12, 10**12),
            "asymptotic_linear_expected_loss",
        ),
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
