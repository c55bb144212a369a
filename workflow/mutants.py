"""Mutation tests: change formulas a token at a time, and see the tests fail.

mutmut makes the mutants and runs, for each, the tests that call the changed function; which modules
and which tests, pyproject.toml says. It works in .mutants, where a run that was stopped goes on.

Usage: mutants.py REPORT. The report counts, and lists each survivor with the reason why it may
live, from tests/survivors.yaml.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import yaml
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

FOLDER = Path(".mutants")
# mutmut finds a package in src, not in lib, and needs what the tests read beside it.
LINKS = {"src": "lib", "tests": "tests", "pyproject.toml": "pyproject.toml"}
REASONS = Path("tests/survivors.yaml")
# A mutant that asks for more memory has failed.
MEMORY = 6 * 2**30
KILLED = {"killed", "timeout", "segfault"}
WANTED = 0.9

INTRODUCTION = """# Mutants

Does anything notice when a formula is wrong? `make mutants` changes one token at a time, an
operator, a number, an argument or a text, and runs the tests that call the changed function:
{tests}, but for those that are slow or lengthy and those that hypothesis generates. A mutant is
killed if a test fails, or does not end. Annotations, docstrings, constants of a module and methods
with a decorator are not changed.
"""


class Survivor(NamedTuple):
    """A mutant that no test has noticed."""

    where: str
    was: str
    becomes: str


class Module(NamedTuple):
    """What became of the mutants of a module."""

    name: str
    mutants: int
    run: int
    lives: list[Survivor]

    @property
    def killed(self) -> float:
        """Their share, of those that were run."""
        return 1 - len(self.lives) / max(1, self.run)


def stage(selection: list[str]) -> None:
    """Lay out what mutmut works on; what it found holds for these sources and tests only."""
    FOLDER.mkdir(exist_ok=True)
    for name, target in LINKS.items():
        link = FOLDER / name
        if not link.is_symlink():
            link.symlink_to(Path("..", target))
    helpers = (path for path in Path("tests").glob("*.py") if not path.name.startswith("test_"))
    paths = [*map(Path, selection), *sorted(helpers), *sorted(Path("lib").rglob("*.py"))]
    paths.append(Path("pyproject.toml"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    stamp = FOLDER / "made-from"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(FOLDER / "mutants", ignore_errors=True)
        stamp.write_text(digest)


def limit() -> None:
    """Let the mutants leave the machine to others."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run() -> None:
    """Run what has not been run."""
    threads = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [str(Path(sys.executable).with_name("mutmut")), "run"]
    # It turns a wheel, which is for a terminal.
    out = None if sys.stdout.isatty() else subprocess.DEVNULL
    environment = os.environ | threads
    done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=out, preexec_fn=limit)
    if done.returncode:
        raise SystemExit("mutmut stopped: see above.")


def place(mutant: str) -> str:
    """Return module.Class.function of a mutant's name."""
    function, owner = orig_function_and_class_names_from_key(mutant)
    module = mutant.split(".x", 1)[0].rpartition(".")[2]
    return ".".join(filter(None, (module, owner, function)))


def survivor(mutant: str, path: Path) -> Survivor:
    """Return what a mutant changes."""
    lines = get_diff_for_mutant(mutant, path=path).splitlines()[2:]
    was, becomes = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return Survivor(place(mutant), was, becomes)


def outcomes() -> Iterator[Module]:
    """Yield what became of each module; mutmut reads its files from where it ran."""
    for meta in sorted(Path("mutants").rglob("*.py.meta")):
        path = meta.relative_to("mutants").with_suffix("")
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        run = {name: status_by_exit_code[code] for name, code in codes.items() if code is not None}
        lives = [survivor(name, path) for name, status in run.items() if status not in KILLED]
        if codes:
            yield Module(path.stem, len(codes), len(run), lives)


def read_reasons() -> dict[Survivor, str]:
    """Return why each mutant that is known to live may do so."""
    entries = yaml.safe_load(REASONS.read_text()) or []
    return {
        Survivor(entry["in"], entry["was"], becomes): entry["why"]
        for entry in entries
        for becomes in entry["becomes"]
    }


def table(modules: list[Module]) -> Iterator[str]:
    """Yield the lines that count."""
    yield from ("| module | mutants | run | killed | live |", "|---|---|---|---|---|")
    for module in modules:
        name, mutants, run, live = module.name, module.mutants, module.run, len(module.lives)
        yield f"| `{name}` | {mutants} | {run} | {run - live} ({module.killed:.1%}) | {live} |"


def listing(survivors: list[Survivor], reasons: dict[Survivor, str]) -> Iterator[str]:
    """Yield the lines that name each survivor, with those of one reason together."""
    for where, of_function in groupby(survivors, key=lambda one: one.where):
        yield from (f"### `{where}`", "")
        explained = ((one.was, reasons.get(one, "**Nobody knows.**"), one) for one in of_function)
        for (was, reason), group in groupby(explained, key=lambda entry: entry[:2]):
            yield from (reason, "", "```diff", f"- {was}")
            yield from (f"+ {one.becomes}" for *_, one in group)
            yield from ("```", "")


def write(report: Path, tests: list[str], modules: list[Module]) -> list[str]:
    """Write the report.

    Returns
    -------
    list of str
        Modules that have not been run whole or of which too few are killed, survivors without a
        reason, reasons without a survivor.
    """
    reasons = read_reasons()
    survivors = sorted({one for module in modules for one in module.lives})
    introduction = INTRODUCTION.format(tests=", ".join(f"`{test}`" for test in tests))
    heading = "## Those that live, and why each may"
    lines = [introduction, *table(modules), "", heading, "", *listing(survivors, reasons)]
    report.write_text("\n".join(lines))
    few = [module for module in modules if module.killed < WANTED]
    part = [module for module in modules if module.run < module.mutants]
    return [
        *(f"{module.name}: not all have been run, start again to go on" for module in part),
        *(f"{module.name}: only {module.killed:.1%} are killed" for module in few),
        *(f"no reason: {one}" for one in survivors if one not in reasons),
        *(f"no survivor: {one}" for one in sorted(set(reasons) - set(survivors))),
    ]


def main() -> None:
    """Make the mutants, run them and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="docs/mutants.md")
    arguments = parser.parse_args()
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    tests = settings["pytest_add_cli_args_test_selection"]
    stage(tests)
    run()
    with chdir(FOLDER):
        modules = list(outcomes())
    faults = write(arguments.report, tests, modules)
    if faults:
        faults.append(f"{REASONS} and the tests do not meet what {arguments.report} says.")
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
