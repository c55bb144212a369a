import contextlib
import hashlib
import json
import math
import time

import flint
import mpmath
import numpy as np
import pytest
from many_digits import mpmath_erf_hessian

from nearopt import Erf, Polynomial, ReLU, TwoLayer
from nearopt.hessian.dense import population_hessian
from nearopt.network import smooth
from nearopt.proof.certificate import _bounds, certify_full_rank, smallest_eigenvalue
from nearopt.proof.definite import Enclosures
from nearopt.proof.files import load_certificate, save_certificate
from nearopt.proof.functions import SMOOTH


def draw(input_dim, hidden_dim, activation=None, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation or Erf(), rng=rng, **kwargs)


def contains(ball, number):
    with flint.ctx.workprec(200):
        return ball.contains(flint.arb(mpmath.nstr(number, 30)))


@pytest.mark.parametrize("seed", range(3))
def test_certificate_holds_what_mpmath_finds(seed):
    net = draw(1, 3, seed=seed)
    certificate = certify_full_rank(net)
    hessian = mpmath_erf_hessian(net)
    with mpmath.workdps(40):
        assert certificate.certified
        assert contains(certificate.determinant, mpmath.det(hessian))
        smallest = min(mpmath.eigsy(hessian, eigvals_only=True))
        assert contains(certificate.smallest_eigenvalue, smallest)


@pytest.mark.parametrize(
    ("input_dim", "hidden_dim", "output_dim"),
    [(3, 4, 1), (4, 2, 1), (9, 2, 1), (4, 3, 2), (2, 2, 3)],
)
def test_certificate_agrees_with_floats_where_floats_suffice(input_dim, hidden_dim, output_dim):
    """Also with more inputs than units, where the Hessian is split."""
    net = draw(input_dim, hidden_dim, output_dim=output_dim, seed=5)
    certificate = certify_full_rank(net)
    eigenvalues = np.linalg.eigvalsh(population_hessian(net))
    assert float(certificate.determinant.log()) == pytest.approx(
        np.log(eigenvalues).sum(), rel=1e-6
    )
    assert float(certificate.smallest_eigenvalue) == pytest.approx(eigenvalues[0], rel=1e-6)
    lower, upper = smallest_eigenvalue(net)
    assert lower <= eigenvalues[0] * (1 + 1e-9)
    assert eigenvalues[0] * (1 - 1e-9) <= upper < lower * (1 + 1e-5)


def test_a_direct_sum_has_the_product_and_the_minimum():
    parts = [
        (Enclosures(flint.arb(6), flint.arb(2)), 1),
        (Enclosures(flint.arb(5), flint.arb(1)), 3),
    ]
    found = _bounds(parts)
    assert found.determinant.contains(6 * 5**3)
    assert found.smallest_eigenvalue.contains(1)


def test_full_rank_is_proved_where_floats_see_half_of_it():
    net = draw(1, 10)
    assert np.linalg.matrix_rank(population_hessian(net)) < 15
    certificate = certify_full_rank(net)
    assert certificate.certified
    assert certificate.smallest_eigenvalue < 1e-30
    assert "full rank 20, proved at" in str(certificate)
    lower, upper = smallest_eigenvalue(net)
    assert 0 < lower < upper < 1.001 * lower


def test_more_inputs_than_units_with_dependent_weights_is_still_certified():
    """W1 W1^T is singular, so the Hessian cannot be split."""
    net = TwoLayer([[1.0, 0, 0], [2.0, 0, 0]], [[1.0, 3.0]], Erf())
    assert certify_full_rank(net).certified


DEGENERATE = {
    "no outgoing weight": ([[1.0, 2.0], [0.5, -1.0]], [[1.0, 0.0]]),
    "equal": ([[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0]]),
    "opposite": ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0]]),
    "no incoming weight": ([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0]]),
}


@pytest.mark.parametrize("weights", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_teachers_are_not_certified(weights, tmp_path):
    certificate = certify_full_rank(TwoLayer(*weights, Erf()), max_precision=1024)
    assert not certificate.certified
    assert str(certificate) == "not certified at 64 bits"
    assert "singular" not in str(certificate)
    assert certificate.determinant.contains(0)
    assert certificate.smallest_eigenvalue.contains(0)
    save_certificate(certificate, tmp_path / "none.json")
    loaded = load_certificate(tmp_path / "none.json")
    assert not loaded.certified
    assert loaded.verify()


ENDLESS = {
    "equal": ([[0.5], [0.5]], [[1.0, 2.0]], smooth.tanh),
    "opposite": ([[0.5], [-0.5]], [[1.0, 2.0]], smooth.softplus),
    "opposite, all outputs proportional": ([[0.5], [-0.5]], [[1.0, 2], [2, 4]], smooth.sigmoid),
    "zero": ([[0.0], [0.5]], [[1.0, 2.0]], smooth.gelu),
    "even": ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0]], Polynomial((0, 0, 1, 0, 1))),
    "wide erf": (np.ones((6, 8)), np.ones((1, 6)), Erf()),
    "a wide polynomial": (
        np.arange(300.0).reshape(30, 10),
        np.ones((1, 30)),
        Polynomial((0, 1, 1)),
    ),
}


@pytest.mark.parametrize("network", ENDLESS.values(), ids=ENDLESS)
def test_the_search_ends_at_once_where_the_weights_show_why(network):
    assert certify_full_rank(TwoLayer(*network)).precision == 64


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("weight", [1e3, 1e8])
def test_integrals_of_large_weights_end(name, weight):
    """Proved, or refused after so many evaluations, that is in seconds."""
    net = TwoLayer([[weight]], [[1.0]], getattr(smooth, name))
    start = time.process_time()
    refused = pytest.raises(ValueError, match=r"varies too fast for weights up to 1e\+0")
    with refused if name == "sin" else contextlib.nullcontext():
        assert certify_full_rank(net).precision <= 512
    assert time.process_time() - start < 30


def test_too_little_precision_is_an_answer_of_its_own():
    assert not certify_full_rank(draw(1, 10), max_precision=64).certified


@pytest.mark.parametrize(
    "weights",
    [([[1.0], [0.5]], [[1e-170, 2e-170]]), ([[1e-300]], [[1.0]]), ([[1e-160]], [[1.0]])],
)
def test_bounds_hold_where_floats_underflow(weights):
    net = TwoLayer(*weights, Erf())
    ball = certify_full_rank(net).smallest_eigenvalue
    lower, upper = smallest_eigenvalue(net)
    assert flint.arb(lower) < ball < flint.arb(upper)
    assert math.copysign(1, lower) == 1


HUGE = {
    "all balls are NaN": ([[1e10]], [[1.0]]),
    "one is exactly 0": ([[1e10], [0.0]], [[1.0, 0.0]]),
    "more inputs than units": ([[1e100, 1.0, 0.0, 2.0]], [[1.0]]),
    "singular, in a direct sum": ([[1.0, 2, 3, 4], [0.5, -1, 1, 0]], [[1.0, 0.0]]),
}


@pytest.mark.parametrize("weights", HUGE.values(), ids=HUGE)
def test_what_is_not_known_is_between_0_and_infinity(weights, tmp_path):
    net = TwoLayer(*weights, Erf())
    certificate = certify_full_rank(net, max_precision=64)
    assert not certificate.certified
    lower, upper = smallest_eigenvalue(net, max_precision=64)
    assert lower == 0 < upper
    save_certificate(certificate, tmp_path / "none.json")
    loaded = load_certificate(tmp_path / "none.json")
    assert loaded.determinant.contains(certificate.determinant)
    assert loaded.smallest_eigenvalue.contains(certificate.smallest_eigenvalue)
    assert loaded.verify()


def test_polynomials_are_full_past_the_degree_of_the_theorem():
    """Two degrees of at least 2 hidden_dim - 1 are enough; u^3 + u^4 at 2 units."""
    assert certify_full_rank(draw(3, 2, Polynomial((0, 0, 0, 1, 1)))).certified
    assert not certify_full_rank(draw(3, 2, Polynomial((0, 0, 0, 1))), max_precision=512).certified


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_activations_agree_with_quadrature_in_floats(name):
    net = TwoLayer([[0.7], [-1.9]], [[1.5, -0.8]], getattr(smooth, name))
    certificate = certify_full_rank(net)
    eigenvalues = np.linalg.eigvalsh(population_hessian(net))
    assert certificate.certified
    assert float(certificate.smallest_eigenvalue) == pytest.approx(eigenvalues[0], rel=1e-6)
    assert float(certificate.determinant) == pytest.approx(eigenvalues.prod(), rel=1e-4)


def test_what_cannot_be_certified_is_refused_with_its_remedy():
    with pytest.raises(ValueError, match="jacobian_rank proves ranks of other networks"):
        certify_full_rank(draw(2, 2, ReLU()))
    with pytest.raises(ValueError, match="max_precision must be .* from 64 to 65536, not 10"):
        certify_full_rank(draw(2, 2), max_precision=10)
    with pytest.raises(ValueError, match="max_precision must be .* from 64 to 65536, not 131072"):
        certify_full_rank(draw(2, 2), max_precision=2**17)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "certificate.json"
    save_certificate(certify_full_rank(draw(2, 3)), path)
    return path


def reseal(content):
    content.pop("seal", None)
    text = json.dumps(content, sort_keys=True)
    return content | {"seal": hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize(
    "activation", [Erf(), Polynomial((0.1, 0, 0, 1, 1)), smooth.gelu], ids=["erf", "poly", "gelu"]
)
def test_certificates_are_verified_from_the_file_alone(activation, tmp_path):
    net = draw(1 if activation is smooth.gelu else 2, 2, activation)
    certificate = certify_full_rank(net)
    save_certificate(certificate, tmp_path / "a.json")
    loaded = load_certificate(tmp_path / "a.json")
    np.testing.assert_array_equal(loaded.net.parameters, net.parameters)
    assert loaded.net.activation == activation
    assert loaded.seconds is None
    assert loaded.determinant.contains(certificate.determinant)
    assert loaded.verify()
    save_certificate(certify_full_rank(net), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_every_certificate_verifies_before_it_is_saved():
    """A second proof finds other last digits, which the stated slack must allow for."""
    for seed in range(20):
        assert certify_full_rank(draw(1 + seed % 3, 1 + seed % 2, seed=seed)).verify()


def test_forged_statements_do_not_verify(saved):
    """Even with a new seal: a weight, the determinant or the eigenvalue was changed."""
    honest = json.loads(saved.read_text())
    forgeries = [dict(honest) for _ in range(3)]
    forgeries[0]["W2"] = [["0x1.0000000000000p+0", *honest["W2"][0][1:]]]
    forgeries[1]["determinant"] = "[1.0000e-3 +/- 1e-9]"
    forgeries[2]["smallest_eigenvalue"] = "[1.0000e-3 +/- 1e-9]"
    for forgery in forgeries:
        saved.write_text(json.dumps(reseal(forgery)))
        assert not load_certificate(saved).verify()
    degenerate = honest | {"W2": [["0x0.0p+0", *honest["W2"][0][1:]]]}
    saved.write_text(json.dumps(reseal(degenerate)))
    assert not load_certificate(saved).verify()


def test_a_changed_file_is_refused(saved):
    text = saved.read_text()
    digit = text.index("0x1.") + 4
    saved.write_text(text[:digit] + ("0" if text[digit] != "0" else "1") + text[digit + 1 :])
    with pytest.raises(ValueError, match="it was changed after it was saved"):
        load_certificate(saved)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "nearopt certificate 2", "its format must be"),
        ("precision", 10**9, "bad precision 1000000000"),
        ("precision", True, "bad precision True"),
        ("certified", 1, "certified must be true or false"),
        ("certified", False, "do not bear out"),
        ("activation", "os.system", "unknown activation 'os.system'"),
        ("activation", "__class__", "unknown activation"),
        ("activation", [], "coefficients"),
        ("W1", [["0x1.8p+0"]], "is no hexadecimal weight"),
        ("W1", [["1.5"]], "is no hexadecimal weight"),
        ("W1", [[1.5]], "is no hexadecimal weight"),
        ("W1", [["inf"]], "W1 must be finite"),
        ("W1", "abc", "no matrix"),
        ("W2", [["0x1.0000000000000p+0"]], r"W2 must have shape \(any, 3\)"),
        ("determinant", "__import__('os')", "is no ball"),
        ("determinant", "1e999999999", "is no ball"),
        ("determinant", "nan", "is no ball"),
        ("determinant", 0.5, "is no ball"),
        ("extra", 1, "its keys must be"),
    ],
)
def test_a_malformed_file_is_refused_even_with_a_right_seal(saved, key, value, message):
    saved.write_text(json.dumps(reseal(json.loads(saved.read_text()) | {key: value})))
    with pytest.raises(ValueError, match=message) as caught:
        load_certificate(saved)
    assert "is refused" in str(caught.value)
    assert "certify its network again" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_certificate_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is refused"):
        load_certificate(path)
    with pytest.raises(ValueError, match="is refused"):
        load_certificate(tmp_path / "missing.json")


@pytest.mark.slow
@pytest.mark.parametrize(("hidden_dim", "input_dim"), [(60, 2), (60, 3), (25, 20), (47, 20)])
def test_large_networks_are_certified(hidden_dim, input_dim):
    assert certify_full_rank(draw(input_dim, hidden_dim)).certified
