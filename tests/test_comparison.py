import numpy as np
import pytest

from nearopt import Erf, Linear, TwoLayer
from nearopt.descent.comparison import Comparison


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    teacher = TwoLayer.draw(2, 2, activation=Erf(), rng=rng)
    return Comparison.near(teacher, 6, 1e-4 * rng.standard_normal(6))


def test_descent_and_flow_lie_on_their_predictions(pair):
    """To the order of the deviation, until the floor is reached."""
    for curve in (pair.descend(50), pair.flow(np.geomspace(1, 1e3, 7))):
        assert curve.steps[0] == 0
        assert curve.differences.max() < 1e-2
        assert (np.diff(curve.measured) < 0).all()


def test_distance_is_predicted(pair):
    curve = pair.flow(np.array([1.0, 100.0]))
    np.testing.assert_allclose(curve.distance, pair.predict_distance(curve.steps), rtol=1e-3)


def test_null_space_keeps_its_share():
    rng = np.random.default_rng(2)
    teacher = TwoLayer.draw(2, 3, activation=Linear(), rng=rng)
    pair = Comparison.near(teacher, 2, 1e-4 * rng.standard_normal(9))
    flat = pair.deviation - pair.vectors @ (pair.vectors.T @ pair.deviation)
    assert pair.predict_distance(1e6) == pytest.approx(np.linalg.norm(flat), rel=1e-12)


def test_late_rate_is_the_smallest_eigenvalue_or_out_of_reach():
    rng = np.random.default_rng(3)
    teacher = TwoLayer.draw(2, 1, activation=Erf(), rng=rng)
    pair = Comparison.near(teacher, 3, 1e-4 * rng.standard_normal(3))
    slowest = Comparison.near(teacher, 3, 1e-4 * pair.vectors[:, 0])
    assert slowest.late_rate() == pytest.approx(pair.values[0], rel=1e-2)
    steep = Comparison.near(teacher, 3, pair.vectors @ [1e-12, 0, 1e-4])
    assert np.isnan(steep.late_rate())


def test_a_rate_of_zero_is_not_taken_for_none(pair):
    with pytest.raises(ValueError, match="rate must be a finite number above 0, not 0"):
        pair.descend(10, rate=0.0)


def test_bad_deviation_is_named(pair):
    with pytest.raises(ValueError, match=r"deviation must have shape \(6\), not \(5,\)"):
        Comparison.near(pair.teacher, 6, np.ones(5))
