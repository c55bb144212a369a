"""Print a few numbers of each main result as JSON, or compare them with a file of them.

Each is as well conditioned as what is published: no eigenvalue that is mere rounding, no loss below
1e-11 of what it was at the start.
"""

import json
import sys

import numpy as np
import scipy
from threadpoolctl import threadpool_info

from nearopt import Erf, LeakyReLU, Linear, Polynomial, TwoLayer
from nearopt.descent.comparison import Comparison
from nearopt.descent.dynamics import critical_rate, gradient_descent
from nearopt.descent.linear_prediction import linear_expected_loss
from nearopt.descent.linear_students import descend_linear_students
from nearopt.descent.loss import near_gradient, near_loss, population_loss
from nearopt.hessian.dense import batch_hessian, neural_tangent_kernel, population_hessian
from nearopt.hessian.eigenvalues import batch_spectrum, spectrum
from nearopt.hessian.lanczos import extreme_eigenvalues, spectral_density
from nearopt.hessian.operators import HessianOperator
from nearopt.laws.coloured import ColouredHessianLaw
from nearopt.laws.draws import draw_coloured_spectra, draw_linear_spectra
from nearopt.laws.linear import FiniteLinearHessianLaw, LinearHessianLaw, OutputsHessianLaw
from nearopt.laws.statistics import cdf_scores
from nearopt.network.inputs import ColouredInputs
from nearopt.network.smooth import tanh
from nearopt.proof.certificate import certify_full_rank, smallest_eigenvalue
from nearopt.proof.spectrum import graded_spectrum
from nearopt.rank.count import count_batch_ranks, covariance_rank, exact_ranks
from nearopt.rank.theory import theoretical_rank
from nearopt.report.files import load_digits

# Relative, of what is a float.
DIGITS = 1e-9
ACTIVATIONS = {
    "linear": Linear(),
    "cubic": Polynomial((0.0, 1.0, 0.5, 0.2)),
    "erf": Erf(),
    "leaky": LeakyReLU(0.1),
    "tanh": tanh,
}
TIMES = np.geomspace(0.01, 1e3, 6)


def hessians(name, activation, rng):
    """Yield what is computed for any activation."""
    net = TwoLayer.draw(12, 9, activation=activation, sigma1=0.3, rng=rng)
    inputs = rng.standard_normal((40, 12))
    H = population_hessian(net)
    yield f"{name}: Hessian", [np.trace(H), np.linalg.norm(H), np.abs(H).sum()]
    yield f"{name}: spectrum", spectrum(net)[-12:]
    yield f"{name}: product", np.abs(HessianOperator(net) @ net.parameters).sum()
    yield (
        f"{name}: batch",
        [np.trace(batch_hessian(net, inputs)), *batch_spectrum(net, inputs)[-9:]],
    )
    yield f"{name}: tangent kernel", np.linalg.norm(neural_tangent_kernel(net, inputs))
    yield f"{name}: extremes", extreme_eigenvalues(net, 3, rng=rng).largest
    student = net.with_parameters(net.parameters + 1e-3 * rng.standard_normal(117))
    yield f"{name}: loss", [near_loss(student, net), *np.abs(near_gradient(student, net))[::9]]
    far = TwoLayer.draw(12, 9, activation=activation, sigma1=0.3, rng=rng)
    yield f"{name}: far loss", population_loss(far, net)
    path = gradient_descent(student, net, rate=critical_rate(net) / 20, steps=99, records=9)
    yield f"{name}: descent", path.measure(near_loss)


def theory(rng):
    """Yield the laws, and what is drawn to be held against them."""
    laws = {
        "limit": LinearHessianLaw(10, 20),
        "exact": FiniteLinearHessianLaw(30, 10, 1.0, 0.5),
        "coloured": ColouredHessianLaw(np.geomspace(0.01, 1, 8), 12, samples=20),
        "outputs": OutputsHessianLaw(10, 20, 5),
    }
    for name, law in laws.items():
        points = law.ppf([0.6, 0.8, 0.95])
        yield f"law, {name}", [*points, *law.pdf(points), *law.cdf(1.1 * points)]
    yield "scores", cdf_scores(draw_linear_spectra(10, 20, 200, rng=rng), laws["limit"])[::9]
    yield "coloured spectra", draw_coloured_spectra(np.geomspace(0.1, 1, 6), 8, 4, rng=rng)
    yield "mean loss", linear_expected_loss(TIMES, 10, 20)
    descent = {"rate": 0.01, "steps": np.array([0, 10, 100]), "epsilon": 1e-3}
    yield "linear students", descend_linear_students(4, 6, 5, rng=rng, **descent)


def proofs(rng):
    """Yield ranks and what is proved of erf."""
    for degrees in ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0)):
        g = Polynomial(degrees)
        yield f"ranks of {degrees}", [rank.value for rank in exact_ranks(g, 4, 12, rng=rng)]
        yield f"theory of {degrees}", theoretical_rank(g, 4, 7, 2).value
        yield f"batches of {degrees}", count_batch_ranks(g, 3, 4, 2, 9, rng=rng)
    net = TwoLayer.draw(2, 5, activation=Erf(), rng=rng)
    yield "certified", int(certify_full_rank(net).certified)
    yield "smallest eigenvalue", smallest_eigenvalue(net)
    yield "graded spectrum", graded_spectrum(net, 512)
    yield "rank of the digits", covariance_rank(load_digits())


def dynamics(rng):
    """Yield descent, flow and what is predicted of them, and the density of a large network."""
    net = TwoLayer.draw(2, 4, activation=Erf(), rng=rng)
    start = 1e-3 * rng.standard_normal(12)
    flow = Comparison.near(net, 12, start).flow(np.array([0.1, 1.0, 5.0]))
    yield "flow, predicted", flow.predicted
    yield "flow, measured", flow.measured
    large = TwoLayer.draw(15, 50, activation=Erf(), sigma1=0.3, rng=rng)
    yield "large", [*spectrum(large)[-9:], *np.linalg.eigvalsh(population_hessian(large))[-9:]]
    wide = TwoLayer.draw(60, 40, activation=tanh, sigma1=0.1, rng=rng)
    density, error = spectral_density(wide, steps=20, rng=rng).pdf(np.linspace(0.1, 5, 4), 0.5)
    yield "density", [*density, *error]
    yield "coloured inputs", ColouredInputs(np.cov(load_digits()[:, 1:30].T)).spectrum[-9:]


def compute():
    """Return the numbers, and the libraries that multiplied matrices for them."""
    numbers = {}
    for name, activation in ACTIVATIONS.items():
        numbers |= dict(hessians(name, activation, np.random.default_rng(1)))
    for part in (theory, proofs, dynamics):
        numbers |= dict(part(np.random.default_rng(2)))
    plain = {name: np.ravel(value).tolist() for name, value in numbers.items()}
    return {"numbers": plain, "blas": threadpool_info()}


def difference(one, other):
    """Return the relative difference of two numbers; infinite for unequal integers."""
    if isinstance(one, int) and isinstance(other, int):
        return 0.0 if one == other else float("inf")
    return abs(one - other) / max(abs(one), abs(other), 1e-300)


def differences(numbers, others):
    """Return the largest relative difference of each result."""
    pairs = {name: zip(numbers[name], others[name], strict=True) for name in numbers | others}
    return {name: max(difference(*pair) for pair in both) for name, both in pairs.items()}


def main():
    """Print, or compare with the file that is given and fail where a result differs."""
    found = compute()
    if len(sys.argv) == 1:
        json.dump(found, sys.stdout)
        return
    with open(sys.argv[1], encoding="utf-8") as file:
        apart = differences(json.load(file)["numbers"], found["numbers"])
    worst = max(apart, key=apart.get)
    print(
        f"numpy {np.__version__}, scipy {scipy.__version__}: {len(apart)} results agree to "
        f"{apart[worst]:.1e}, the worst is {worst!r}"
    )
    sys.exit(apart[worst] > DIGITS)


if __name__ == "__main__":
    main()
