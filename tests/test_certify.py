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

from cases import draw
from nearopt import Erf, Polynomial, ReLU, TwoLayer
from nearopt.hessian.dense import population_hessian
from nearopt.network import smooth
from nearopt.proof.certificate import _bounds, certify_full_rank, smallest_eigenvalue
from nearopt.proof.definite import Enclosures
from nearopt.proof.files import load_certificate, save_certificate
from nearopt.proof.functions import SMOOTH
from nearopt.proof.spectrum import graded_spectrum

ERF = Erf()


def contains(ball, number):
    with flint.ctx.workprec(200):
        return ball.contains(flint.arb(mpmath.nstr(number, 30)))


def saved(certificate, folder):
    path = folder / "certificate.json"
    save_certificate(certificate, path)
    return path


@pytest.mark.parametrize("seed", [0, 1, 8])
def test_certificates_and_spectra_are_what_mpmath_finds(seed):
    net = draw(1, 3, ERF, seed)
    certificate, hessian = certify_full_rank(net), mpmath_erf_hessian(net)
    with mpmath.workdps(40):
        eigenvalues = sorted(mpmath.eigsy(hessian, eigvals_only=True))
        assert eigenvalues[0] < 1e-16 * eigenvalues[-1]
        assert contains(certificate.determinant, mpmath.det(hessian))
        assert contains(certificate.smallest_eigenvalue, eigenvalues[0])
    assert certificate.certified
    np.testing.assert_allclose(graded_spectrum(net, 256), np.array(eigenvalues, float), rtol=1e-10)


# Also with more inputs than units, where the Hessian is split, and by integrals.
SIZES = [(3, 4, 1), (4, 2, 1), (9, 2, 1), (4, 3, 2), (2, 2, 3)]
WELL_CONDITIONED = {str(s): draw(*s[:2], ERF, seed=5, output_dim=s[2]) for s in SIZES}
WELL_CONDITIONED |= {
    name: TwoLayer([[0.7], [-1.9]], [[1.5, -0.8]], getattr(smooth, name)) for name in SMOOTH
}


@pytest.mark.parametrize("net", WELL_CONDITIONED.values(), ids=WELL_CONDITIONED)
def test_certificate_agrees_with_floats_where_floats_suffice(net):
    certificate = certify_full_rank(net)
    eigenvalues = np.linalg.eigvalsh(population_hessian(net))
    determinant = np.log(eigenvalues).sum()
    assert float(certificate.determinant.log()) == pytest.approx(determinant, rel=1e-6)
    assert float(certificate.smallest_eigenvalue) == pytest.approx(eigenvalues[0], rel=1e-6)
    lower, upper = smallest_eigenvalue(net)
    assert lower <= eigenvalues[0] * (1 + 1e-9)
    assert eigenvalues[0] * (1 - 1e-9) <= upper < lower * (1 + 1e-5)


def test_a_direct_sum_has_the_product_and_the_minimum():
    first, second = Enclosures(flint.arb(6), flint.arb(2)), Enclosures(flint.arb(5), flint.arb(1))
    found = _bounds([(first, 1), (second, 3)])
    assert found.determinant.contains(6 * 5**3)
    assert found.smallest_eigenvalue.contains(1)


def test_full_rank_is_proved_where_floats_see_half_of_it():
    net = draw(1, 10, ERF)
    assert np.linalg.matrix_rank(population_hessian(net)) < 15
    assert not certify_full_rank(net, max_precision=64).certified
    certificate = certify_full_rank(net)
    assert certificate.smallest_eigenvalue < 1e-30
    assert "full rank 20, proved at" in str(certificate)
    lower, upper = smallest_eigenvalue(net)
    assert 0 < lower < upper < 1.001 * lower


def test_more_inputs_than_units_with_dependent_weights_is_still_certified():
    """W1 W1^T is singular, so the Hessian cannot be split."""
    assert certify_full_rank(TwoLayer([[1.0, 0, 0], [2.0, 0, 0]], [[1.0, 3.0]], ERF)).certified


# Where weights show that the Hessian is singular the search ends at once, whatever its limit.
UNKNOWN = {
    "no outgoing weight": ([[1.0, 2.0], [0.5, -1.0]], [[1.0, 0.0]], ERF),
    "equal": ([[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0]], ERF),
    "opposite": ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0]], ERF),
    "no incoming weight": ([[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0]], ERF),
    "in a direct sum": ([[1.0, 2, 3, 4], [0.5, -1, 1, 0]], [[1.0, 0.0]], ERF),
    "equal tanh": ([[0.5], [0.5]], [[1.0, 2.0]], smooth.tanh),
    "opposite softplus": ([[0.5], [-0.5]], [[1.0, 2.0]], smooth.softplus),
    "proportional outputs": ([[0.5], [-0.5]], [[1.0, 2], [2, 4]], smooth.sigmoid),
    "zero": ([[0.0], [0.5]], [[1.0, 2.0]], smooth.gelu),
    "even": ([[1.0, 2.0], [-1.0, -2.0]], [[1.0, 2.0]], Polynomial((0, 0, 1, 0, 1))),
    "too wide": (np.arange(12.0).reshape(6, 2), np.ones((1, 6)), Polynomial((0, 1, 1))),
}
HUGE = {
    "all balls are NaN": ([[1e10]], [[1.0]]),
    "one is exactly 0": ([[1e10], [0.0]], [[1.0, 0.0]]),
    "more inputs than units": ([[1e100, 1.0, 0.0, 2.0]], [[1.0]]),
}


@pytest.mark.parametrize(
    ("network", "limit"),
    [*((n, None) for n in UNKNOWN.values()), *(((*n, ERF), 64) for n in HUGE.values())],
    ids=[*UNKNOWN, *HUGE],
)
def test_what_is_not_certified_is_between_0_and_infinity(network, limit, tmp_path):
    net = TwoLayer(*network)
    certificate = certify_full_rank(net, max_precision=limit)
    assert str(certificate) == "not certified at 64 bits"
    assert certificate.determinant.contains(0)
    lower, upper = smallest_eigenvalue(net, max_precision=limit)
    assert lower == 0 < upper
    loaded = load_certificate(saved(certificate, tmp_path))
    assert not loaded.certified
    assert loaded.determinant.contains(certificate.determinant)
    assert loaded.smallest_eigenvalue.contains(certificate.smallest_eigenvalue)
    assert loaded.verify()


@pytest.mark.parametrize("name", SMOOTH)
def test_integrals_of_large_weights_end(name):
    """Proved, or refused after so many evaluations, that is in seconds."""
    net = TwoLayer([[1e8]], [[1.0]], getattr(smooth, name))
    start = time.process_time()
    refused = pytest.raises(ValueError, match=r"varies too fast for weights up to 1e\+08")
    with refused if name == "sin" else contextlib.nullcontext():
        assert certify_full_rank(net).precision <= 512
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    "weights", [([[1.0], [0.5]], [[1e-170, 2e-170]]), ([[1e-300]], [[1.0]]), ([[1e-160]], [[1.0]])]
)
def test_bounds_hold_where_floats_underflow(weights):
    net = TwoLayer(*weights, Erf())
    ball = certify_full_rank(net).smallest_eigenvalue
    lower, upper = smallest_eigenvalue(net)
    assert flint.arb(lower) < ball < flint.arb(upper)
    assert math.copysign(1, lower) == 1


def test_polynomials_are_full_past_the_degree_of_the_theorem():
    """Two degrees of at least 2 hidden_dim - 1 are enough; u^3 + u^4 at 2 units."""
    assert certify_full_rank(draw(3, 2, Polynomial((0, 0, 0, 1, 1)))).certified
    assert not certify_full_rank(draw(3, 2, Polynomial((0, 0, 0, 1))), max_precision=512).certified


def test_what_cannot_be_certified_is_refused_with_its_remedy():
    with pytest.raises(ValueError, match="jacobian_rank proves ranks of other networks"):
        certify_full_rank(draw(2, 2, ReLU()))
    with pytest.raises(ValueError, match="max_precision must be .* from 64 to 65536, not 10"):
        certify_full_rank(draw(2, 2, ERF), max_precision=10)
    with pytest.raises(ValueError, match="max_precision must be .* from 64 to 65536, not 131072"):
        certify_full_rank(draw(2, 2, ERF), max_precision=2**17)


@pytest.fixture
def path(tmp_path):
    return saved(certify_full_rank(draw(2, 3, ERF)), tmp_path)


def forge(path, key, value):
    """Change what a certificate states, and give it a new seal."""
    content = json.loads(path.read_text()) | {key: value}
    content.pop("seal")
    seal = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content | {"seal": seal}))


@pytest.mark.parametrize(
    "net",
    [draw(2, 2, ERF), draw(2, 2, Polynomial((0.1, 0, 0, 1, 1))), draw(1, 1, smooth.gelu)],
    ids=["erf", "poly", "gelu"],
)
def test_certificates_are_verified_from_the_file_alone(net, tmp_path):
    certificate = certify_full_rank(net)
    path = saved(certificate, tmp_path)
    loaded, first = load_certificate(path), path.read_bytes()
    np.testing.assert_array_equal(loaded.net.parameters, net.parameters)
    assert loaded.net.activation == net.activation
    assert loaded.seconds is None
    assert loaded.determinant.contains(certificate.determinant)
    assert loaded.verify()
    assert saved(certify_full_rank(net), tmp_path).read_bytes() == first


def test_every_certificate_verifies_before_it_is_saved():
    """A second proof finds other last digits, which the stated slack must allow for."""
    for seed in range(20):
        assert certify_full_rank(draw(1 + seed % 3, 1 + seed % 2, ERF, seed)).verify()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("W2", [["0x1.0000000000000p+0"] * 3]),
        ("W2", [["0x0.0p+0"] * 3]),
        ("determinant", "[1.0000e-3 +/- 1e-9]"),
        ("smallest_eigenvalue", "[1.0000e-3 +/- 1e-9]"),
    ],
)
def test_forged_statements_do_not_verify(path, key, value):
    forge(path, key, value)
    assert not load_certificate(path).verify()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "nearopt certificate 2", "its format must be"),
        ("precision", 10**9, "its precision must be .* from 64 to 65536, not 1000000000"),
        ("precision", True, "its precision must be .*, not True"),
        ("certified", 1, "certified must be true or false"),
        ("certified", False, "do not bear out"),
        ("activation", "os.system", "unknown activation 'os.system'"),
        ("activation", [], "coefficients"),
        ("W1", [["1.5"]], "is no hexadecimal weight"),
        ("W1", [[1.5]], "is no hexadecimal weight"),
        ("W1", [["inf"]], "W1 must be finite"),
        ("W1", [["0x1.0p+9999"]], "too large"),
        ("W1", "abc", "no matrix"),
        ("W2", [["0x1.0000000000000p+0"]], r"W2 must have shape \(any, 3\)"),
        ("determinant", "__import__('os')", "is no ball"),
        ("determinant", "1e999999999", "is no ball"),
        ("determinant", "nan", "is no ball"),
        ("determinant", 0.5, "is no ball"),
        ("extra", 1, "its keys must be"),
    ],
)
def test_a_malformed_file_is_refused_even_with_a_right_seal(path, key, value, message):
    forge(path, key, value)
    with pytest.raises(ValueError, match=message) as caught:
        load_certificate(path)
    assert "is refused" in str(caught.value)
    assert "certify its network again" in str(caught.value)


def test_a_changed_file_is_refused(path):
    path.write_text(path.read_text().replace('"precision": ', '"precision": 1'))
    with pytest.raises(ValueError, match="it was changed after it was saved"):
        load_certificate(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, None])
def test_what_is_no_certificate_is_refused(path, text):
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(ValueError, match="is refused"):
        load_certificate(path)


@pytest.mark.slow
@pytest.mark.parametrize(("hidden_dim", "input_dim"), [(60, 2), (60, 3), (25, 20)])
def test_large_networks_are_certified(hidden_dim, input_dim):
    assert certify_full_rank(draw(input_dim, hidden_dim, ERF)).certified
