"""Collect the verdicts of all notebooks into claims.json, or print them and fail if one fails."""

import argparse
import json
import sys
from pathlib import Path


def collect(folders: list[Path], output: Path) -> None:
    """Write the verdicts of these results folders, once their checksums are found right."""
    # Here, because the report should not wait for what it does not need.
    from nearopt.results import load

    claims = [
        {"notebook": content["notebook"], **verdict}
        for content in map(load, folders)
        for verdict in content["verdicts"]
    ]
    claims.sort(key=lambda claim: claim["claim"])
    output.write_text(json.dumps(claims, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def report(claims: Path) -> bool:
    """Print a line for each verdict and return whether all hold."""
    verdicts = json.loads(claims.read_text())
    for v in verdicts:
        word = "holds" if v["passed"] else "FAILS"
        spread = f" ± {v['error']:.2g}" if v["error"] else ""
        numbers = f"{v['measured']:.4g}{spread}, expected {v['expected']:.4g}"
        print(f"{v['claim']} {word}: {v['statement']}: {numbers} within {v['tolerance']:.2g}")
    return all(v["passed"] for v in verdicts)


def main() -> None:
    """Collect, or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", type=Path, help="claims.json")
    parser.add_argument("--collect", type=Path, nargs="+", help="results folders to collect from")
    arguments = parser.parse_args()
    if arguments.collect:
        collect(arguments.collect, arguments.claims)
    elif not report(arguments.claims):
        sys.exit("At least one claim fails: see FAILS above.")


if __name__ == "__main__":
    main()
