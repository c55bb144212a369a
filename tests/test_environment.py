"""One set of packages: pyproject.toml asks, requirements.lock pins, environment.yml follows."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from checkout import ROOT, refused
from install import own_kernel
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import nearopt

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
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


def test_the_conda_route_has_the_same_pins():
    assert pins((ROOT / "constraints.txt").read_text()) == pins(LOCK)
    python, pip, section = CONDA
    # Binder reads one version and no range.
    version = re.fullmatch(r"python=(3\.\d+)", python).group(1)
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert pip == "pip"
    extras = ",".join(PROJECT["optional-dependencies"])
    assert section["pip"] == ["--constraint constraints.txt", f"--editable .[{extras}]"]


def calls(script, tmp_path):
    """Return what a script of the checkout asks of apt and make, where neither does anything."""
    for name in ("apt-get", "make"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "$CALLS"\n')
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}
    subprocess.run(["bash", "-euc", script], cwd=ROOT, env=env, check=True)
    told = (tmp_path / "calls").read_text().splitlines()
    (tmp_path / "calls").unlink()
    return told


def test_the_container_and_the_services_take_the_steps_of_ci(tmp_path):
    ci = "bash .ci/run"
    installs = [call for call in calls(ci, tmp_path) if call.startswith("apt-get")]
    assert len(installs) == 2
    container = (ROOT / "Containerfile").read_text()
    steps = "\n".join(re.findall("^RUN (.*)", container, re.M))
    assert calls(steps, tmp_path) == [*installs, "make environment"]
    assert json.loads(re.search("^CMD (.*)", container, re.M).group(1)) == ci.split()
    github = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert github["jobs"]["test"]["steps"][-1] == {"run": ci}
    gitlab = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
    assert gitlab["test"]["script"] == [ci]
    version = CONDA[0].removeprefix("python=")
    assert f"FROM python:{version}\n" in container
    assert gitlab["test"]["image"] == f"python:{version}"


ALONE = """
import pathlib, pkgutil, sys
from importlib.metadata import metadata
from importlib.util import find_spec
import nearopt, numpy
from nearopt.report import Results, check_parameters
from nearopt.report.files import load_inputs
assert not any(map(find_spec, ("matplotlib", "seaborn", "pyarrow", "sklearn", "pip")))
for module in pkgutil.walk_packages(nearopt.__path__, "nearopt."):
    if "figures" not in module.name and "style" not in module.name:
        __import__(module.name)
folder = pathlib.Path(nearopt.__file__).parent
assert (folder / "py.typed").is_file() and folder.is_relative_to(sys.prefix), folder
values = {"degrees": "2", "input_dim": 2, "first_hidden_dim": 3, "last_hidden_dim": 3, "seed": 0}
Results("exact_rank", values, "mine")
numpy.savetxt("x.csv", [[1.5, 2.0], [3.0, 4.0]], delimiter=",")
assert load_inputs("x.csv").shape == (2, 2)
try:
    load_inputs("y.csv")
except FileNotFoundError as error:
    assert str(error).count("y.csv") == 2, error
told = metadata("nearopt")
assert told["Version"] == nearopt.__version__
print(told.get_all("Project-URL"))
print(sum("extra ==" not in package for package in told.get_all("Requires-Dist")))
"""


@pytest.mark.slow
def test_the_library_goes_alone(alone):
    """With its schema, where no plots are drawn."""
    urls, dependencies = alone("")("-c", ALONE).splitlines()[-2:]
    assert urls == "['Paper, https://arxiv.org/abs/2512.15606']"
    assert int(dependencies) <= 8


@pytest.mark.slow
def test_what_environment_yml_installs_is_the_lock(tmp_path):
    for name in ("lib", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("setup.py", "MANIFEST.in", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    (tmp_path / "section.txt").write_text("\n".join(CONDA[2]["pip"]))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--requirement", "section.txt"]
    only_told = ["--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run([*command, *only_told], cwd=tmp_path, check=True, capture_output=True)
    packages = [package["metadata"] for package in json.loads(done.stdout)["install"]]
    installed = {(canonicalize_name(package["name"]), package["version"]) for package in packages}
    wanted = {(name, version) for name, version, m in pins(LOCK) if not m or Marker(m).evaluate()}
    assert installed - {("nearopt", nearopt.__version__)} == wanted


@pytest.mark.parametrize("python", ["python3.nonexistent", "false"])
def test_a_missing_python_gets_one_clear_line(python, tmp_path):
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    said = refused(tmp_path, "make", "paper", f"PYTHON={python}")
    lines = [line for line in said.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert "Python 3.11 or newer is needed" in lines[0]
    assert python in lines[0]
    assert not (tmp_path / ".venv").exists()


def test_a_kernel_that_anyone_starts_takes_our_settings(tmp_path):
    spec = tmp_path / "share/jupyter/kernels/python3/kernel.json"
    own_kernel(tmp_path)
    assert not spec.exists()
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["python"]}')
    own_kernel(tmp_path)
    content = json.loads(spec.read_text())
    assert (content["argv"], content["display_name"]) == (["python"], "Python 3")
    assert content["env"]["OPENBLAS_NUM_THREADS"] == "1"
    assert content["env"]["IPYTHONDIR"] == str(tmp_path / "own")
    assert not content["env"]["MPLBACKEND"]


def test_a_clone_is_the_same_whatever_git_does_to_other_projects(tmp_path):
    """Ends of lines as on Windows, and notebooks that are stripped of outputs."""
    if not (ROOT / ".git").exists():
        pytest.skip("no clone")
    (tmp_path / "attributes").write_text("*.ipynb filter=strip\n*.py ident\n")
    settings = {
        "core.autocrlf": "true",
        "core.attributesfile": str(tmp_path / "attributes"),
        "filter.strip.clean": "true",
        "filter.strip.smudge": "cat",
    }
    own = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
    clone = ["git", *own, "clone", "-q", ROOT, tmp_path / "clone"]
    subprocess.run(clone, check=True)
    for path in tmp_path.glob("clone/notebooks/*"):
        path.touch()
    for command in (["ls-files", "--eol"], ["status", "--short"]):
        told = ["git", *own, *command]
        done = subprocess.run(told, cwd=tmp_path / "clone", capture_output=True, text=True)
        assert "w/crlf" not in done.stdout
    assert not done.stdout


def test_what_mutants_change_and_run_is_there():
    settings = PYPROJECT["tool"]["mutmut"]
    for name in settings["only_mutate"]:
        assert (ROOT / name.replace("src", "lib", 1)).is_file(), name
    for name in settings["pytest_add_cli_args_test_selection"]:
        assert (ROOT / name).is_file(), name
