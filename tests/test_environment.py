"""One set of packages: pyproject.toml asks, requirements.lock pins, environment.yml follows."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from checkout import ROOT
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def pins(text):
    """Return (name, version, marker) for each line that pins a package."""
    pinned = re.findall(r"^([a-z0-9._-]+)==(\S+)(?: ; (.*?))?\s*\\?$", text, re.M)
    return {(name, version, marker) for name, version, marker in pinned}


def test_the_lock_meets_what_the_project_asks_for():
    asked = PROJECT["dependencies"] + [
        requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra
    ]
    locked = {}
    for name, version, _ in pins(LOCK):
        locked.setdefault(name, []).append(version)
    for requirement in map(Requirement, asked):
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_every_pin_has_hashes_and_no_index_is_named():
    assert "://" not in LOCK
    assert "--index" not in LOCK
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert len(entries) == len(pins(LOCK))


def test_the_conda_route_has_the_same_pins():
    assert pins((ROOT / "constraints.txt").read_text()) == pins(LOCK)
    python, pip, section = CONDA
    assert python == f"python{PROJECT['requires-python']},<3.14"
    assert pip == "pip"
    extras = ",".join(PROJECT["optional-dependencies"])
    assert section["pip"] == ["--constraint constraints.txt", f"--editable .[{extras}]"]


@pytest.mark.slow
def test_what_environment_yml_installs_is_the_lock(tmp_path):
    checkout = tmp_path / "checkout"
    names = ("lib", "config", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")
    for name in names:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        checkout.mkdir(exist_ok=True)
        copy(ROOT / name, checkout / name)
    (checkout / "section.txt").write_text("\n".join(CONDA[2]["pip"]))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--requirement", "section.txt"]
    subprocess.run(install, cwd=checkout, check=True)
    listed = subprocess.run(
        [python, "-m", "pip", "freeze", "--all"], check=True, capture_output=True, text=True
    ).stdout
    installed = {(canonicalize_name(n), v) for n, v, _ in pins(listed.lower())}
    wanted = {(n, v) for n, v, m in pins(LOCK) if not m or Marker(m).evaluate()}
    assert wanted <= installed
    assert {name for name, _ in installed - wanted} <= {"pip", "setuptools"}
    subprocess.run([python, "-c", "import nearopt.report.results"], check=True)


@pytest.mark.parametrize("python", ["python3.nonexistent", "false"])
def test_a_missing_python_gets_one_clear_line(python, tmp_path):
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    done = subprocess.run(
        ["make", "paper", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert "Python 3.11 or newer is needed" in lines[0]
    assert python in lines[0]
    assert not (tmp_path / ".venv").exists()
