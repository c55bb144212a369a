"""Disks, homes, paths, users, neighbours and clocks: the right result, or a word on what to do."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from builds import KERNEL, SNAKEMAKE, assert_nothing_is_left, copy_of, start, wait_for
from checkout import refused, results_of, run, small_checkout

pytestmark = pytest.mark.slow

TMPFS = ("-t", "tmpfs", "-o", "size=80m", "tmpfs")


@contextmanager
def mounted(folder, *options):
    """Mount something on a folder, or skip the test where that is not allowed."""
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


BUILD = ("make", "quick")


def assert_builds(checkout, undisturbed, *before, **variables):
    """Behind another command, and with other variables, a build makes what it always does."""
    run(checkout, *before, *BUILD, **variables)
    assert results_of(checkout) == undisturbed.results


def fill(folder):
    """Fill a disk to its last byte."""
    with (folder / "filler").open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(2**16))
        except OSError:
            return


@pytest.mark.parametrize("place", ["results", ".snakemake"])
def test_a_full_disk_is_named_before_anything_runs(checkout, place):
    disk = checkout / place
    disk.mkdir()
    with mounted(disk, *TMPFS):
        fill(disk)
        said = refused(checkout, *BUILD)
    assert f"The disk of {disk} is full" in said


def test_a_disk_that_fills_up_is_named_and_room_is_all_that_the_next_build_needs(
    checkout, undisturbed
):
    disk = checkout / "results"
    disk.mkdir()
    with mounted(disk, *TMPFS):
        build = start(checkout)
        wait_for(build, KERNEL)
        fill(disk)
        said = build.communicate()[0]
        assert build.returncode != 0
        assert "notebooks/01_small.py: OSError: [Errno 28] No space left on device" in said
        assert "Traceback" not in said
        (disk / "filler").unlink()
        assert_builds(checkout, undisturbed)


def test_a_full_disk_for_scratch_is_done_without(checkout, undisturbed):
    disk = checkout / "scratch"
    disk.mkdir()
    with mounted(disk, *TMPFS):
        fill(disk)
        assert_builds(checkout, undisturbed, TMPDIR=str(disk))


@pytest.mark.parametrize(("place", "made"), [("results", True), (".", True), (".", False)])
def test_a_folder_that_cannot_be_written_is_named(checkout, place, made, tmp_path):
    """With an environment, and where one would have to be made first."""
    folder = checkout / place
    folder.mkdir(exist_ok=True)
    if not made:
        (checkout / ".venv/made-from").unlink()
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        said = refused(checkout, *BUILD, XDG_CACHE_HOME=str(tmp_path))
    assert f"Nothing can be written to {folder}: " in said


@pytest.mark.parametrize("home", [None, "/proc/nowhere"])
def test_any_letters_are_in_the_path_and_no_home_is_needed(home, undisturbed, tmp_path):
    """Not even root can write to /proc."""
    checkout = small_checkout(tmp_path / 'a "quoted" $HOME – l\'été 检查')
    assert_builds(checkout, undisturbed, LC_ALL="C", HOME=home, XDG_CACHE_HOME=None)


def test_the_user_s_own_settings_change_nothing(undisturbed, tmp_path):
    """A kernel that does not start, a numpy of another environment, a look and a locale."""
    checkout, home = small_checkout(tmp_path / "checkout"), tmp_path / "home"
    files = {
        "jupyter/kernels/python3/kernel.json": '{"argv": ["false"], "display_name": "Python 3"}',
        "modules/numpy/__init__.py": "raise ImportError('of another environment')",
        "matplotlibrc": "savefig.bbox: tight\nsvg.fonttype: none\n",
        ".config/matplotlib/matplotlibrc": "svg.fonttype: none\n",
        "startup.py": "mine = 1",
        "bash_env": "exit 3",
        "profile_default/startup/mine.py": "raise SystemExit",
        ".ipython/profile_default/startup/mine.py": "raise SystemExit",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    places = {
        **{"JUPYTER_PATH": "jupyter", "JUPYTER_CONFIG_DIR": "jupyter", "PYTHONPATH": "modules"},
        **{"MATPLOTLIBRC": "matplotlibrc", "MPLCONFIGDIR": ".", "PYTHONSTARTUP": "startup.py"},
        **{"BASH_ENV": "bash_env", "IPYTHONDIR": ".", "HOME": "."},
    }
    words = {"MPLBACKEND": "Agg", "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2", "LC_ALL": "C"}
    words |= {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "SNAKEMAKE_PROFILE": "of-the-user"}
    variables = {name: str(home / place) for name, place in places.items()} | words
    assert_builds(checkout, undisturbed, **variables)


def test_another_user_builds_in_a_clone_of_their_own_and_not_in_ours(undisturbed):
    # May read all, since this environment may be a part of root's home, and write nothing of ours.
    reader = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *reader)
    usable = [*nobody, "sh", "-c", f"'{sys.executable}' -c 'import nearopt'"]
    if shutil.which("setpriv") is None or subprocess.run(usable, check=False).returncode:
        pytest.skip("only root can be another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        checkout = small_checkout(Path(folder) / "checkout")
        home = Path(folder) / "home"
        home.mkdir()
        home.chmod(0o777)
        variables = {"HOME": str(home), "XDG_CACHE_HOME": None}
        said = refused(checkout, *nobody, *BUILD, **variables)
        assert f"Nothing can be written to {checkout}: " in said
        subprocess.run(["chown", "-R", "65534:65534", checkout], check=True)
        assert_builds(checkout, undisturbed, *nobody, **variables)


def test_of_two_builds_at_once_one_ends_right_and_the_other_says_why_not(checkout, undisturbed):
    builds = [start(checkout)]
    wait_for(builds[0], SNAKEMAKE)
    time.sleep(undisturbed.lives[SNAKEMAKE] / 3)
    builds.append(start(checkout))
    said = [build.communicate()[0] for build in builds]
    assert builds[0].returncode == 0, said[0]
    assert results_of(checkout) == undisturbed.results
    assert builds[1].returncode != 0
    assert "no other Snakemake process is trying to create the same files" in said[1]
    assert_nothing_is_left(checkout)


@pytest.fixture
def make_environment(tmp_path):
    """Start to make an environment, with a Python that pretends to install."""
    shutil.copytree(Path("workflow"), tmp_path / "workflow")
    (tmp_path / "requirements.lock").write_text("uv==1 \\\n    --hash=sha256:0\n")
    (tmp_path / "settings").write_text("global.index-url='https://here'\nglobal.target='/else'\n")
    (tmp_path / "missing").write_text("0")
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
case "$1 $2" in
  *_base_executable*) echo {python} ;;
  "-c import"*) exec "{sys.executable}" "$@" ;;
  "-m venv") echo made >> made; sleep 1; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip") [ "$3" = config ] && cat settings || {{ env > pip; cp "$0" .venv/bin/uv; }} ;;
  "pip install") env > last
                 case "$*" in *no-index*) exit $(cat missing) ;; *) cp last uv ;; esac ;;
  workflow/install.py*) exec "{sys.executable}" "$@" ;;
esac
"""
    )
    python.chmod(0o755)

    def start(python=python, folder=tmp_path):
        command = ["sh", "workflow/environment.sh", ".venv", "requirements.lock"]
        variables = os.environ | {"PYTHON": str(python), "PWD": str(folder)}
        return subprocess.Popen(command, cwd=folder, env=variables)

    return start


def test_two_commands_at_once_make_one_environment(make_environment, tmp_path):
    makers = [make_environment() for _ in range(2)]
    assert [maker.wait(60) for maker in makers] == [0, 0]
    assert (tmp_path / "made").read_text() == "made\n"


def test_an_environment_reached_by_a_link_is_the_same(make_environment, tmp_path):
    link = tmp_path.with_name("link")
    link.symlink_to(tmp_path)
    assert make_environment().wait(60) == 0
    assert make_environment(folder=link).wait(60) == 0
    assert (tmp_path / "made").read_text() == "made\n"


def test_of_pip_s_settings_only_those_of_access_count(make_environment, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("UV_EXCLUDE_NEWER", "2020-01-01")
    assert make_environment().wait(60) == 0
    pip, uv, last = ((tmp_path / name).read_text() for name in ("pip", "uv", "last"))
    assert "PIP_INDEX_URL=https://here" in pip
    assert "UV_DEFAULT_INDEX=https://here" in uv
    assert "https://here" not in last
    for word in ("/else", "PIP_USER", "UV_EXCLUDE_NEWER"):
        assert word not in pip + uv + last


def test_what_was_not_installed_is_told_and_tried_again(make_environment, tmp_path):
    (tmp_path / "missing").write_text("1")
    assert make_environment().wait(60) != 0
    (tmp_path / "missing").write_text("0")
    assert make_environment().wait(60) == 0
    assert (tmp_path / "made").read_text() == "made\nmade\n"


def test_an_environment_that_is_activated_is_made_anew(make_environment, tmp_path):
    """By the Python that it was made by: its own is removed with it."""
    assert make_environment().wait(60) == 0
    (tmp_path / "requirements.lock").write_text("# changed\n")
    assert make_environment(".venv/bin/python").wait(60) == 0
    assert (tmp_path / "made").read_text() == "made\nmade\n"


def test_a_change_counts_whatever_the_clock_says(undisturbed, tmp_path):
    """After the clock was set back, what is edited seems older than what was made from it."""
    checkout = copy_of(undisturbed.checkout, tmp_path / "copy")
    for path in (checkout / "results").rglob("*"):
        os.utime(path, (time.time() + 86400,) * 2)
    for name, old, new in (
        ("notebooks/01_small.py", "unit**2", "unit**3"),
        ("paper/main.typ", "[A line.]", "[Another.]"),
    ):
        before = results_of(checkout)["results/quick/paper.pdf"]
        path = checkout / name
        path.write_text(path.read_text().replace(old, new))
        os.utime(path, (1e9, 1e9))
        run(checkout, *BUILD)
        assert results_of(checkout)["results/quick/paper.pdf"] != before
        assert "27" in (checkout / "results/quick/01_small/squares.csv").read_text()


def test_a_source_from_the_future_is_named_and_its_date_left_alone(checkout):
    source, tomorrow = checkout / "notebooks/01_small.py", time.time() + 86400
    os.utime(source, (tomorrow,) * 2)
    assert "01_small.py" in refused(checkout, *BUILD)
    assert source.stat().st_mtime == tomorrow
