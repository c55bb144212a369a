"""Certificates as files: written once, read strictly, and enough to verify the proof again.

Weights are stored as the hexadecimal digits of the floats. What is read is held against a seal,
so damage is refused; who forges the seal as well is found out by `Certificate.verify`. Nothing in
a file is evaluated.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from flint import arb

from nearopt.network import smooth
from nearopt.network.activations import Erf, Polynomial
from nearopt.network.kernels import Activation
from nearopt.network.two_layer import TwoLayer
from nearopt.proof.balls import working_precision
from nearopt.proof.certificate import FIRST_PRECISION, Certificate, require_precision
from nearopt.proof.functions import SMOOTH, smooth_name

FORMAT = "nearopt certificate 1"
BALLS = ("determinant", "smallest_eigenvalue")
KEYS = {"format", "activation", "W1", "W2", "precision", "certified", "seal", *BALLS}
DIGITS = 20
# What FLINT prints for a ball, the whole line among them, with exponents that no computation
# leaves behind.
NUMBER = r"-?\d{1,40}(\.\d{1,40})?(e[+-]?\d{1,7})?"
BALL = re.compile(rf"{NUMBER}|\[\+/- ({NUMBER}|inf)\]|\[{NUMBER} \+/- {NUMBER}\]")


def save_certificate(certificate: Certificate, path: Path) -> None:
    """Write a certificate as JSON, the whole file or nothing; equal proofs give equal bytes.

    Balls are written in decimal, rounded outward.
    """
    net = certificate.net
    content = {
        "format": FORMAT,
        "activation": _describe(net.activation),
        "W1": [[weight.hex() for weight in row] for row in net.W1.tolist()],
        "W2": [[weight.hex() for weight in row] for row in net.W2.tolist()],
        "precision": certificate.precision,
        "certified": certificate.certified,
        **{name: getattr(certificate, name).str(DIGITS) for name in BALLS},
    }
    text = json.dumps(content | {"seal": _seal(content)}, indent=1, sort_keys=True) + "\n"
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def load_certificate(path: Path) -> Certificate:
    """Read a certificate back; `verify` of the result repeats its proof."""
    try:
        content = json.loads(Path(path).read_bytes())
        _require(isinstance(content, dict) and set(content) == KEYS, f"its keys must be {KEYS}")
        seal = content.pop("seal")
        _require(_seal(content) == seal, "it was changed after it was saved")
        return _read(content)
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"certificate {path} is refused: {error}; certify its network again"
        ) from None


def _read(content: dict[str, Any]) -> Certificate:
    _require(content["format"] == FORMAT, f"its format must be {FORMAT!r}")
    precision, certified = content["precision"], content["certified"]
    require_precision("its precision", precision)
    _require(isinstance(certified, bool), f"certified must be true or false, not {certified!r}")
    W1, W2 = (_matrix(content[name]) for name in ("W1", "W2"))
    net = TwoLayer(W1, W2, _activation(content["activation"]))
    balls = [_ball(content[name]) for name in BALLS]
    excludes = not any(ball.contains(0) for ball in balls)
    _require(excludes == certified, "its balls do not bear out whether it is certified")
    return Certificate(net, precision, certified, *balls)


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _weight(text: object) -> float:
    """Return the float that wrote itself as this text and no other."""
    exact = isinstance(text, str) and len(text) < 32 and float.fromhex(text).hex() == text
    _require(exact, f"{text!r} is no hexadecimal weight")
    return float.fromhex(text)


def _matrix(rows: object) -> list[list[float]]:
    _require(isinstance(rows, list) and all(isinstance(row, list) for row in rows), "no matrix")
    return [[_weight(text) for text in row] for row in rows]


def _ball(text: object) -> arb:
    _require(isinstance(text, str) and BALL.fullmatch(text) is not None, f"{text!r} is no ball")
    with working_precision(FIRST_PRECISION):
        return arb(text)


def _describe(activation: Activation) -> str | list[str]:
    """Return an activation as a name or, of a polynomial, its coefficients."""
    if isinstance(activation, Polynomial):
        return [c.hex() for c in activation.coefficients]
    return "erf" if isinstance(activation, Erf) else str(smooth_name(activation))


def _activation(description: object) -> Activation:
    if isinstance(description, list):
        return Polynomial(tuple(_weight(text) for text in description))
    known = isinstance(description, str) and description in ("erf", *SMOOTH)
    _require(known, f"unknown activation {description!r}")
    return Erf() if description == "erf" else getattr(smooth, description)
