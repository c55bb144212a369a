"""A wrong formula shows in the stored outputs of a notebook, without any other test."""

import re
import shutil
import sys

import pytest
from checkout import ROOT, attempt

# The formula, as lib has it in one place; what it is turned into; the notebook that says so first.
PLANTED = {
    "Hessian, weights of both layers": (
        "slopes = own[:, :, None] * A[:, None, :]",
        "slopes = 2 * own[:, :, None] * A[:, None, :]",
        "01_linear_asymptotics",
    ),
    "degrees of freedom of the chi-square variable": (
        "root, square = chi(freedom), chi2(freedom)",
        "root, square = chi(freedom + 1), chi2(freedom + 1)",
        "01_linear_asymptotics",
    ),
    "edges of the Marchenko-Pastur law": (
        "self.edges = (1 - math.sqrt(aspect_ratio)) ** 2, (1 + math.sqrt(aspect_ratio)) ** 2",
        "self.edges = (1 - math.sqrt(aspect_ratio)) ** 2, 1 + aspect_ratio",
        "01_linear_asymptotics",
    ),
    "rank of a linear network": (
        "h = min(points, (1, 1, variables)[degree])",
        "h = min(points, (1, 2, variables)[degree])",
        "02_polynomial_rank",
    ),
    "rank of a quadratic network": (
        "variables * h - h * (h - 1) // 2",
        "variables * h - h * (h + 1) // 2",
        "02_polynomial_rank",
    ),
    "Jacobian that is counted": (
        "outer = value[:, :, None] * c[:, None, :] % PRIME",
        "outer = slope[:, :, None] * c[:, None, :] % PRIME",
        "02_polynomial_rank",
    ),
    "Hessian, incoming weights": (
        "np.stack([plus, skew / 2, skew / 2, minus]",
        "np.stack([minus, skew / 2, skew / 2, plus]",
        "02_polynomial_rank",
    ),
    "kernels of erf": (
        "K11, own = 2 / math.pi * np.outer(e, e) / root",
        "K11, own = 1 / math.pi * np.outer(e, e) / root",
        "03_erf_full_rank",
    ),
    "kernels of erf in balls": (
        "K11 = 2 / arb.pi() * _inverse_root(D)",
        "K11 = 1 / arb.pi() * _inverse_root(D)",
        "03_erf_full_rank",
    ),
    "loss that is predicted of descent": (
        "2 * times[:, None]",
        "times[:, None]",
        "04_gd_dynamics",
    ),
    "step of descent": (
        "theta = student.parameters - rate * gradient(student, teacher)",
        "theta = student.parameters - rate * gradient(student, teacher) / 2",
        "04_gd_dynamics",
    ),
    "critical rate": (
        "return 2 / float(largest[0])",
        "return 1 / float(largest[0])",
        "04_gd_dynamics",
    ),
    "pairs that the bulk counts": (
        "pairs = np.triu(np.add.outer(gamma, gamma) < -1).sum()",
        "pairs = np.triu(np.add.outer(gamma, gamma) < -1, 1).sum()",
        "06_nonlinear_spectra",
    ),
    "bulk of any activation": (
        "value = -1 / self.m - t + self.y @ density",
        "value = -1 / self.m - t + 2 * self.y @ density",
        "06_nonlinear_spectra",
    ),
    "rank of a batch": (
        "np.minimum(N * fed, population)",
        "np.minimum(N, population)",
        "07_few_samples",
    ),
    "law of several outputs": (
        "outer = MarchenkoPasturSquare(self.hidden_dim, self.output_dim)",
        "outer = MarchenkoPasturSquare(self.hidden_dim, self.output_dim + 1)",
        "07_few_samples",
    ),
    "mean loss over teachers": (
        "growth = 1 + 4 * variance2 * times",
        "growth = 1 + 2 * variance2 * times",
        "08_late_learning",
    ),
    "late exponent": (
        "return -(hidden_dim / 2 + 1 +",
        "return -(hidden_dim / 2 +",
        "08_late_learning",
    ),
    "slowest time scale": (
        "slowest = values.max() / values.min() / 2",
        "slowest = values.max() / values.min()",
        "05_real_inputs",
    ),
}


def plant(lib, right, wrong):
    """Turn the one place that holds a formula into a wrong one."""
    holders = [path for path in lib.rglob("*.py") if right in path.read_text()]
    assert len(holders) == 1, f"{right!r} is in {len(holders)} modules"
    text = holders[0].read_text()
    assert text.count(right) == 1
    holders[0].write_text(text.replace(right, wrong))


@pytest.mark.slow
@pytest.mark.parametrize(("right", "wrong", "notebook"), PLANTED.values(), ids=PLANTED)
def test_nbval_catches_a_wrong_formula(right, wrong, notebook, tmp_path):
    for folder in ("config", "lib"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "notebooks" / f"{notebook}.ipynb", tmp_path)
    plant(tmp_path / "lib", right, wrong)
    options = ("--nbval", "--nbval-current-env", "-x", "-p", "no:cacheprovider")
    said = attempt(tmp_path, sys.executable, "-m", "pytest", *options, f"{notebook}.ipynb")[1]
    summary = re.search(r"=+ 1 failed, (\d+) passed", said)
    assert summary, said
    # What comes before has run in the copy as it did when it was stored.
    assert int(summary[1]) >= 3
    assert "ImportError" not in said
    assert "ModuleNotFoundError" not in said
    assert re.search("Cell outputs differ|Cell execution caused an exception", said)
