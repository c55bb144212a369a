"""The one place where input from outside is checked, so that formulas can stay formulas.

Every function takes the name of the argument that it checks and says it in its error.
"""

import math
from numbers import Integral, Real

import numpy as np
import psutil
from numpy.typing import ArrayLike, NDArray


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an int.

    Raises
    ------
    ValueError
        If `value` is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def positive_number(name: str, value: object) -> float:
    """Return `value` as a float.

    Raises
    ------
    ValueError
        If `value` is not a finite number above 0.
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a finite number above 0, not {value!r}")
    return float(value)


def finite_array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """Return `value` as a float64 array of the given shape, in which None stands for any size.

    Raises
    ------
    ValueError
        If `value` is not numeric and real, has another shape, an empty axis, or holds NaN or
        infinities.
    """
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers ({error})") from None
    if raw.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, not {raw.dtype}")
    fits = raw.ndim == len(shape) and all(
        have >= 1 and want in (None, have) for have, want in zip(raw.shape, shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, not {raw.shape}")
    if not np.isfinite(raw).all():
        raise ValueError(f"{name} must be finite: it holds NaN or infinity")
    return raw.astype(np.float64)


def require_memory(what: str, needed: float, instead: str) -> None:
    """Refuse a job that cannot fit, before it allocates anything.

    Parameters
    ----------
    what : str
        The job, as it is named in the error.
    needed : float
        Its peak memory in bytes.
    instead : str
        What serves instead.

    Raises
    ------
    MemoryError
        If less than `needed` is available.
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"{what} needs {needed / 2**30:.3g} GiB of memory and {available / 2**30:.3g} GiB "
            f"is available; {instead}"
        )
