"""The one place where input from outside is checked, so that formulas can stay formulas.

Every function takes the name of the argument that it checks and says it in its error: a TypeError
where an object is of another class, a ValueError where a number or an array is not allowed, a
MemoryError where a job does not fit.
"""

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Beyond these, powers of a scale leave the range of floats.
SMALLEST, LARGEST = 1e-30, 1e30
# Bytes that are always there, so that it costs nothing to ask for them in each step of descent.
ALWAYS_THERE = 2**26
# Where Linux says which control groups a process is in, and what a group may have, uses and could
# give back: of the first version for "memory", of the second without a controller's name.
GROUPS, CGROUP = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
FILES = {
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    "": ("memory.max", "memory.current", "inactive_file"),
}


def require_instance(name: str, value: object, kind: type, such_as: str) -> None:
    """Refuse what is not of a class; `such_as` says how to get one."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, such as {such_as}, not {value!r:.80}")


def require_generator(rng: object) -> None:
    """Refuse what is no source of random numbers, a seed above all."""
    require_instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")


def positive_integer(name: str, value: object) -> int:
    """Return a whole number of at least 1, no longer than any array, as an int."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r:.80}")
    if value > sys.maxsize:
        raise ValueError(f"{name} must be at most {sys.maxsize}, not {hex(value):.80}")
    return int(value)


def positive_integers(name: str, values: object) -> list[int]:
    """Return a sequence of whole numbers, which is not empty, as a list of int."""
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str) or not len(values):
        raise ValueError(f"{name} must be a sequence of whole numbers, not {values!r:.80}")
    return [positive_integer(f"{name}[{i}]", value) for i, value in enumerate(values)]


def positive_number(name: str, value: object) -> float:
    """Return a number above 0, not so far from 1 that its powers leave the floats, as a float."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, not {value!r:.80}")
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"{name} must be from {SMALLEST:g} to {LARGEST:g}, not {value!r:.80}")
    return float(value)


def finite_array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return finite real numbers as a float64 array of the given shape; None is any size above 0.

    A float64 array is returned as it is, not copied.
    """
    if np.ma.isMaskedArray(value):
        raise ValueError(f"{name} must not be a masked array: fill it, or drop what is masked")
    try:
        raw = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # Lists of lists; tensors of torch.
        raise ValueError(f"{name} must be a rectangular array of numbers ({error})") from None
    if raw.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, not {raw.dtype}")
    fits = raw.ndim == len(shape) and all(
        have >= 1 and want in (None, have) for have, want in zip(raw.shape, shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, not {raw.shape}")
    # A minimum is NaN where any number is, and takes no memory.
    if not (math.isfinite(raw.min()) and math.isfinite(raw.max())):
        raise ValueError(f"{name} must be finite: it holds NaN or infinity")
    return raw.astype(np.float64, copy=False)


def _room(group: Path, limit: str, usage: str, idle: str) -> float:
    """Return the bytes that a control group leaves, infinity where it sets no limit."""
    try:
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        used = int((group / usage).read_text()) - int(counts[idle])
        return int((group / limit).read_text()) - used
    except (OSError, ValueError, KeyError):
        return math.inf


def _container_room() -> float:
    """Return the bytes that the narrowest control group of this process leaves it."""
    groups = [line.split(":", 2)[1:] for line in GROUPS.read_text().splitlines()]
    return min(
        _room(CGROUP / controller / place.lstrip("/"), *FILES[controller])
        for controller, path in groups
        if controller in FILES
        for place in map(str, (Path(path), *Path(path).parents))
    )


def _available() -> float:
    """Return the bytes left to this process: the machine's, its container's or its ulimit's."""
    available = psutil.virtual_memory().available
    if GROUPS.exists():
        available = min(available, _container_room())
    if not hasattr(psutil, "RLIMIT_AS"):
        return available
    process = psutil.Process()
    limit, _ = process.rlimit(psutil.RLIMIT_AS)
    return available if limit < 0 else min(available, limit - process.memory_info().vms)


def require_memory(what: str, needed: float, instead: str) -> None:
    """Refuse a job that needs more bytes at its peak than there are; say what serves instead."""
    if needed <= ALWAYS_THERE:
        return
    available = _available()
    if needed > available:
        raise MemoryError(
            f"{what} needs {needed / 2**30:.3g} GiB of memory and {available / 2**30:.3g} GiB "
            f"is available; {instead}"
        )
