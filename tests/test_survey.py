import numpy as np
import pandas as pd
import pytest

from nearopt import Erf, TwoLayer
from nearopt.proof.survey import draw_certificates, fit_widths
from nearopt.proof.theorem import degenerate_teachers, is_irreducible, odd_activation_rank
from nearopt.rank.count import numerical_rank


def test_every_drawn_teacher_is_certified_and_floats_count_no_more():
    survey = draw_certificates([(1, 6), (2, 3)], 3, rng=np.random.default_rng(1))
    assert survey.input_dim.tolist() == [1] * 3 + [2] * 3
    assert survey.parameters.tolist() == [12] * 3 + [9] * 3
    assert survey.certified.all()
    assert (survey.float_rank <= survey.parameters).all()
    assert (survey.float_rank[:3] < 12).all()
    assert (survey.smallest[:3] < -14).all()


def test_eigenvalues_that_are_no_floats_have_a_logarithm():
    """7.91419130252e-536, by Cholesky and inverse iteration in mpmath at 1400 digits."""
    rng = np.random.default_rng(0)
    survey = draw_certificates([(1, 20)], 1, sigma1=1e-3, rng=rng)
    assert survey.smallest[0] == pytest.approx(np.log10(7.91419130252) - 536, abs=1e-6)


def test_fit_returns_the_law_that_made_the_numbers():
    """Seven thousand teachers about -1 - 3 Nh^(1/2), with a spread of 0.5."""
    rng = np.random.default_rng(2)
    widths = np.repeat([1, 2, 4, 8, 16, 32, 64], 1000)
    smallest = -1 - 3 * np.sqrt(widths) + 0.5 * rng.standard_normal(len(widths))
    survey = pd.DataFrame({"input_dim": 2, "hidden_dim": widths, "smallest": smallest})
    fit = fit_widths(survey).loc[2]
    assert abs(fit.slope + 3) < 4 * fit.error < 0.02
    assert fit.spread == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * len(widths)))


def test_each_degenerate_teacher_breaks_what_it_says():
    net = TwoLayer.draw(3, 4, activation=Erf(), rng=np.random.default_rng(3))
    ranks = {"no outgoing weight": 13, "no incoming weight": 15, "two equal": 12}
    ranks |= {"two opposite": 12, "two opposite, one cut off": 12}
    for broken, teacher in degenerate_teachers(net).items():
        assert not is_irreducible(teacher)
        assert odd_activation_rank(teacher) == numerical_rank(teacher).value == ranks[broken]
    assert numerical_rank(net).value == net.parameter_count
