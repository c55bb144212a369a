from dataclasses import replace

import numpy as np
import pytest

from cases import draw
from nearopt import Erf, Linear, TwoLayer
from nearopt.descent.comparison import Comparison, extrapolated


def deviation(size):
    return 1e-4 * np.random.default_rng(2).standard_normal(size)


@pytest.fixture
def pair():
    return Comparison.near(draw(2, 2, Erf(), seed=1), 6, deviation(6))


def test_descent_and_flow_lie_on_their_predictions(pair):
    """To the order of the deviation, until the floor is reached."""
    flow = pair.flow(np.geomspace(1, 1e3, 7))
    for curve in (pair.descend(50), flow):
        assert curve.steps[0] == 0
        assert curve.differences.max() < 1e-2
        assert (np.diff(curve.measured) < 0).all()
    np.testing.assert_allclose(flow.distance, pair.predict_distance(flow.steps), rtol=1e-3)


def test_null_space_keeps_its_share():
    pair = Comparison.near(draw(2, 3, Linear(), seed=2), 2, deviation(9))
    flat = pair.deviation - pair.vectors @ (pair.vectors.T @ pair.deviation)
    assert pair.predict_distance(1e6) == pytest.approx(np.linalg.norm(flat), rel=1e-12)


def test_late_rate_is_the_smallest_eigenvalue_where_the_end_is_reached():
    pair = Comparison.near(draw(2, 1, Erf(), seed=3), 3, deviation(3))
    slowest = Comparison.near(pair.teacher, 3, 1e-4 * pair.vectors[:, 0])
    assert slowest.reaches_its_end
    assert slowest.late_rate() == pytest.approx(pair.values[0], rel=1e-2)


@pytest.mark.parametrize("parts", [[1e-12, 1e-4], [1e-5, 1e-4]], ids=["low", "mixed"])
def test_an_end_below_rounding_or_of_several_modes_is_not_reached(parts):
    """Eigenvalues 1 and 1.25."""
    teacher = TwoLayer(np.array([[0.5, 0.0]]), np.array([[1.0]]), Linear())
    pair = Comparison.near(teacher, 2, np.ones(3))
    assert not Comparison.near(teacher, 2, pair.vectors @ parts).reaches_its_end


def test_an_end_whose_eigenvalue_is_lost_in_rounding_is_not_reached(pair):
    assert not replace(pair, values=np.append(-1e-17, pair.values[1:])).reaches_its_end


def test_extrapolation_is_exact_to_the_second_order_and_tells_it():
    size = np.array([0.4, 0.2, 0.1])
    series = 1 + np.multiply.outer(size, [3.0, -2.0]) + np.multiply.outer(size**2, [0.0, 5.0])
    limit, change = extrapolated(series)
    np.testing.assert_allclose(limit, 1, rtol=1e-14)
    np.testing.assert_allclose(change, [0, 5 * 3 / 8 * 0.4**2], atol=1e-14)
    assert extrapolated(1 + size**3)[0] == pytest.approx(1 + 0.4**3 / 8)


@pytest.mark.parametrize("wrong", ["eigenvalue", "eigenvector"])
def test_a_prediction_that_is_wrong_by_little_does_not_come_to_one(pair, wrong):
    """One eigenvalue off by a part in a thousand, or a direction by a hundredth, is seen."""
    values, vectors = pair.values.copy(), pair.vectors.copy()
    if wrong == "eigenvalue":
        values[2] *= 1.001
    else:
        vectors[:, 2] += 0.01 * vectors[:, 3]
    for one, fails in ((pair, False), (replace(pair, values=values, vectors=vectors), True)):
        curves = [one.closer(share).flow(np.geomspace(1, 1e3, 9)) for share in (1, 1 / 2, 1 / 4)]
        limit, change = extrapolated([curve.measured / curve.predicted for curve in curves])
        assert (np.abs(limit - 1).max() > change.max() + 1e-4) == fails


def test_a_rate_of_zero_is_not_taken_for_none(pair):
    with pytest.raises(ValueError, match="rate must be a finite number above 0, not 0"):
        pair.descend(10, rate=0.0)
