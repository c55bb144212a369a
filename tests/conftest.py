"""Fixtures that modules share: cases of networks, one quick build of everything, a browser."""

import fcntl
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from checkout import QUICK, ROOT, copy_checkout, run, small_checkout

from cases import ACTIVATIONS, OUTPUTS, SHAPES
from nearopt import TwoLayer


@pytest.fixture(params=ACTIVATIONS.values(), ids=ACTIVATIONS)
def activation(request):
    return request.param


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def shape(request):
    """hidden_dim and input_dim."""
    return request.param


@pytest.fixture(params=OUTPUTS.values(), ids=OUTPUTS)
def net(request, activation, shape):
    hidden_dim, input_dim = shape
    rng = np.random.default_rng(20251217)
    sizes = {"output_dim": request.param, "sigma1": 0.7}
    return TwoLayer.draw(input_dim, hidden_dim, activation=activation, rng=rng, **sizes)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no worker has it to itself at the end."""
    items.sort(key=lambda item: {"built", "swept"}.isdisjoint(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A quick build of everything, which the first worker that asks makes for all."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    checkout = folder / "check out"
    with (folder / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not checkout.exists():
            run(copy_checkout(checkout), *QUICK)
    assert (checkout / "results/quick/paper.pdf").is_file()
    return checkout


@pytest.fixture
def checkout(tmp_path):
    """A checkout of the real workflow with one notebook of seconds, and a sweep of it."""
    return small_checkout(tmp_path / "checkout")


@pytest.fixture
def copied(built, tmp_path):
    """A copy of the build that a test may change."""
    return shutil.copytree(built, tmp_path / "copy", symlinks=True)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The library's, made of an archive of its sources, as an installation from that would."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in tracked.stdout.decode().split("\0")[:-1]:
        if name.split("/")[0] in ("lib", "config") or "/" not in name:
            (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "checkout" / name)
    build = "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])"
    python = {"check": True, "capture_output": True, "cwd": folder / "checkout"}
    subprocess.run([sys.executable, "-c", build, folder], **python)
    (sources,) = folder.glob("nearopt-*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, sources, "--wheel-dir", folder], **python)
    (wheel,) = folder.glob("nearopt-*.whl")
    return wheel


@pytest.fixture
def alone(wheel, tmp_path, tmp_path_factory):
    """Install the wheel, and what else is asked for, where nothing is; then run Python there."""
    from install import access  # Where mutants are tested there is no workflow.

    fresh = tmp_path_factory.mktemp("fresh") / "environment"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pip = [sys.executable, "-m", "pip", "config", "list"]
    env |= access(subprocess.run(pip, capture_output=True, text=True, check=True).stdout)
    env["UV_INDEX_STRATEGY"] = "unsafe-best-match"

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(extras, *packages):
        uv, python = Path(sys.executable).with_name("uv"), fresh / "bin/python"
        run(uv, "venv", "--python", sys.executable, fresh)
        wanted = ["--constraint", ROOT / "constraints.txt", f"{wheel}{extras}", *packages]
        run(uv, "pip", "install", "--python", python, *wanted)
        return partial(run, python)

    return install


@pytest.fixture(scope="session")
def chromium():
    """A headless browser that is not connected to anything."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed; on Debian: apt-get install chromium")
    features = ("background-networking", "component-update", "gpu", "quic", "sync")
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in features)]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
