"""The two-layer network y = W2 g(W1 x) that is teacher and student alike."""

from copy import copy
from dataclasses import dataclass
from typing import Self

import numpy as np

from nearopt.checks import (
    Array,
    finite_array,
    positive_integer,
    positive_number,
    require_generator,
    require_instance,
    require_memory,
)
from nearopt.network.kernels import Activation


@dataclass(frozen=True, eq=False)
class TwoLayer:
    """A network without biases, y = W2 g(W1 x).

    Parameters
    ----------
    W1 : array of shape (hidden_dim, input_dim)
        First layer; w_k is its row k.
    W2 : array of shape (output_dim, hidden_dim)
        Second layer.
    activation : Activation
        g, applied element by element.
    """

    W1: Array
    W2: Array
    activation: Activation

    def __post_init__(self) -> None:
        require_activation(self.activation)
        W1 = finite_array("W1", self.W1, (None, None))
        W2 = finite_array("W2", self.W2, (None, len(W1)))
        object.__setattr__(self, "W1", W1.copy())
        object.__setattr__(self, "W2", W2.copy())

    @classmethod
    def draw(
        cls,
        input_dim: int,
        hidden_dim: int,
        *,
        output_dim: int = 1,
        activation: Activation,
        sigma1: float = 1.0,
        sigma2: float = 1.0,
        rng: np.random.Generator,
    ) -> Self:
        """Draw a teacher: first W1 ~ N(0, sigma1^2), then W2 ~ N(0, sigma2^2), entry by entry."""
        input_dim = positive_integer("input_dim", input_dim)
        hidden_dim = positive_integer("hidden_dim", hidden_dim)
        output_dim = positive_integer("output_dim", output_dim)
        sigma1, sigma2 = positive_number("sigma1", sigma1), positive_number("sigma2", sigma2)
        require_activation(activation)
        require_generator(rng)
        count = hidden_dim * (input_dim + output_dim)
        require_memory(f"a network of {count} parameters", 24.0 * count, "draw a smaller one")
        W1 = sigma1 * rng.standard_normal((hidden_dim, input_dim))
        W2 = sigma2 * rng.standard_normal((output_dim, hidden_dim))
        return cls(W1, W2, activation)

    @property
    def input_dim(self) -> int:
        """Number of inputs, Ni."""
        return self.W1.shape[1]

    @property
    def hidden_dim(self) -> int:
        """Number of hidden units, Nh."""
        return self.W1.shape[0]

    @property
    def output_dim(self) -> int:
        """Number of outputs, No."""
        return self.W2.shape[0]

    @property
    def parameter_count(self) -> int:
        """P = hidden_dim (output_dim + input_dim)."""
        return self.W1.size + self.W2.size

    @property
    def parameters(self) -> Array:
        """All parameters, shape (P,): W2 row by row, then W1 row by row."""
        return np.concatenate([self.W2.ravel(), self.W1.ravel()])

    def with_parameters(self, parameters: Array) -> Self:
        """Return the network of the same shape and activation that has these parameters (P,)."""
        checked = finite_array("parameters", parameters, (self.parameter_count,))
        moved, (W2, W1) = copy(self), self.split(checked.copy())
        object.__setattr__(moved, "W1", W1)
        object.__setattr__(moved, "W2", W2)
        return moved

    def split(self, vector: Array) -> tuple[Array, Array]:
        """Return what a vector (P,) in the order of the parameters has on W2 and on W1."""
        size = self.W2.size
        return vector[:size].reshape(self.W2.shape), vector[size:].reshape(self.W1.shape)

    def __call__(self, inputs: Array) -> Array:
        """Return the outputs (samples, output_dim) at inputs of shape (samples, input_dim)."""
        inputs = finite_array("inputs", inputs, (None, self.input_dim))
        needed = 8.0 * len(inputs) * (3 * self.hidden_dim + self.output_dim)
        require_memory(f"outputs at {len(inputs)} inputs", needed, "use a smaller batch")
        return self.activation(inputs @ self.W1.T) @ self.W2.T

    def hidden(self, inputs: Array) -> tuple[Array, Array]:
        """Return g(u) and g'(u), u = W1 x, each (samples, hidden_dim), at checked inputs."""
        needed = 48.0 * len(inputs) * self.hidden_dim
        require_memory(f"a batch of {len(inputs)} inputs", needed, "use a smaller batch")
        u = inputs @ self.W1.T
        return self.activation(u), self.activation.derivative(u)

    def jacobian(self, inputs: Array) -> Array:
        r"""Return dy/dtheta, shape (samples, output_dim, P), at inputs (samples, input_dim).

        .. math::

            \frac{\partial y_o}{\partial W_{2,o'k}} = \delta_{oo'} \, g(w_k \cdot x), \qquad
            \frac{\partial y_o}{\partial w_k} = W_{2,ok} \, g'(w_k \cdot x) \, x.
        """
        inputs = finite_array("inputs", inputs, (None, self.input_dim))
        columns = 2 * self.output_dim * self.parameter_count + 4 * self.hidden_dim
        needed = 8.0 * len(inputs) * columns
        require_memory(f"the Jacobian at {len(inputs)} inputs", needed, "use a smaller batch")
        return assemble_jacobian(self.W2, inputs, *self.hidden(inputs))


def assemble_jacobian(W2: Array, inputs: Array, values: Array, slopes: Array) -> Array:
    """Return `TwoLayer.jacobian` from g(u) and g'(u) at the inputs; of floats or of balls."""
    outer = np.eye(len(W2))[None, :, :, None] * values[:, None, None, :]
    inner = (W2 * slopes[:, None, :])[..., None] * inputs[:, None, None, :]
    rows = (len(inputs), len(W2), -1)
    return np.concatenate([outer.reshape(rows), inner.reshape(rows)], axis=-1)


def require_activation(activation: object) -> None:
    """Refuse what is no activation, by a ValueError."""
    if isinstance(activation, type) or not isinstance(activation, Activation):
        raise ValueError(
            "activation must have the methods of nearopt.network.Activation, such as Erf(), "
            f"not {activation!r}"
        )


def require_network(name: str, value: object) -> None:
    """Refuse what is no network."""
    require_instance(name, value, TwoLayer, "TwoLayer.draw makes")
