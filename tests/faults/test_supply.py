"""What the project is made from: hashes, licences, and nothing from a network while it runs."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution, distributions

import pytest
from checkout import QUICK, ROOT, attempt, results_of, run, small_checkout
from packaging.utils import canonicalize_name

LOCK = (ROOT / "requirements.lock").read_text()

# Licences that let anyone use, change and pass on a package, in the words of packages' metadata.
ALLOWED = re.compile(
    r"\b(0BSD|Apache|BSD|CC0|ISC|MIT|MIT-0|MIT-CMU|MPL|Mozilla|PSF|PSFL|Python Software Foundation"
    r"|Public Domain|Zlib)\b"
)
# What the first words of a licence's text say, where metadata say nothing.
TEXTS = {"Permission is hereby granted, free of charge": "MIT"}
EXCEPTIONS = {
    "docutils": "public domain and BSD; what is under the GPL is a mode for Emacs",
    "python-flint": "MIT; the libraries in its wheels, GMP, MPFR and FLINT, are shared and LGPL",
}


def locked(lock=LOCK):
    """Return the name, the rest of the line and the hashes of each package of a lock."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    for entry in entries:
        name, rest = re.match(r"([a-z0-9._-]+)(.*)", entry).groups()
        yield name, rest, re.findall(r"--hash=(\S+)", entry)


@pytest.mark.parametrize("folder", [".", "benchmarks"])
def test_each_package_of_a_lock_is_pinned_with_hashes_of_its_files(folder):
    lock, names = (ROOT / folder / "requirements.lock").read_text(), []
    assert "://" not in lock
    assert "--index" not in lock
    for name, rest, hashes in locked(lock):
        assert re.match(r"==[0-9][A-Za-z0-9.+!]*( |$)", rest), f"{name}{rest}"
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), name
        names.append(name)
    assert len(names) > 50


def licences(package):
    """Return what a package says of its licence: an expression, classifiers, a word or its text."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return re.split(r" AND | OR |[()]", expression)
    classifiers = metadata.get_all("Classifier", [])
    if found := [c.split(" :: ", 1)[1] for c in classifiers if c.startswith("License :: ")]:
        return [name.removeprefix("OSI Approved :: ") for name in found]
    if (word := (metadata.get("License") or "").strip()) and word != "UNKNOWN":
        return word.splitlines()[:1]
    files = [f for f in package.files or [] if re.match(r"(LICEN[CS]E|COPYING)", f.name, re.I)]
    text = " ".join(" ".join(file.read_text().split()) for file in files)
    return [name for words, name in TEXTS.items() if words in text]


def installed():
    found = {canonicalize_name(package.metadata["Name"]): package for package in distributions()}
    return sorted(name for name, _, _ in locked() if name in found)


@pytest.mark.parametrize("name", installed())
def test_licences_let_anyone_use_what_is_installed(name):
    words = licences(distribution(name))
    bad = [word for word in words if word.strip() and not ALLOWED.search(word)]
    if name in EXCEPTIONS:
        assert bad, f"{name} is no exception any more"
    else:
        assert words, f"{name} does not say its licence"
        assert not bad, f"{name} is under {', '.join(bad)}"


def offline():
    """Return what to say before a command that is to have no network, and no loopback either."""
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, of util-linux, to be without a network")
    start = ["unshare", *own, "--net"]
    if subprocess.run([*start, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets no process leave its network")
    return start


@pytest.mark.slow
def test_a_build_passes_where_there_is_no_network(undisturbed, tmp_path):
    """A notebook, its kernel, the claims and the paper, without as much as a loopback."""
    checkout, alone = small_checkout(tmp_path / "checkout"), offline()
    probe = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    assert "Network is unreachable" in attempt(checkout, *alone, sys.executable, "-c", probe)[1]
    run(checkout, *alone, *QUICK)
    assert results_of(checkout) == undisturbed.results
