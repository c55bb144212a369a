"""What the command that runs a notebook refuses before it starts a kernel, and what it stores."""

import os
import re
import shutil
import signal
import subprocess
import sys

import jupytext
import nbformat
import pytest
from checkout import QUICK, ROOT, attempt, refused, run, small_checkout
from jupytext.cli import jupytext as jupytext_command
from pair import to_store
from run_notebook import kernel_config, main
from sources import refuse_edited
from zmq import IPC_PATH_MAX_LEN


def said(monkeypatch, *arguments, checkout=ROOT):
    """Run the command in a checkout and return what it ends with."""
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(sys, "argv", ["run_notebook.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["notebooks/01_linear_asymptotics.ipynb", "nothing.py", "notebooks", "README.md"]
)
def test_what_is_no_text_notebook_is_refused_and_those_there_are_named(name, monkeypatch, tmp_path):
    message = said(monkeypatch, name, "--logs", tmp_path / "logs")
    assert message.startswith(f"{name} is no text notebook; there are notebooks/01_linear")
    assert "notebooks/sweeps/exact_rank.py" in message
    assert not (tmp_path / "logs").exists()


def test_a_temporary_folder_too_long_for_sockets_is_named_with_the_remedy(tmp_path):
    """Each of a kernel's five sockets is the address with its number."""
    longest = IPC_PATH_MAX_LEN - len(f"{tmp_path}//kernel-5")
    address = kernel_config(tmp_path / ("a" * longest)).KernelManager.ip
    assert len(f"{address}-5") == IPC_PATH_MAX_LEN
    with pytest.raises(ValueError, match=f"TMPDIR = {tmp_path} is too long .*: use another"):
        kernel_config(tmp_path / ("a" * (longest + 1)))


@pytest.fixture
def pair(checkout):
    """A checkout whose small notebook has a pair that was edited, before its source was touched."""
    source = checkout / "notebooks/01_small.py"
    notebook = to_store(jupytext.read(source), source)
    notebook.cells[0].source = notebook.cells[0].source.replace("= 3", "= 2")
    jupytext.write(notebook, source.with_suffix(".ipynb"))
    os.utime(source)
    return source


@pytest.mark.parametrize("also", [False, True])
def test_an_edited_ipynb_is_refused_before_anything_runs(also, pair, monkeypatch):
    """Also where its source was edited, and later: either edit would be lost."""
    checkout = pair.parents[1]
    refusal = "01_small.ipynb was edited, and "
    if also:
        pair.write_text(pair.read_text().replace("squares[-1]", "max(squares)"))
        refusal = "01_small.py were both edited, and "
    before = [pair.with_suffix(ending).read_bytes() for ending in (".py", ".ipynb")]
    assert refusal in said(monkeypatch, pair, "--logs", "logs", checkout=checkout)
    for command in (QUICK, ("make", "lab", "LAB=--version")):
        assert refusal in refused(checkout, *command)
    assert not (checkout / "results").exists()
    assert before == [pair.with_suffix(ending).read_bytes() for ending in (".py", ".ipynb")]


def take(pair):
    """Refuse the pair, and run the command that the refusal names first."""
    with pytest.raises(ValueError, match="01_small.ipynb") as caught:
        refuse_edited(pair)
    command = re.search(r": (.*) (?:takes the|shows where)", str(caught.value)).group(1)
    return attempt(pair.parents[1], "sh", "-c", command)[1]


def test_what_the_refusal_says_takes_the_edit_over(pair):
    take(pair)
    assert "hidden_dim: int = 2" in pair.read_text()
    refuse_edited(pair)


def test_what_the_refusal_of_two_edits_says_shows_both(pair):
    pair.write_text(pair.read_text().replace("squares[-1]", "max(squares)"))
    told = take(pair)
    for line in ("> hidden_dim: int = 2", "< results.value..*max.squares.*"):
        assert re.search(f"^{line}", told, re.M), told


def test_an_edited_source_is_what_runs(pair):
    with pair.open("a") as stream:
        stream.write("\n# %%\nlargest = max(squares)\n")
    notebook = jupytext.read(pair.with_suffix(".ipynb"))
    notebook.cells[0].source = notebook.cells[0].source.replace("= 2", "= 3")
    jupytext.write(notebook, pair.with_suffix(".ipynb"))
    refuse_edited(pair)


def test_a_pair_that_git_could_not_merge_is_named(pair):
    pair.with_suffix(".ipynb").write_text("<<<<<<< HEAD\n")
    with pytest.raises(
        ValueError, match="01_small.ipynb is no notebook, Expecting value.*checkout"
    ):
        refuse_edited(pair)


def test_jupytext_finds_the_stored_pairs_in_step(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    before = {path: path.read_bytes() for path in tmp_path.glob("notebooks/*.*")}
    for older in ("py", "ipynb"):
        for path in tmp_path.glob(f"notebooks/*.{older}"):
            os.utime(path, (1e9, 1e9))
        jupytext_command(["--sync", *map(str, tmp_path.glob("notebooks/*.py"))])
        assert {path: path.read_bytes() for path in tmp_path.glob("notebooks/*.*")} == before


def test_an_interrupt_of_its_imports_ends_the_command_without_a_traceback():
    """They are seconds of each build on a busy machine."""
    command = [sys.executable, "-X", "importtime", "workflow/run_notebook.py", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        next(line for line in running.stderr if "jupytext" in line)
        running.send_signal(signal.SIGINT)
        assert "Traceback" not in running.stderr.read()
    assert running.returncode == -signal.SIGINT


@pytest.mark.slow
def test_what_a_cell_prints_slowly_is_stored_in_one_piece(tmp_path):
    """How a kernel divides what it tells depends on how busy the machine is."""
    checkout = small_checkout(tmp_path)
    with (checkout / "notebooks/01_small.py").open("a") as stream:
        stream.write("\n# %%\nimport time\nfor n in range(3):\n    print(n)\n    time.sleep(0.5)\n")
    run(checkout, "python", "workflow/run_notebook.py", "notebooks/01_small.py", "--logs", "l")
    notebook = nbformat.read(checkout / "notebooks/01_small.ipynb", as_version=4)
    assert [output.text for output in notebook.cells[-1].outputs] == ["0\n1\n2\n"]
