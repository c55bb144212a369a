"""An activation by its name, or one's own: the one place where code of the user's is run."""

import runpy

from nearopt.checks import require_instance
from nearopt.network.activations import Erf, ReLU
from nearopt.network.kernels import Activation
from nearopt.network.smooth import gelu, sigmoid, sin, softplus, tanh
from nearopt.network.two_layer import require_activation
from nearopt.report.files import find_file

SHIPPED = {"erf": Erf(), "relu": ReLU(), "tanh": tanh, "sigmoid": sigmoid}
SHIPPED |= {"softplus": softplus, "gelu": gelu, "sin": sin}


def load_activation(activation: str) -> Activation:
    """Return an activation, and print which.

    Parameters
    ----------
    activation : str
        A key of `SHIPPED`; or ``file.py:name``, a file that is run as a program, and what it calls
        the activation. A relative path is looked for in the working directory and in the checkout,
        if there is one.
    """
    require_instance("activation", activation, str, "'gelu' or 'own.py:name'")
    path, _, name = activation.rpartition(":")
    if path.endswith(".py"):
        made = runpy.run_path(str(find_file("activation", path)))
        if name not in made:
            there = ", ".join(key for key in made if not key.startswith("__"))
            raise ValueError(f"activation {activation!r}: {path} has {there}, but no {name!r}")
    else:
        made, name = SHIPPED, activation
        if name not in made:
            known = ", ".join(made)
            raise ValueError(f"activation {name!r} must be one of {known}, or 'file.py:name'")
    require_activation(made[name])
    print(f"own: {activation}")
    return made[name]
