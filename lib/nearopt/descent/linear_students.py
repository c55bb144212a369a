"""Real gradient descent of many linear students at once, each with its own teacher."""

import math

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import trange

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_number,
    require_generator,
    require_memory,
)


def descend_linear_students(
    input_dim: int,
    hidden_dim: int,
    teachers: int,
    *,
    rate: float,
    steps: NDArray[np.int64],
    epsilon: float,
    sigma1: float = 1.0,
    sigma2: float = 1.0,
    rng: np.random.Generator,
    progress: bool = False,
) -> Array:
    """Draw linear teachers of one output, and return losses (teachers, records) of students near.

    Parameters
    ----------
    input_dim, hidden_dim, teachers : int
        Sizes of a network and the number of teachers.
    rate, steps : float, array of shape (records,)
        Step size, and the steps after which the losses are recorded, ascending.
    sigma1, sigma2, epsilon : float
        Standard deviations of the teachers' weights W1 and W2 and of each parameter's deviation.
    rng : Generator
        Source of weights and deviations.
    progress : bool
        Show a progress bar.

    Notes
    -----
    Each student descends from its own place, and its loss is half the squared distance of W2 W1
    from the teacher's. Deviations (alpha, V) are followed, not weights: with e, that of the
    product, nothing cancels in the gradient (W1 + V) e and (W2 + alpha)^T e.
    """
    require_generator(rng)
    shape = [positive_integer("teachers", teachers), positive_integer("hidden_dim", hidden_dim)]
    wide = [*shape, positive_integer("input_dim", input_dim)]
    rate, epsilon = positive_number("rate", rate), positive_number("epsilon", epsilon)
    sigma1, sigma2 = positive_number("sigma1", sigma1), positive_number("sigma2", sigma2)
    steps = finite_array("steps", steps, (None,))
    if steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise ValueError("steps must be ascending from 0 or above")
    if (steps % 1 != 0).any():
        raise ValueError(f"steps must be whole numbers, unlike {steps[steps % 1 != 0][0]:g}")
    needed = 8.0 * (6 * math.prod(wide) + shape[0] * len(steps))
    require_memory(f"{shape[0]} students of {wide[1]} x {wide[2]} weights", needed, "take fewer")
    W2, W1 = sigma2 * rng.standard_normal(shape), sigma1 * rng.standard_normal(wide)
    alpha, V = epsilon * rng.standard_normal(shape), epsilon * rng.standard_normal(wide)
    losses: list[Array] = []
    for step in trange(int(steps[-1]) + 1, disable=not progress, desc="linear students"):
        student = W1 + V
        e = (alpha[:, None] @ student + W2[:, None] @ V)[:, 0]
        if step == steps[len(losses)]:
            losses.append((e**2).sum(1) / 2)
        V = V - rate * (W2 + alpha)[:, :, None] * e[:, None]
        alpha = alpha - rate * (student @ e[:, :, None])[:, :, 0]
    return np.stack(losses, axis=1)
