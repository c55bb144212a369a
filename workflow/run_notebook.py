"""Run one notebook with parameters: text, ipynb, papermill, and its results all or nothing.

The results folder appears, or is replaced, only when the notebook has run to its end. A failed
run leaves the notebook, with its traceback, beside the log.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Ctrl-C ends the seconds of imports without a traceback of theirs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import jupytext
import papermill
from ipykernel.kernelspec import write_kernel_spec
from nbformat import NotebookNode
from pair import clean, read_notebook, to_store
from papermill.exceptions import PapermillExecutionError
from sources import refuse_edited
from traitlets.config import Config
from zmq import IPC_PATH_MAX_LEN

from nearopt.report.parameters import check_parameters
from nearopt.report.results import THREADS, add_file


def kernel_config(folder: Path) -> Config:
    """Let the kernel talk through sockets in `folder`: ports may collide when kernels start."""
    address = str(folder / "kernel")
    if len(os.fsencode(f"{address}-1")) > IPC_PATH_MAX_LEN:
        raise ValueError(f"TMPDIR = {folder.parent} is too long a path for sockets: use another")
    config = Config()
    config.KernelManager.transport = "ipc"
    config.KernelManager.ip = address
    return config


def reason(error: Exception) -> str:
    """Say why a run ended: a cell raised, or the kernel died, which nbclient tells."""
    if isinstance(error, PapermillExecutionError):
        return f"{error.ename}: {error.evalue}"
    return f"{error}, killed perhaps for want of memory: run it again."


def execute(
    source: Path, parameters: dict[str, Any], output: Path, log: Path, bar: bool = False
) -> NotebookNode:
    """Run the notebook, its cells' text going live to `log`, the notebook so far to `output`.

    With `bar`, a terminal shows how far it is.
    """
    with tempfile.TemporaryDirectory(prefix="nearopt-") as scratch, log.open("w") as stream:
        folder = Path(scratch)
        # A kernel of this Python that Jupyter finds first, and no file of the user's settings.
        write_kernel_spec(str(folder / "kernels/python3"))
        own = ("IPYTHONDIR", "JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")
        # One thread, because the order of a threaded sum would decide the last digits.
        os.environ |= dict.fromkeys(THREADS, "1") | dict.fromkeys(own, scratch)
        # Makes the list of fonts; a kernel that has to, on a busy machine, warns in its notebook.
        import matplotlib.font_manager  # noqa: F401

        text = folder / "input.ipynb"
        jupytext.write(clean(read_notebook(source)), text)
        unknown = sorted(set(parameters) - set(papermill.inspect_notebook(str(text))))
        if unknown:
            raise ValueError(f"{source} has no parameter {', '.join(unknown)}")
        try:
            papermill.execute_notebook(
                text,
                output,
                parameters,
                kernel_name="python3",
                progress_bar={"desc": source.stem, "disable": not (bar and sys.stderr.isatty())},
                stdout_file=stream,
                stderr_file=stream,
                cwd=source.parent,
                # A kernel that is asked to stop may take the question for Ctrl-C, and say so.
                shutdown_kernel="immediate",
                # A busy machine tells in pieces what a cell prints.
                coalesce_streams=True,
                config=kernel_config(folder),
            )
        except (PapermillExecutionError, RuntimeError) as error:
            stream.write(re.sub(r"\x1b\[[0-9;]*m", "", str(error)))
            raise SystemExit(
                f"{source}: {reason(error)}\n"
                f"The notebook so far is {output}, what it printed or raised is in {log}."
            ) from None
    return clean(jupytext.read(output))


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait for a run into the same folder: one whose Snakemake was killed goes on to its end."""
    with lock.open("a") as stream:
        with contextlib.suppress(OSError):  # There are file systems without locks.
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def run(source: Path, parameters: dict[str, Any], results: Path, logs: Path) -> None:
    """Run the notebook into `results`, with its log in `logs`."""
    name = results.name
    partial = results.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    inside = os.path.relpath(partial, source.parent)
    output = logs / f"{name}.ipynb"
    given = parameters | {"results_dir": inside}
    notebook = execute(source, given, output, logs / f"{name}.log")
    for cell in notebook.cells:
        cell.source = cell.source.replace(inside, os.path.relpath(results, source.parent))
    jupytext.write(notebook, partial / "notebook.ipynb")
    add_file(partial, "notebook.ipynb")
    shutil.rmtree(results, ignore_errors=True)
    partial.rename(results)
    output.unlink()


def refresh(source: Path, logs: Path) -> None:
    """Run the notebook with its own defaults and store it, outputs and all, beside its source."""
    logs.mkdir(parents=True, exist_ok=True)
    output, log = (logs / f"{source.stem}.{ending}" for ending in ("ipynb", "log"))
    notebook = to_store(execute(source, {}, output, log, bar=True), source)
    partial = logs / f"{source.stem}.clean.ipynb"
    jupytext.write(notebook, partial)
    refuse_edited(source)  # Again, for it took minutes.
    partial.replace(source.with_suffix(".ipynb"))
    output.unlink()


def main() -> None:
    """Run a notebook into a results folder, or refresh the outputs that are committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path, help="the text notebook, notebooks/NAME.py")
    parser.add_argument("--logs", type=Path, required=True, help="the folder of logs")
    parser.add_argument("--results", type=Path, help="the folder to write; without it, refresh")
    parser.add_argument("--parameters", type=json.loads, default={}, help="as JSON")
    arguments = parser.parse_args()
    notebook, results, logs = arguments.notebook, arguments.results, arguments.logs
    try:
        if notebook.suffix != ".py" or not notebook.is_file():
            known = ", ".join(map(str, sorted(Path("notebooks").rglob("*.py"))))
            raise ValueError(f"{notebook} is no text notebook; there are {known}")
        refuse_edited(notebook)
        if results is None:
            refresh(notebook, logs)
            return
        check_parameters(notebook.stem, arguments.parameters)
        logs.mkdir(parents=True, exist_ok=True)
        results.parent.mkdir(parents=True, exist_ok=True)
        with alone(logs / f".{results.name}.lock"):
            run(notebook, arguments.parameters, results, logs)
    except KeyboardInterrupt:
        sys.exit(f"{notebook} was stopped; the next run begins it anew.")
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{notebook}: {error}: see to the disk or the rights, and run it again.")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
