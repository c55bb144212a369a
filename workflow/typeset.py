"""Typeset the manuscript from the results, offline and to the same bytes each time."""

import argparse
import os
import sys
from pathlib import Path

import typst
from claims import check


def main() -> None:
    """Compile paper/main.typ, which reads every number and figure from the results folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manuscript", type=Path)
    parser.add_argument("results", type=Path, help="the folder of results, inside this checkout")
    parser.add_argument("pdf", type=Path)
    arguments = parser.parse_args()
    partial = arguments.pdf.with_suffix(".partial")
    try:
        check(arguments.results)
        typst.compile(
            arguments.manuscript,
            output=partial,
            root=Path.cwd(),
            ignore_system_fonts=True,
            sys_inputs={"results": f"/{arguments.results.as_posix()}"},
            format="pdf",
            timestamp=0,
        )
    except ValueError as error:
        sys.exit(str(error))
    except typst.TypstError as error:
        sys.exit(error.diagnostic)
    os.replace(partial, arguments.pdf)


if __name__ == "__main__":
    main()
