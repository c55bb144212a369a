"""What is computed: one teacher, one batch and one vector for every tool."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nearopt import Erf, TwoLayer, tanh

Array = NDArray[np.float64]
SEED = 20251217


@dataclass(frozen=True)
class Case:
    """A teacher with erf and one output, weights N(0, 1), and what a tool needs of it.

    Parameters
    ----------
    hidden_dim, input_dim : int
        Nh and Ni.
    samples : int
        Size of the batch of those tools that need one, x ~ N(0, I).
    """

    hidden_dim: int
    input_dim: int
    samples: int = 20_000

    def __str__(self) -> str:
        widths = f"Nh = {self.hidden_dim}, Ni = {self.input_dim}"
        return f"{widths}, P = {self.parameter_count:,}"

    @property
    def parameter_count(self) -> int:
        """P = Nh (Ni + 1)."""
        return self.hidden_dim * (self.input_dim + 1)

    @cached_property
    def net(self) -> TwoLayer:
        """The teacher."""
        rng = np.random.default_rng(SEED)
        return TwoLayer.draw(self.input_dim, self.hidden_dim, activation=Erf(), rng=rng)

    @property
    def smooth(self) -> TwoLayer:
        """The teacher with tanh, whose kernels are integrated, and rows of length near 1."""
        return replace(self.net, activation=tanh, W1=self.net.W1 / np.sqrt(self.input_dim))

    @cached_property
    def inputs(self) -> Array:
        """The batch, shape (samples, input_dim)."""
        return np.random.default_rng(SEED + 1).standard_normal((self.samples, self.input_dim))

    @cached_property
    def vector(self) -> Array:
        """What Hessians are multiplied with, shape (P,), entries N(0, 1)."""
        return np.random.default_rng(SEED + 2).standard_normal(self.parameter_count)
