"""Coloured inputs against white ones, Monte Carlo and finite differences."""

import numpy as np
import pytest
from reference import difference_hessian, sample_mean

from cases import assert_equal, covariance, draw
from nearopt import Erf, Linear, Polynomial
from nearopt.descent.loss import near_gradient, near_loss, population_gradient, population_loss
from nearopt.hessian.dense import population_hessian
from nearopt.hessian.eigenvalues import spectrum
from nearopt.hessian.operators import HessianOperator
from nearopt.network.inputs import ColouredInputs
from nearopt.network.smooth import tanh


def test_identity_covariance_is_white_up_to_the_order_of_sums(net):
    identity = np.eye(net.input_dim)
    assert_equal(population_hessian(net, identity), population_hessian(net), 1e-14)
    student = draw(net.input_dim, net.hidden_dim, net.activation, 5, output_dim=net.output_dim)
    white = population_loss(student, net)
    assert population_loss(student, net, identity) == pytest.approx(white, rel=1e-12)
    assert_equal(population_gradient(student, net, identity), population_gradient(student, net))


@pytest.mark.parametrize("activation", [Erf(), Polynomial((0.0, 1.0, 0.5)), tanh], ids=str)
def test_loss_gradient_and_hessian_fit_together(activation):
    teacher, student = (draw(3, 2, activation, seed, output_dim=2) for seed in (0, 1))
    sigma = covariance(3)

    def loss(parameters):
        return population_loss(teacher.with_parameters(parameters), teacher, sigma)

    assert_equal(
        difference_hessian(loss, teacher.parameters, 1e-3), population_hessian(teacher, sigma), 1e-4
    )
    steps = 1e-5 * np.eye(teacher.parameter_count)
    slopes = [
        (loss(student.parameters + step) - loss(student.parameters - step)) / 2e-5 for step in steps
    ]
    assert_equal(population_gradient(student, teacher, sigma), slopes, 1e-8)


@pytest.mark.parametrize("rank", [None, 2], ids=["full", "deficient"])
def test_near_its_teacher_a_loss_is_the_same_without_cancellation(rank):
    teacher, sigma = draw(3, 2, Erf(), output_dim=2), covariance(3, rank)
    deviation = np.random.default_rng(1).standard_normal(teacher.parameter_count)
    student = teacher.with_parameters(teacher.parameters + 0.1 * deviation)
    near = {"nodes": 6, "input_covariance": sigma}
    loss, gradient = (f(student, teacher, sigma) for f in (population_loss, population_gradient))
    assert near_loss(student, teacher, **near) == pytest.approx(loss, rel=1e-10)
    assert_equal(near_gradient(student, teacher, **near), gradient, 1e-10)


@pytest.mark.parametrize(
    ("sigma", "what"),
    [
        *((-np.eye(2), "semidefinite"), ([[1, 5], [5, 1]], "semidefinite"), (0 * np.eye(2), "0")),
        *(([[1, 2], [0, 1]], "symmetric"), (np.ones((2, 3)), "square"), (np.eye(3), "shape")),
    ],
)
def test_what_is_no_covariance_is_refused_by_all_that_take_one(sigma, what):
    teacher, student = draw(2, 3, Erf(), 0), draw(2, 3, Erf(), 1)
    for function in (population_hessian, HessianOperator, spectrum):
        with pytest.raises(ValueError, match=f"input_covariance must .*{what}"):
            function(teacher, sigma)
    for function in (population_loss, population_gradient, near_loss, near_gradient):
        with pytest.raises(ValueError, match=f"input_covariance must .*{what}"):
            function(student, teacher, input_covariance=sigma)


def test_loss_is_the_mean_over_coloured_inputs():
    teacher, student = draw(4, 3, Erf(), 0), draw(4, 3, Erf(), 1)
    sigma = covariance(4)
    inputs = ColouredInputs(sigma).draw(100_000, np.random.default_rng(2))
    mean, error = sample_mean(((student(inputs) - teacher(inputs)) ** 2).sum(1) / 2)
    assert abs(mean - population_loss(student, teacher, sigma)) < 4 * error


def test_linear_spectrum_and_rank_take_sigma_in_place_of_the_identity():
    net, sigma = draw(6, 4, Linear()), covariance(6, 4)
    root = ColouredInputs(sigma).factor
    small = root.T @ (net.W1.T @ net.W1 + (net.W2**2).sum() * np.eye(6)) @ root
    eigenvalues = spectrum(net, sigma)
    assert_equal(eigenvalues[-4:], np.linalg.eigvalsh(small))
    assert np.abs(eigenvalues[:-4]).max() < 1e-14 * eigenvalues[-1]
