"""The one place where input from outside is checked, so that formulas can stay formulas.

Every function takes the name of the argument that it checks and says it in its error.
"""

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import psutil
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Beyond these, powers of a scale leave the range of floats.
SMALLEST, LARGEST = 1e-30, 1e30
# Bytes that are always there, so that it costs nothing to ask for them in each step of descent.
ALWAYS_THERE = 2**20


def require_instance(name: str, value: object, kind: type, such_as: str) -> None:
    """Refuse what is not of a class.

    Raises
    ------
    TypeError
        If `value` is not an instance of `kind`; `such_as` says how to get one.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, such as {such_as}, not {value!r:.80}")


def require_generator(rng: object) -> None:
    """Refuse what is no source of random numbers, a seed above all.

    Raises
    ------
    TypeError
        If `rng` is not a numpy Generator.
    """
    require_instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an int.

    Raises
    ------
    ValueError
        If `value` is not a whole number of at least 1, or longer than any array.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r:.80}")
    if value > sys.maxsize:
        raise ValueError(f"{name} must be at most {sys.maxsize}, not {hex(value):.80}")
    return int(value)


def positive_integers(name: str, values: object) -> list[int]:
    """Return a sequence of whole numbers as a list of int.

    Raises
    ------
    ValueError
        If it is empty, no sequence, or not of whole numbers of at least 1.
    """
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str) or not len(values):
        raise ValueError(f"{name} must be a sequence of whole numbers, not {values!r:.80}")
    return [positive_integer(f"{name}[{i}]", value) for i, value in enumerate(values)]


def positive_number(name: str, value: object) -> float:
    """Return `value` as a float.

    Raises
    ------
    ValueError
        If `value` is not a finite number above 0, or so far from 1 that its powers are not.
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, not {value!r:.80}")
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"{name} must be from {SMALLEST:g} to {LARGEST:g}, not {value!r:.80}")
    return float(value)


def finite_array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> Array:
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


def _available() -> int:
    """Return the bytes left to this process: the machine's, or its own limit's (ulimit -v)."""
    available = psutil.virtual_memory().available
    if not hasattr(psutil, "RLIMIT_AS"):
        return available
    process = psutil.Process()
    limit, _ = process.rlimit(psutil.RLIMIT_AS)
    return available if limit < 0 else min(available, limit - process.memory_info().vms)


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
    if needed <= ALWAYS_THERE:
        return
    available = _available()
    if needed > available:
        raise MemoryError(
            f"{what} needs {needed / 2**30:.3g} GiB of memory and {available / 2**30:.3g} GiB "
            f"is available; {instead}"
        )
