"""The one set of cases: every activation, narrow and wide networks, one output and several."""

from nearopt import Erf, LeakyReLU, Linear, Polynomial, ReLU
from nearopt.network import smooth

SMOOTH = {name: g for name, g in vars(smooth).items() if isinstance(g, smooth.Smooth)}
ACTIVATIONS = {
    "linear": Linear(),
    "cubic": Polynomial((0.3, -1.0, 0.5, 0.2)),
    "erf": Erf(),
    "relu": ReLU(),
    "leaky": LeakyReLU(-0.3),
    **SMOOTH,
}
SHAPES = {"narrow": (2, 3), "square": (3, 3), "wide": (3, 2)}
OUTPUTS = {"one output": 1, "three outputs": 3}
# How many networks the fixture `net` makes of them.
NETWORKS = len(ACTIVATIONS) * len(SHAPES) * len(OUTPUTS)
