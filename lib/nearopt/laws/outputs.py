"""The law of the Hessian's eigenvalues for linear networks with several outputs.

With M = W2 W1 the eigenvalues are those of the Kronecker sum of W2 W2^T and W1^T W1: every
eigenvalue of the one plus every eigenvalue of the other (Singh, Bachmann and Hofmann 2021).
"""

from nearopt.checks import positive_integer
from nearopt.laws.squares import MarchenkoPasturSquare
from nearopt.laws.sums import SumLaw


class OutputsHessianLaw(SumLaw):
    r"""Law of a Hessian eigenvalue of large linear networks with several outputs.

    The convolution of two Marchenko-Pastur laws: for N_i inputs, N_h hidden units, N_o outputs,
    and X and Y independent,

    .. math::

        \lambda = \sigma_1^2 N_h X + \sigma_2^2 N_h Y, \qquad
        X \sim \mathrm{MP}(N_i / N_h), \quad Y \sim \mathrm{MP}(N_o / N_h).

    Parameters
    ----------
    input_dim, hidden_dim, output_dim : int
        Sizes of the network, whose inputs are white.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.

    Attributes
    ----------
    atom : float
        Probability of the value 0 among all input_dim * output_dim eigenvalues that a linear
        network can have: 1 less the rank / (input_dim * output_dim). `pdf` leaves it out; `cdf`,
        `ppf`, `rvs` and `stats` have it.

    Notes
    -----
    Digits are those of `LinearHessianLaw`, but for the rounding of x itself: at a relative
    distance d from an edge of the law, a tail cannot be known better than to 1e-15 / d.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        output_dim: int,
        sigma1: float = 1.0,
        sigma2: float = 1.0,
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        self.output_dim = positive_integer("output_dim", output_dim)
        inner = MarchenkoPasturSquare(self.hidden_dim, self.input_dim)
        outer = MarchenkoPasturSquare(self.hidden_dim, self.output_dim)
        self.atom = inner.atom * outer.atom
        super().__init__(inner, outer, sigma1, sigma2)
