"""Ranks proved by witnesses: inputs at which the gradients of the parameters are independent.

The Hessian is E[J^T J]. If some columns of J are independent at a few inputs, they are so as
functions, and the Hessian's rank is at least their number. No kernel and no integral is needed.
"""

import numpy as np
from flint import acb

from nearopt.checks import Array, finite_array, positive_integer, require_generator, require_memory
from nearopt.hessian.null_space import homogeneous_degree
from nearopt.network.activations import Erf
from nearopt.network.two_layer import TwoLayer, assemble_jacobian, require_network
from nearopt.proof.balls import Balls, exact, to_matrix, working_precision
from nearopt.proof.certificate import COPIES, FIRST_PRECISION, require_precision
from nearopt.proof.definite import prove_definite
from nearopt.proof.functions import ball_function

# Inputs for each parameter.
SAMPLES = 4


def jacobian_rank(
    net: TwoLayer, *, rng: np.random.Generator, max_precision: int = 4096
) -> int | None:
    """Prove the rank of the Hessian at a teacher.

    Parameters
    ----------
    net : TwoLayer
        The teacher, of any activation that `ball_function` knows.
    rng : Generator
        Source of the inputs.
    max_precision : int
        Bits at which to give up.

    Returns
    -------
    int or None
        P, or P - hidden_dim if the activation is homogeneous and so cannot have more. None says
        that this was not proved at `max_precision` bits, never that the rank is less.
    """
    require_network("net", net)
    require_generator(rng)
    max_precision = require_precision("max_precision", max_precision)
    needed = 16 * net.output_dim * net.parameter_count**2 * (64.0 + FIRST_PRECISION / 8)
    what = f"a Jacobian of balls of {net.parameter_count} parameters"
    require_memory(what, needed, "use fewer units")
    kept = np.ones(net.parameter_count, dtype=bool)
    if homogeneous_degree(net.activation) is not None:
        strongest = np.abs(net.W2).argmax(0)
        kept[strongest * net.hidden_dim + np.arange(net.hidden_dim)] = False
    anywhere = rng.standard_normal((SAMPLES * net.parameter_count, net.input_dim))
    inputs = np.concatenate([anywhere, _beside_kinks(net, rng)])
    precision = FIRST_PRECISION
    while precision <= max_precision:
        with working_precision(precision):
            columns = to_matrix(_jacobian(net, inputs)[:, kept])
            if prove_definite(columns.transpose() * columns) is not None:
                return int(kept.sum())
        precision *= 2
    return None


def _beside_kinks(net: TwoLayer, rng: np.random.Generator) -> Array:
    """Return inputs on both sides of each hyperplane w_k.x = 0, nearer to it than to another.

    There may be no random one between two hyperplanes that are almost the same.
    """
    norms = np.linalg.norm(net.W1, axis=1, keepdims=True)
    normals = net.W1 / np.where(norms > 0, norms, 1.0)
    points = rng.standard_normal((net.hidden_dim, net.input_dim, net.input_dim))
    points -= np.einsum("kij,kj->ki", points, normals)[..., None] * normals[:, None]
    slopes = np.abs(normals @ net.W1.T)
    room = np.abs(points @ net.W1.T) / np.maximum(slopes, np.finfo(float).tiny)[:, None]
    own = np.arange(net.hidden_dim)
    room[own, :, own] = 2.0
    steps = np.minimum(room.min(2), 2.0)[..., None] / 2 * normals[:, None]
    return np.concatenate([points - steps, points + steps]).reshape(-1, net.input_dim)


def certify_batch_ranks(net: TwoLayer, inputs: Array, bits: int = 256) -> bool:
    """Whether it is proved that batches of the first N inputs have rank min(N, P) for every N.

    The Jacobian at P inputs is a square matrix. Its entries are enclosed in balls, weights and
    inputs being the rationals that the floats are; if the determinant's ball excludes 0, the rows
    are independent, and so are those of every smaller batch. False says nothing: more bits may
    prove it.

    Parameters
    ----------
    net : TwoLayer
        With the activation `Erf` and one output.
    inputs : array of shape (P, input_dim)
        As many inputs as parameters.
    bits : int
        Working precision.
    """
    require_network("net", net)
    if not isinstance(net.activation, Erf) or net.output_dim != 1:
        raise ValueError(f"needs Erf and one output, not {net.activation} and {net.output_dim}")
    inputs = finite_array("inputs", inputs, (net.parameter_count, net.input_dim))
    if positive_integer("bits", bits) < 2:
        raise ValueError("bits must be at least 2, not 1")
    needed = COPIES * inputs.shape[0] ** 2 * (64.0 + bits / 8)
    require_memory(f"balls of {bits} bits", needed, "take fewer bits or a smaller network")
    with working_precision(bits):
        return not to_matrix(_jacobian(net, inputs)).det().contains(0)


def _jacobian(net: TwoLayer, inputs: Array) -> Balls:
    """Enclose dy/dtheta, shape (samples * output_dim, P), as `TwoLayer.jacobian`."""
    value, slope = (
        np.frompyfunc(lambda u, f=f: f(acb(u)).real, 1, 1) for f in ball_function(net.activation)
    )
    x, W2 = exact(inputs), exact(net.W2)
    u = x @ exact(net.W1).T
    return assemble_jacobian(W2, x, value(u), slope(u)).reshape(-1, net.parameter_count)
