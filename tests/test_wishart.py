import math

import numpy as np
import pytest
from scipy.integrate import quad

from nearopt.laws.wishart import MarchenkoPastur, singular_value_density


@pytest.mark.parametrize(
    ("n", "p", "x", "expected"),
    [(20, 10, 20.0, 0.20471356150729728516), (200, 100, 150.0, 0.25376456264765497892)],
)
def test_wishart_density_against_known_values(n, p, x, expected):
    """Values of an independent Pfaffian formula in 600 bits and more."""
    t = np.array([math.sqrt(x)])
    assert singular_value_density(t, n, p)[0] / (2 * t[0]) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_wishart_density_of_two_columns_against_its_joint_density(n):
    """p = 2: |x - y| (x y)^((n-3)/2) exp(-(x + y)/2) integrated over y, by quadrature."""

    def joint(y, x):
        return abs(x - y) * (x * y) ** ((n - 3) / 2) * math.exp(-(x + y) / 2)

    def marginal(x):
        return quad(joint, 0, x, (x,))[0] + quad(joint, x, np.inf, (x,))[0]

    normalisation = 2**n * math.gamma(n / 2) * math.gamma((n - 1) / 2) * 2 / math.sqrt(math.pi)
    for x in (0.5, 2.0, 9.0):
        t = np.array([math.sqrt(x)])
        expected = 4 * t * marginal(x) / normalisation
        np.testing.assert_allclose(singular_value_density(t, n, 2), expected, rtol=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (10, 1), (30, 30), (31, 30), (80, 60), (500, 20)])
def test_the_limit_law_misplaces_at_most_a_quarter_of_an_eigenvalue(shape):
    """What verdicts on laws of large networks allow, at the sizes that they are of and others."""
    n, p = shape
    t, step = np.linspace(0, math.sqrt(n) + math.sqrt(p) + 9, 40_001, retstep=True)
    density = singular_value_density(t, n, p)
    count = np.append(0, np.cumsum(density[1:] + density[:-1]) * step / 2)
    assert count[-1] == pytest.approx(p, abs=1e-3)
    misplaced = np.abs(count - p * MarchenkoPastur(p / n).cdf(t**2 / n)).max()
    assert 0.05 < misplaced < 0.25


def test_more_columns_than_rows_are_refused():
    with pytest.raises(ValueError, match=r"^p must be at most n = 2, not 3: transpose the matrix"):
        singular_value_density(np.array([1.0]), 2, 3)
