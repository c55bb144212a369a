"""Fixtures that modules share: cases of networks, one quick build of everything, a browser."""

import fcntl
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from checkout import ROOT, copy_checkout, quick

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
            done = quick(copy_checkout(checkout), "--cores", "2")
            assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "results/quick/paper.pdf").is_file()
    return checkout


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The library as it is installed from an archive of its sources, and nothing else."""
    folder = tmp_path_factory.mktemp("library")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in tracked.stdout.decode().split("\0")[:-1]:
        if name.split("/")[0] in ("lib", "config") or "/" not in name:
            (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "checkout" / name)
    build = "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])"
    python = {"check": True, "capture_output": True, "cwd": folder / "checkout"}
    subprocess.run([sys.executable, "-c", build, folder], **python)
    (sources,) = folder.glob("nearopt-*.tar.gz")
    target = [sources, "--target", folder / "installed"]
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *target], **python)
    return folder / "installed"


@pytest.fixture
def alone(installed, tmp_path):
    """Run Python in a folder of its own, where the installed library is all there is of ours."""
    env = os.environ | {"PYTHONPATH": str(installed)}

    def run(*arguments):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


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
