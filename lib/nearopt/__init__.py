"""The Hessian of two-layer networks near the optimal point: spectra, ranks and descent.

Where a thing is:

networks and inputs
    `activations`, `smooth`, `network`, `coloured`, `data`
the Hessian and its eigenvalues
    `hessian`, `operators`, `hermite`, `spectrum`, `lanczos`, `partial_spectrum`
spectra of many teachers
    drawn: `ensemble`; in theory: `laws`, `laws_inputs`, `laws_outputs`, which are made of
    `sum_law`, `wishart`, `deterministic_equivalent` and `piecewise`; one against the other:
    `empirical`
ranks
    counted: `rank`, `modular`, `recovery`; in theory: `rank_theory`, `rank_bounds`,
    `double_points`; one against the other: `rank_scan`
full rank
    proved: `certify`, `certificate_file`, `witness`, `graded`, `survey`, with `balls`,
    `ball_functions`, `ball_integrals`, `definite`; in theory: `irreducible`, `eigenvalue_bound`
descent
    as it runs: `loss`, `descent`, `linear_descent`; in theory: `prediction`, `linear_prediction`,
    `timescales`; one against the other: `comparison`
slow second ways to all of it
    `reference`
what surrounds the formulas
    `checks`, `parameters`, `results`, `sweep`, `style`, `exploration`, `figures_linear`,
    `figures_rank`, `figures_certify`, `figures_descent`, `figures_inputs`, `figures_sweep`

What a function cannot work with it refuses before it works, naming the argument, its value and what
is allowed: by a TypeError where an object is of another class (a seed instead of a Generator), by a
ValueError where a number, an array or a text is not allowed, and by a MemoryError, with need and
have, where the job does not fit.
"""

from nearopt.activations import Erf, LeakyReLU, Linear, Polynomial, ReLU
from nearopt.network import TwoLayer

__all__ = ["Erf", "LeakyReLU", "Linear", "Polynomial", "ReLU", "TwoLayer"]
