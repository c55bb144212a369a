"""Rerun every notebook small, at other seeds and at the edges of what the schema allows.

config/reruns.yaml lists the sets. Each run must end, with all of its verdicts holding.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from nearopt.report import load

Parameters = dict[str, Any]


def reruns(config: Path, first: bool) -> Iterator[tuple[str, str, Parameters]]:
    """Yield notebook, label and parameters of each run, or of the first seed and edge only."""
    paper, quick, content = (
        yaml.safe_load((config / f"{name}.yaml").read_text())
        for name in ("paper", "quick", "reruns")
    )
    seeds = content.pop("seeds")
    for notebook, sets in content.items():
        small = paper[notebook] | quick.get(notebook, {}) | sets["sizes"]
        changes = [{"seed": seed} for seed in seeds[: 1 if first else None]]
        for change in changes + sets["edges"][: 1 if first else None]:
            label = " ".join(f"{name}={value}" for name, value in change.items())
            yield notebook, label, small | change


def outcome(number: int, notebook: str, parameters: Parameters, folder: Path) -> tuple[bool, str]:
    """Run a notebook; return whether that went as it should, and what became of it."""
    results = folder / f"{number:03d}_{notebook}"
    command = [sys.executable, "workflow/run_notebook.py", f"notebooks/{notebook}.py"]
    command += ["--logs", str(folder / "logs"), "--results", str(results)]
    command += ["--parameters", json.dumps(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return False, done.stderr.strip()
    verdicts = load(results)["verdicts"]
    failed = [f"{v['statement']}: {v['measured']:.4g}" for v in verdicts if not v["passed"]]
    return not failed, f"FAILS: {'; '.join(failed)}" if failed else f"{len(verdicts)} verdicts hold"


def main() -> None:
    """Run them, as many at once as there are processors, and exit with 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", action="store_true", help="the first seed and edge only")
    parser.add_argument("--only", default="", help="notebooks whose name begins like this")
    arguments = parser.parse_args()
    runs = [r for r in reruns(Path("config"), arguments.first) if r[0].startswith(arguments.only)]
    folder = Path("results/reruns")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ends = pool.map(lambda n: outcome(n, runs[n][0], runs[n][2], folder), range(len(runs)))
        right = []
        for (notebook, label, _), (good, end) in zip(runs, ends, strict=True):
            print(f"{'ok' if good else 'WRONG':5} {notebook} {label}: {end}", flush=True)
            right.append(good)
    sys.exit(0 if all(right) else f"{right.count(False)} of {len(right)} reruns went wrong")


if __name__ == "__main__":
    main()
