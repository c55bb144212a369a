"""Collect the verdicts of all notebooks into claims.json, or close a build with a summary."""

import argparse
import csv
import html
import json
import math
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nearopt.report.results import load


def collect(folders: list[Path]) -> str:
    """Return claims.json, the verdicts of these folders, once their checksums are found right."""
    claims = [
        {"notebook": content["notebook"], **verdict}
        for content in map(load, sorted(folders))
        for verdict in content["verdicts"]
    ]
    claims.sort(key=lambda claim: claim["claim"])
    return json.dumps(claims, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def folders(results: Path) -> list[Path]:
    """Return the results folders of this checkout's notebooks: another branch may have left its."""
    named = [results / path.stem for path in sorted(Path("notebooks").glob("*.py"))]
    return [folder for folder in named if (folder / "values.json").is_file()]


def check(results: Path) -> None:
    """Refuse a build whose files are not as saved, or whose claims.json is not theirs."""
    text = collect(folders(results))
    claims = results / "claims.json"
    if not claims.is_file() or claims.read_bytes() != text.encode():
        raise ValueError(
            f"{claims} is missing or was changed after it was saved; delete {claims} and try again"
        )


def numbers(verdict: dict[str, Any]) -> tuple[str, str]:
    """Return what was measured and expected, in as many digits as the tolerance tells apart."""
    spread = f" ± {verdict['error']:.2g}" if verdict["error"] else ""
    measured, expected, tolerance = (verdict[k] for k in ("measured", "expected", "tolerance"))
    digits = 1 - math.floor(math.log10(tolerance / abs(measured))) if tolerance and measured else 4
    form = f"#.{min(digits, 15)}g" if digits > 4 else ".4g"
    return f"{measured:{form}}{spread}", f"{expected:{form}}"


def holds(verdict: dict[str, Any]) -> str:
    """Return a line that says what became of a claim."""
    word = "holds" if verdict["passed"] else "FAILS"
    measured, expected = numbers(verdict)
    within = f"{measured}, expected {expected} within {verdict['tolerance']:.2g}"
    return f"{verdict['claim']} {word}: {verdict['statement']}: {within}"


def durations(logs: Path) -> list[str]:
    """Return a line for each notebook that says how long its last run took, if that is known."""
    lines = []
    for path in sorted(logs.glob("*.tsv")):
        with path.open() as stream, suppress(StopIteration, KeyError, ValueError):
            seconds = float(next(csv.DictReader(stream, delimiter="\t"))["s"])
            if path.stem != "paper":
                lines.append(f"{path.stem}: {seconds:.0f} s")
    return lines


def report(claims: Path, paint: bool) -> bool:
    """Print what a build found, how long it took and where all is; return whether all claims hold.

    With `paint` verdicts are in colour: for a terminal, never for a file.
    """
    verdicts = json.loads(claims.read_text())
    for verdict in verdicts:
        colour = 32 if verdict["passed"] else 31
        print(f"\x1b[{colour}m{holds(verdict)}\x1b[0m" if paint else holds(verdict))
    results = claims.parent
    # As the Snakefile has it.
    for line in durations(Path(str(results).replace("results", "logs", 1))):
        print(line)
    print(f"Paper: {results / 'paper.pdf'}")
    site = results / "site/index.html"
    print(f"Pages: {site if site.is_file() else f'make site CONFIG={results.name}'}")
    return all(verdict["passed"] for verdict in verdicts)


def main() -> None:
    """Collect, or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", type=Path, help="claims.json")
    parser.add_argument("--collect", type=Path, nargs="+", help="results folders to collect from")
    arguments = parser.parse_args()
    try:
        if arguments.collect:
            text = collect(arguments.collect)
            arguments.claims.write_text(text)
            lines = html.escape("\n".join(map(holds, json.loads(text))))
            arguments.claims.with_suffix(".html").write_text(
                f'<meta charset="utf-8"><pre>{lines}</pre>'
            )
            return
        check(arguments.claims.parent)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    if not report(arguments.claims, sys.stdout.isatty() and "NO_COLOR" not in os.environ):
        sys.exit("At least one claim fails: see FAILS above.")


if __name__ == "__main__":
    main()
