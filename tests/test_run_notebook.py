"""What the command that runs a notebook refuses before it starts a kernel, and what it stores."""

import os
import shutil
import sys

import jupytext
import nbformat
import pytest
from checkout import ROOT, quick, run, small_checkout
from jupytext.cli import jupytext as jupytext_command
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
def pair(tmp_path):
    """A checkout whose small notebook has a pair that was edited."""
    checkout = small_checkout(tmp_path / "checkout")
    source = checkout / "notebooks/01_small.py"
    notebook = jupytext.read(source)
    notebook.cells[0].source = notebook.cells[0].source.replace("= 3", "= 2")
    jupytext.write(notebook, source.with_suffix(".ipynb"))
    return source


def test_an_edited_ipynb_is_refused_before_anything_runs(pair, monkeypatch):
    checkout = pair.parents[1]
    refusal = "01_small.ipynb was edited, and "
    assert refusal in said(monkeypatch, pair, "--logs", "logs", checkout=checkout)
    lab = run(checkout, "make", "lab", "LAB=--version")
    for done in (quick(checkout, "--cores", "1"), lab):
        assert done.returncode != 0
        told = done.stdout + done.stderr
        assert refusal in told
        assert "Traceback" not in told
    assert not (checkout / "results").exists()


def test_an_edited_source_is_what_runs(pair):
    os.utime(pair)
    refuse_edited(pair)


def test_what_the_refusal_says_takes_the_edit_over(pair):
    jupytext_command(["--sync", str(pair.with_suffix(".ipynb"))])
    assert "hidden_dim: int = 2" in pair.read_text()
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


@pytest.mark.slow
def test_what_a_cell_prints_slowly_is_stored_in_one_piece(tmp_path):
    """How a kernel divides what it tells depends on how busy the machine is."""
    checkout = small_checkout(tmp_path)
    with (checkout / "notebooks/01_small.py").open("a") as stream:
        stream.write("\n# %%\nimport time\nfor n in range(3):\n    print(n)\n    time.sleep(0.5)\n")
    done = run(
        checkout, "python", "workflow/run_notebook.py", "notebooks/01_small.py", "--logs", "l"
    )
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(checkout / "notebooks/01_small.ipynb", as_version=4)
    assert [output.text for output in notebook.cells[-1].outputs] == ["0\n1\n2\n"]
