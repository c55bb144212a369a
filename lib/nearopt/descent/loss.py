"""The loss of a student at any place, E|y - y*|^2 / 2, and its gradient, without sampling.

There are two ways to the same numbers. The closed form holds at any distance, but takes numbers of
order 1 from each other, so that it knows no loss below 1e-16. `near_loss` adds up what the output
changes by on the way from the teacher to the student: it knows losses down to the rounding of
lambda_max |delta|^2, delta the difference of the parameters. `population_loss` takes the second way
where the first has lost its digits. `batch_loss` is the loss on given inputs.
"""

import numpy as np
from numpy.typing import ArrayLike

from nearopt.checks import Array, finite_array, positive_integer
from nearopt.hessian.operators import hessian_product, transposed_jacobian_product
from nearopt.laws.tails import legendre
from nearopt.network.inputs import ColouredInputs
from nearopt.network.kernels import blocks
from nearopt.network.two_layer import TwoLayer, require_network

EPS = np.finfo(np.float64).eps


def check_pair(student: TwoLayer, teacher: TwoLayer) -> None:
    """Refuse what are not networks of one shape and activation."""
    require_network("student", student)
    require_network("teacher", teacher)
    for name in ("W1", "W2"):
        have, want = getattr(student, name).shape, getattr(teacher, name).shape
        if have != want:
            raise ValueError(f"student.{name} must have shape {want}, not {have}")
    if student.activation != teacher.activation:
        raise ValueError(
            f"student and teacher must have the same activation, not {student.activation} and "
            f"{teacher.activation}"
        )


def _difference(student: TwoLayer, teacher: TwoLayer) -> tuple[Array, Array]:
    """Return the rows of W1 and the outer weights of y - y*, one network of the units of both."""
    return np.concatenate([student.W1, teacher.W1]), np.hstack([student.W2, -teacher.W2])


def population_loss(
    student: TwoLayer, teacher: TwoLayer, input_covariance: ArrayLike | None = None
) -> float:
    r"""Loss of a student on Gaussian inputs.

    Parameters
    ----------
    student, teacher : TwoLayer
        Of the same shape and activation.
    input_covariance : array of shape (input_dim, input_dim), optional
        Sigma of the inputs x ~ N(0, Sigma); white if it is left out.

    Notes
    -----
    y - y* is one network of the hidden units of both, with outer weights B = [W2, -W2*], so that

    .. math:: L = \tfrac12 \operatorname{tr}(B K_{00} B^\top)

    with K00 the kernel of all units (Saad and Solla 1995, for erf). It has eight digits, or an
    error of about 1e-16 times the sum of |B_k B_l K00(k, l)|, what single units contribute,
    whichever is less; near the teacher that of `near_loss`, where its nodes agree.
    """
    check_pair(student, teacher)
    pair = student, teacher
    if input_covariance is not None:
        inputs = ColouredInputs(input_covariance)
        pair = inputs.whitened(student), inputs.whitened(teacher)
    W1, B = _difference(*pair)
    terms = B.T @ B * blocks(student.activation, W1).values
    loss, rounding = float(terms.sum() / 2), EPS * float(np.abs(terms).sum())
    if loss > 1e8 * rounding:
        return loss
    few, many = (near_loss(student, teacher, nodes, input_covariance) for nodes in (2, 4))
    return many if abs(many - few) <= rounding else loss


def population_gradient(
    student: TwoLayer, teacher: TwoLayer, input_covariance: ArrayLike | None = None
) -> Array:
    r"""Gradient of `population_loss` with respect to the student, of shape (P,).

    Notes
    -----
    With the units and outer weights B of both networks as in `population_loss`, k a unit of the
    student, l any unit and M = W2^T B, Stein's lemma gives, for white inputs,

    .. math::

        \partial L / \partial W_{2,ok} &= \sum_l K_{00}(k, l) B_{ol} \\
        \partial L / \partial w_k &= \sum_l M_{kl} \, (K_{11}(k, l) w_l + K_{20}(k, l) w_k)

    where K11 w_l + K20 w_k is own a_l + other a_k of (l, k) in `nearopt.network.kernels`,
    and for coloured inputs D times that of the whitened networks (`nearopt.network.inputs`).
    """
    check_pair(student, teacher)
    if input_covariance is not None:
        inputs = ColouredInputs(input_covariance)
        white = population_gradient(inputs.whitened(student), inputs.whitened(teacher))
        return inputs.lift(student, white)
    W1, B = _difference(student, teacher)
    made, own = blocks(student.activation, W1), slice(student.hidden_dim)
    M = student.W2.T @ B
    outer = B @ made.values[:, own]
    inner = (M * made.own.T[own]) @ made.unit
    inner += (M * made.other.T[own]).sum(1)[:, None] * made.unit[own]
    return np.concatenate([outer.ravel(), inner.ravel()])


def _product_along_path(
    student: TwoLayer, teacher: TwoLayer, nodes: int, input_covariance: ArrayLike | None
) -> tuple[TwoLayer, Array, Array]:
    """Return one network of the units at all nodes of the path, a direction, and H direction.

    The derivative of the network's output in this direction is y - y*. The units of the student
    come first, and the direction does not move them; H is the network's Hessian.
    """
    check_pair(student, teacher)
    s, weights = legendre(positive_integer("nodes", nodes))
    s, weights = np.append(1.0, s), np.append(0.0, weights)
    dW1, dW2 = student.W1 - teacher.W1, student.W2 - teacher.W2
    W1 = np.concatenate([teacher.W1 + node * dW1 for node in s])
    W2 = np.hstack([teacher.W2 + node * dW2 for node in s])
    joint = TwoLayer(W1, W2, student.activation)
    moves = weights[:, None] * dW2[:, None], np.multiply.outer(weights, dW1)
    direction = np.concatenate([move.ravel() for move in moves])
    inputs = None if input_covariance is None else ColouredInputs(input_covariance)
    return joint, direction, hessian_product(joint, direction, inputs)


def near_loss(
    student: TwoLayer, teacher: TwoLayer, nodes: int = 3, input_covariance: ArrayLike | None = None
) -> float:
    """Loss of a student near its teacher, to rounding of lambda_max |delta|^2.

    Parameters
    ----------
    student, teacher, input_covariance
        As for `population_loss`.
    nodes : int
        Gauss-Legendre nodes on the path. For a polynomial g of degree below 2 nodes the result
        is exact. For incoming weights that differ by d, its relative error falls like
        d^(2 nodes) for other analytic g, and like d only for a rectifier, whose kink passes
        some inputs between two nodes.

    Notes
    -----
    With delta = theta - theta* and J = dy/dtheta, y - y* is the integral of J(theta* + s delta)
    delta over 0 <= s <= 1. With nodes s_i, weights c_i and direction (c_i delta)_i, this is the
    derivative of the network that has the units of all nodes; so the loss is half the quadratic
    form of that network's Hessian, in which everything is of the order of delta^2.
    """
    _, direction, product = _product_along_path(student, teacher, nodes, input_covariance)
    return float(direction @ product) / 2


def near_gradient(
    student: TwoLayer, teacher: TwoLayer, nodes: int = 3, input_covariance: ArrayLike | None = None
) -> Array:
    """Gradient of the loss for the student, shape (P,), to rounding of lambda_max |delta|.

    Everything as for `near_loss`: E[J^T (y - y*)] are the rows that belong to the student in the
    Hessian product of the joint network.
    """
    joint, _, product = _product_along_path(student, teacher, nodes, input_covariance)
    on_W2, on_W1 = joint.split(product)
    own = slice(student.hidden_dim)
    return np.concatenate([on_W2[:, own].ravel(), on_W1[own].ravel()])


def batch_loss(student: TwoLayer, teacher: TwoLayer, inputs: Array) -> float:
    """Loss of a student on given inputs of shape (samples, input_dim), a mean over samples."""
    check_pair(student, teacher)
    return float(((student(inputs) - teacher(inputs)) ** 2).sum(1).mean() / 2)


def batch_gradient(student: TwoLayer, teacher: TwoLayer, inputs: Array) -> Array:
    """Gradient of `batch_loss` with respect to the student, E[J^T (y - y*)], shape (P,)."""
    check_pair(student, teacher)
    inputs = finite_array("inputs", inputs, (None, teacher.input_dim))
    hidden = student.hidden(inputs)
    residual = (hidden[0] @ student.W2.T - teacher(inputs)) / len(inputs)
    return transposed_jacobian_product(student, inputs, hidden, residual)
