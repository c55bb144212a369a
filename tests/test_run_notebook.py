"""What the command that runs a notebook refuses before it starts a kernel."""

import sys

import pytest
from checkout import ROOT
from run_notebook import main


def said(monkeypatch, *arguments):
    """Run the command in the checkout and return what it ends with."""
    monkeypatch.chdir(ROOT)
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
