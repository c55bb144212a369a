"""Every public object gives the same after pickle and deepcopy, elsewhere, and in four threads."""

import copy
import inspect
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from joblib.externals import loky

from cases import ACTIVATIONS
from nearopt import TwoLayer, descent, hessian, laws, network, proof, rank
from nearopt.hessian.lanczos import extreme_eigenvalues, spectral_density
from nearopt.report import Results

INPUTS = np.random.default_rng(1).standard_normal((5, 3))
SIGMA = np.cov(INPUTS.T)


def draw(activation):
    return TwoLayer.draw(3, 4, activation=activation, rng=np.random.default_rng(0))


def fields(thing):
    """What a result holds."""
    return list(vars(thing).values())


def product(operator):
    return operator @ np.linspace(-1, 1, operator.shape[0])


def values(activation):
    return activation(INPUTS), activation.derivative(INPUTS), *activation.kernels(SIGMA)


def bounds(certificate):
    return certificate.certified, certificate.smallest_eigenvalue.mid()


ERF = draw(ACTIVATIONS["erf"])
NEAR = descent.Comparison.near(ERF, 5, 1e-3 * np.ones(16))
RUN = descent.gradient_descent(NEAR.student, ERF, rate=NEAR.rate, steps=3)
RANK = rank.theoretical_rank(ACTIVATIONS["linear"], 3, 4)
SIZES = {"input_dim": 3, "first_hidden_dim": 1, "last_hidden_dim": 4}
RESULTS = Results("exact_rank", SIZES | {"degrees": "1", "seed": 0})
RESULTS.value("two", 2, "twice one")
RESULTS.verdict("C1", "twice one", measured=2, expected=2, tolerance=0)
LAWS = [
    laws.ColouredHessianLaw(np.ones(4), 6),
    laws.FiniteLinearHessianLaw(4, 6),
    laws.LinearHessianLaw(4, 6),
    laws.MarchenkoPastur(0.3),
    laws.NonlinearHessianLaw(9, 9, ERF.activation, 0.3, 1.0),
    laws.OutputsHessianLaw(9, 4, 3),
]
# An object and what it does.
OBJECTS = {
    **{f"activation {name}": (g, values) for name, g in ACTIVATIONS.items()},
    **{f"network {name}": (draw(g), hessian.population_hessian) for name, g in ACTIVATIONS.items()},
    "kernels": (ACTIVATIONS["relu"].kernels(SIGMA), list),
    "coloured inputs": (network.ColouredInputs(SIGMA), fields),
    "operator": (hessian.HessianOperator(ERF), product),
    "coloured operator": (hessian.HessianOperator(ERF, SIGMA), product),
    "batch operator": (hessian.BatchHessianOperator(ERF, INPUTS), product),
    "extreme eigenvalues": (extreme_eigenvalues(ERF, 2, rng=np.random.default_rng(2)), fields),
    "density": (spectral_density(ERF, steps=3, rng=np.random.default_rng(3)), fields),
    **{type(law).__name__: (law, lambda law: law.isf(np.array([1e-9, 0.3]))) for law in LAWS},
    "rank": (RANK, fields),
    "bound": (RANK.lower, fields),
    "certificate": (proof.certify_full_rank(ERF), bounds),
    "comparison": (NEAR, lambda comparison: comparison.flow(np.array([1.0, 10.0]))),
    "curve": (NEAR.descend(3), list),
    "trajectory": (RUN, lambda run: run.measure(descent.near_loss)),
    "divergence": (descent.DivergenceError("the loss grows"), str),
    "results": (RESULTS, lambda results: [str(vars(results))]),
    "verdict": (RESULTS.verdicts[0], fields),
}
ROOMS = ("network", "hessian", "laws", "rank", "proof", "descent", "report")
# Classes that nobody makes an object of.
ABSTRACT = {"Activation"}


def does(name, thing):
    return OBJECTS[name][1](thing)


def assert_same(made, expected):
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", OBJECTS)
def test_copies_do_the_same(name):
    thing, does = OBJECTS[name]
    for copied in (copy.deepcopy(thing), copy.copy(thing), pickle.loads(pickle.dumps(thing))):
        assert_same(does(copied), does(thing))
    if name.startswith("activation"):
        assert pickle.loads(pickle.dumps(thing)) == thing


@pytest.mark.parametrize(
    ("pool", "rounds"),
    [
        (partial(ProcessPoolExecutor, 1, multiprocessing.get_context("spawn")), 1),
        (partial(loky.ProcessPoolExecutor, 1), 1),
        (partial(ThreadPoolExecutor, 4), 4),
    ],
    ids=["spawn", "joblib", "threads"],
)
def test_elsewhere_they_do_the_same(pool, rounds):
    things = [thing for thing, _ in OBJECTS.values()]
    with pool() as elsewhere:
        there = list(elsewhere.map(does, rounds * list(OBJECTS), rounds * things))
    here = list(map(does, OBJECTS, things))
    for made, expected in zip(there, rounds * here, strict=True):
        assert_same(made, expected)


def test_one_operator_serves_four_threads_at_once():
    net = TwoLayer.draw(40, 60, activation=ERF.activation, rng=np.random.default_rng(4))
    vectors = np.random.default_rng(5).standard_normal((40, net.parameter_count))
    for operator in (hessian.HessianOperator(net), hessian.BatchHessianOperator(net, net.W1[:9])):
        with ThreadPoolExecutor(4) as pool:
            assert_same(pool.map(operator.dot, vectors), map(operator.dot, vectors))


def test_every_public_class_is_in_the_list():
    listed = {type(thing).__name__ for thing, _ in OBJECTS.values()}
    faces = [import_module(f"nearopt.{room}") for room in ROOMS]
    public = {
        name for face in faces for name in face.__all__ if inspect.isclass(getattr(face, name))
    }
    assert public - ABSTRACT <= listed
