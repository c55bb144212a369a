"""The laws of the Hessian's eigenvalues for linear networks on white inputs.

With one output, one that is not zero is |W2|^2 plus an eigenvalue of W1^T W1, and the two are
independent. The first is sigma2^2 times a chi-square variable; the second follows, for large
networks, a scaled Marchenko-Pastur law, which gives the paper's law, and at any size the mean
density of a Wishart matrix, which gives the exact one. All are scipy.stats distributions.
"""

from nearopt.checks import positive_integer
from nearopt.laws.squares import ChiSquare, MarchenkoPasturSquare, WishartSquare
from nearopt.laws.sums import SumLaw


class LinearHessianLaw(SumLaw):
    r"""Law of a nonzero Hessian eigenvalue of large linear networks (the paper's result).

    A chi-square law convolved with a Marchenko-Pastur law: for N_i inputs, N_h hidden units, and
    X and Y independent,

    .. math::

        \lambda = \sigma_2^2 X + \sigma_1^2 N_h Y, \qquad
        X \sim \chi^2_{N_h}, \quad Y \sim \mathrm{MP}(N_i / N_h).

    Parameters
    ----------
    input_dim, hidden_dim : int
        Sizes of the network, which has one output.
    sigma1, sigma2 : float
        Standard deviations of the weights W1 and W2.

    Attributes
    ----------
    atom : float
        Weight of the purely chi-square part: 1 - hidden_dim / input_dim if that is positive.

    Raises
    ------
    ArithmeticError
        If the law is not resolved, or the total probability is not 1 to 1e-10: scales or sizes are
        too unequal.

    Notes
    -----
    To nine digits: `logpdf` everywhere, `cdf` and `sf` where they are above 1e-290, `ppf` and `isf`
    at probabilities above that. `pdf`, which is faster, is accurate in relation to its maximum.
    But for the rounding of x itself: at a relative distance d from an edge of the law, or of its
    Marchenko-Pastur part, a tail cannot be known better than to 1e-15 / d.
    """

    _square = MarchenkoPasturSquare

    def __init__(
        self, input_dim: int, hidden_dim: int, sigma1: float = 1.0, sigma2: float = 1.0
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.hidden_dim = positive_integer("hidden_dim", hidden_dim)
        square = self._square(self.hidden_dim, self.input_dim)
        self.atom = square.atom
        super().__init__(square, ChiSquare(self.hidden_dim), sigma1, sigma2)


class FiniteLinearHessianLaw(LinearHessianLaw):
    """Law of a nonzero Hessian eigenvalue of linear networks of exactly these sizes.

    sigma2^2 chi2(hidden_dim) convolved with the mean density of the eigenvalues of W1^T W1, a
    real Wishart matrix (`nearopt.laws.wishart`). Parameters, attributes, errors and digits are
    those of `LinearHessianLaw`, which is its limit. A linear network is often written the other
    way round, so: W1 has hidden_dim rows. A MemoryError where its table does not fit.
    """

    _square = WishartSquare


class OutputsHessianLaw(SumLaw):
    r"""Law of a Hessian eigenvalue of large linear networks with several outputs.

    With M = W2 W1 they are those of the Kronecker sum of W2 W2^T and W1^T W1: every eigenvalue of
    the one plus every eigenvalue of the other (Singh, Bachmann and Hofmann 2021). For N_i inputs,
    N_h hidden units, N_o outputs, and X and Y independent,

    .. math::

        \lambda = \sigma_1^2 N_h X + \sigma_2^2 N_h Y, \qquad
        X \sim \mathrm{MP}(N_i / N_h), \quad Y \sim \mathrm{MP}(N_o / N_h).

    Parameters
    ----------
    input_dim, hidden_dim, output_dim : int
        Sizes of the network.
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
    Digits are those of `LinearHessianLaw`.
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
