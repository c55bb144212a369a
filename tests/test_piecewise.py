import math

import numpy as np
import pytest

from nearopt.laws.piecewise import tabulate


def test_tabulation_follows_kinks_and_oscillations():
    def function(x):
        return np.sqrt(np.abs(x - 1)) + np.sin(40 * x)

    x = np.linspace(0, 3, 5000)
    table = tabulate(function, np.array([0.0, 1.0, 3.0]))
    away = np.abs(x - 1) > 1e-6
    np.testing.assert_allclose(table(x)[away], function(x)[away], atol=1e-11)
    area = (2 / 3) * (1 + 2**1.5) + (1 - math.cos(120)) / 40
    assert table.integrate(0, 3) == pytest.approx(area, rel=1e-11)


def test_tabulation_gives_up_on_noise():
    noise = np.random.default_rng(5)
    with pytest.raises(ArithmeticError, match="less accurate than that"):
        tabulate(lambda x: 1 + 1e-9 * noise.standard_normal(x.shape), np.array([0.0, 1.0]))
