"""The mutation tests, on a package of one formula."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SETTINGS = """[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/toy/*.py"]
pytest_add_cli_args_test_selection = ["tests/test_toy.py"]
"""
FORMULA = """def cubic(x):
    return 2 * x**3 - 5 * x**2 + 7 * x + 11 - 0
"""
TEST = """from toy.formula import cubic


def test_cubic():
    assert [cubic(x) for x in range(-2, 3)] == [-39, -3, 11, 15, 21]
"""
SURVIVORS = [
    {
        "in": "formula.cubic",
        "was": "return 2 * x**3 - 5 * x**2 + 7 * x + 11 - 0",
        "becomes": ["return 2 * x**3 - 5 * x**2 + 7 * x + 11 + 0"],
        "why": "Nothing is nothing.",
    }
]


def mutate(folder):
    command = [sys.executable, ROOT / "workflow/mutants.py", "report.md"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def lay(folder, test, survivors):
    files = {
        "pyproject.toml": SETTINGS,
        "lib/toy/__init__.py": "",
        "lib/toy/formula.py": FORMULA,
        "tests/test_toy.py": test,
        "tests/survivors.yaml": yaml.safe_dump(survivors),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.slow
def test_survivors_are_listed_with_their_reasons_the_same_each_time(tmp_path):
    lay(tmp_path, TEST, SURVIVORS)
    reports = []
    for _ in range(2):
        done = mutate(tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        reports.append((tmp_path / "report.md").read_bytes())
    assert reports[0] == reports[1]
    text = reports[0].decode()
    assert "| `formula` | 16 | 16 | 15 (93.8%) | 1 |" in text
    assert "Nothing is nothing." in text


@pytest.mark.slow
def test_what_nobody_explains_is_an_error(tmp_path):
    lay(tmp_path, TEST.replace("range(-2, 3)", "[1]").replace("-39, -3, 11, 15, 21", "15"), [])
    done = mutate(tmp_path)
    assert done.returncode == 1
    assert "formula: only 62.5% are killed" in done.stderr
    assert done.stderr.count("no reason: Survivor(where='formula.cubic'") == 6
    lay(tmp_path, TEST, [*SURVIVORS, SURVIVORS[0] | {"becomes": ["gone"]}])
    done = mutate(tmp_path)
    assert done.returncode == 1
    assert "no survivor: Survivor(where='formula.cubic'" in done.stderr
