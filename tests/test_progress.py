"""How a build tells what it does: a line kept up to date on a terminal, plain lines elsewhere."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, environment

sys.path.append(str(ROOT / "workflow/plugins"))
from snakemake_logger_plugin_progress import Progress, cells, label, spoken

ONSTART = re.search(r"^onstart:\n(?:    .*\n)+", (ROOT / "Snakefile").read_text(), re.M).group()
RULES = """
SWEEP = None

rule all:
    input:
        "a.done", "b.done"

rule job:
    output:
        "{name}.done"
    benchmark:
        "logs/{name}.tsv"
    shell:
        "sleep 1.5; SECOND && touch {output}"
"""


def durations(folder, **seconds):
    """Write the benchmarks that a run leaves, and return where those of all jobs are."""
    for name, value in seconds.items():
        (folder / f"{name}.tsv").write_text(f"s\th:m:s\n{value}\t0:00:00\n")
    return [folder / f"{name}.tsv" for name in "abc"]


def test_what_is_left_is_what_each_job_took_the_last_time(tmp_path):
    a, b, c = durations(tmp_path, a=100, b=20, c=60)
    progress = Progress(cores=2)
    progress.announce([a, b, c])
    progress.start(1, a, now=0.0)
    progress.start(2, b, now=0.0)
    assert progress.left(0.0) == 100
    assert progress.left(15.0) == 85
    assert progress.finish(2, now=21.0) == "1 of 3 done: b, 21 s"
    progress.start(3, c, now=21.0)
    # Two cores would share 59 and 40 seconds evenly, but a job is not split.
    assert progress.left(41.0) == 59
    line = "1 of 3 done; about 59 s left; a 41 s of about 2 min; c 20 s of about 60 s "
    assert progress.line(41.0) == line
    progress.finish(3, now=80.0)
    assert progress.line(500.0).startswith("2 of 3 done; longer than the last time; a 8 min")


def test_without_an_earlier_run_there_is_no_guess_but_the_cells(tmp_path):
    a, b, c = durations(tmp_path, b=20, c=60)
    (tmp_path / "a.tsv").write_text("damaged")
    states = ["completed", "completed", "running", "pending"]
    code = [{"cell_type": "code", "metadata": {"papermill": {"status": s}}} for s in states]
    notebook = {"cells": [{"cell_type": "markdown", "metadata": {}}, *code]}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    progress = Progress(cores=2)
    progress.announce([a, b, c])
    progress.start(1, a, now=0.0)
    assert progress.left(5.0) is None
    line = progress.line(5.0)
    assert line == "0 of 3 done; a 5 s, 2 of 4 cells; no earlier run says how long "
    (tmp_path / "a.ipynb").write_text('{"cells": [')
    assert cells(a) == ""


def test_a_point_of_a_sweep_is_called_by_all_its_parameters():
    point = Path("logs/paper/sweeps/rank/points/degrees~1+3/scale~0.5.tsv")
    assert label(point) == "degrees~1+3/scale~0.5"
    assert label(Path("logs/quick/01_small.tsv")) == "01_small"
    progress = Progress({point: 20.0})
    progress.start(1, point, now=0.0)
    line = "0 of 1 done; about 15 s left; degrees~1+3/scale~0.5 5 s of about 20 s "
    assert progress.line(5.0) == line
    assert progress.finish(1, now=9.0) == "1 of 1 done: degrees~1+3/scale~0.5, 9 s"


def test_durations_are_in_the_unit_that_suits_them():
    assert [spoken(seconds) for seconds in (0.4, 99, 150, 7200)] == [
        "0 s",
        "99 s",
        "2 min",
        "120 min",
    ]


@pytest.fixture
def build(tmp_path):
    """Run a workflow of two short jobs, whose standard error goes to `stream`."""

    def start(stream, *options, second="true"):
        (tmp_path / "Snakefile").write_text(ONSTART + RULES.replace("SECOND", second))
        command = ["snakemake", "--cores", "2", "--logger", "progress", *options]
        own = {"PYTHONPATH": sys.path[-1], "TERM": "xterm", "XDG_CACHE_HOME": str(tmp_path)}
        env = environment(ROOT) | own
        return subprocess.run(command, cwd=tmp_path, env=env, stderr=stream, text=True, check=False)

    return start


def on_a_terminal(build, *options, **changed):
    """Return the code that a build ends with and what a terminal shows of it."""
    ours, theirs = pty.openpty()
    done = build(theirs, *options, **changed)
    os.close(theirs)
    text = b""
    while chunk := _read(ours):
        text += chunk
    os.close(ours)
    return done.returncode, text.decode()


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a pty says that its other end is closed
        return b""


def test_elsewhere_than_on_a_terminal_each_job_has_one_plain_line(build):
    done = build(subprocess.PIPE)
    assert done.returncode == 0
    first, last = done.stderr.splitlines()
    assert re.fullmatch(r"1 of 2 done: [ab], \d+ s", first)
    assert re.fullmatch(r"2 of 2 done: [ab], \d+ s", last)
    again = build(subprocess.PIPE)
    assert again.stderr == "Nothing to be done (all requested files are present and up to date).\n"


def test_an_error_is_told_in_full(build):
    done = build(subprocess.PIPE, second="test {wildcards.name} = a")
    assert done.returncode != 0
    assert "Error in rule job" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_terminal_shows_what_runs_and_the_second_time_how_long_is_left(build, tmp_path):
    code, text = on_a_terminal(build)
    assert code == 0
    assert re.search(r"0 of 2 done; [ab] 1 s; [ab] 1 s; no earlier run says how long", text)
    for path in Path(tmp_path).glob("*.done"):
        path.unlink()
    code, text = on_a_terminal(build)
    assert code == 0
    assert re.search(r"0 of 2 done; about [01] s left; [ab] 1 s of about 2 s; ", text)
    assert text.endswith("\r\x1b[K")


def test_a_failed_job_runs_no_longer_while_the_others_go_on(build):
    second = "test {wildcards.name} = b && sleep 3"
    code, text = on_a_terminal(build, "--keep-going", second=second)
    assert code != 0
    before, after = text.split("Error in rule job", 1)
    assert re.search(r"0 of 2 done; [ab] 1 s; [ab] 1 s; ", before)
    assert re.search(r"0 of 2 done; b \d s; ", after)
