"""Bad input to the library: named with its value, before any random number is drawn.

Bad values are generated from the kind of each argument.
"""

import inspect
import re

import numpy as np
import pytest
from bad_values import INF, NAN, NO_NUMBERS, SHELL, TEXTS
from calls import CALLS, INNER, INPUTS, TAKING
from scipy.sparse.linalg import LinearOperator

from nearopt import Erf, TwoLayer
from nearopt.network.activations import Polynomial
from nearopt.network.kernels import Activation

pytestmark = pytest.mark.usefixtures("untouched_checkout", "untouched_folder")


def name_of(function):
    module = inspect.unwrap(function).__module__.removeprefix("nearopt.")
    return f"{module}.{function.__qualname__}"


def bad_arrays(array):
    """Return arrays like a good one, each wrong in its own way."""
    wrong = [None, SHELL, [[1.0], [1.0, 2.0]], [], array[None], array.astype(complex)]
    wrong += [array.astype(str), np.full(array.shape, None)]
    for value in (NAN, INF):
        spoilt = array.astype(float)
        spoilt.flat[0] = value
        wrong.append(spoilt)
    return wrong


def bad_values(good):
    """Return what may not stand in the place of a good argument."""
    if isinstance(good, np.random.Generator):
        return [None, 0, SHELL, np.random.RandomState(0)]
    if isinstance(good, TwoLayer):
        return [None, 3, SHELL, TwoLayer, good.W1]
    if isinstance(good, LinearOperator):
        return [None, 3, SHELL, good @ np.eye(len(good.net.parameters))]
    if isinstance(good, Activation):
        others = [Erf()] if isinstance(good, Polynomial) else []
        return [None, 3, SHELL, Erf, *others]
    if hasattr(good, "cdf"):
        return [None, 3, SHELL]
    if isinstance(good, bool) or callable(good):
        return []
    if isinstance(good, int):
        return [*NO_NUMBERS, 1.5, 10**400]
    if isinstance(good, float):
        return [*NO_NUMBERS, 10**400, 1e-200, 1e200]
    if isinstance(good, str):
        return [None, 3, *TEXTS]
    if isinstance(good, list) and isinstance(good[0], int):
        return [None, 3, SHELL, [], [1.5], [0], [-1], [NAN], ["2"]]
    others = [INPUTS[:, :1]] if good is INPUTS else []
    return [*bad_arrays(good), *others] if isinstance(good, np.ndarray) else []


# What an error calls an argument by another name; what summary calls a spectrum may be any text.
CALLED = {"path": "inputs", "name": "sweep", "fraction": "fractions"}
FREE = {("descent.prediction.summary", "name")}
ARGUMENTS = [
    pytest.param(function, argument, id=f"{name_of(function)}-{argument}")
    for function, arguments in CALLS.items()
    for argument, good in arguments.items()
    if (name_of(function), argument) not in FREE and bad_values(good)
]


def call(function, arguments, rng):
    """Call with this generator in the place of any."""
    generator = np.random.Generator
    given = {name: rng if isinstance(v, generator) else v for name, v in arguments.items()}
    function(**given)


@pytest.mark.parametrize("function", CALLS, ids=name_of)
def test_each_call_is_valid(function):
    if name_of(function) != "report.files.load_inputs":
        call(function, CALLS[function], np.random.default_rng(5))


def test_what_is_left_out_is_public():
    assert INNER.keys() <= TAKING.keys()


@pytest.mark.parametrize(("function", "argument"), ARGUMENTS)
def test_a_bad_argument_is_named_with_its_value_before_anything_is_drawn(function, argument):
    good = CALLS[function][argument]
    optional = inspect.signature(function).parameters[argument].default is None
    for value in bad_values(good):
        if value is None and optional:
            continue
        rng = np.random.default_rng(5)
        before = rng.bit_generator.state
        with pytest.raises((TypeError, ValueError)) as caught:
            call(function, CALLS[function] | {argument: value}, rng)
        assert rng.bit_generator.state == before, value
        message = str(caught.value)
        assert re.search(rf"\b({argument}|{CALLED.get(argument, argument)})\b", message), message
        named = isinstance(value, str | int | float | None) and value != 10**400
        if named and not isinstance(good, np.ndarray):
            assert repr(value)[:80] in message
