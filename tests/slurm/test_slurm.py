"""The whole paper and a sweep through a real SLURM: the same bytes as without, whatever is lost."""

import re
import subprocess

import pytest
from checkout import (
    SMALL_NOTEBOOK,
    SMALL_SWEEP,
    copy_checkout,
    environment,
    results_of,
    run,
    small_checkout,
    write_sweep,
)
from one_machine import said, wait_for

pytestmark = pytest.mark.slow

HERE = ("--cores", "2")
SLURM = ("--profile", "workflow/profiles/slurm")
SWEEP = ("sweep", "--config", "sweep=small")


def assert_same_bytes(one, other):
    here, there = results_of(one), results_of(other)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_the_quick_paper_is_the_same_bytes_through_slurm(cluster, built, tmp_path):
    checkout = copy_checkout(tmp_path / "there")
    said = run(checkout, "snakemake", *SLURM, "--configfile", "config/quick.yaml")
    assert "submitted with SLURM jobid" in said
    assert_same_bytes(built, checkout)


def running():
    """Return the ids of the jobs that run now."""
    return said("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()


def slow_checkout(target):
    """A checkout with a sweep whose points take long enough to be killed."""
    checkout = small_checkout(target)
    waiting = SMALL_NOTEBOOK.replace("# %%\nsquares", "# %%\nimport time; time.sleep(20)\nsquares")
    (checkout / "notebooks/01_small.py").write_text(waiting)
    write_sweep(checkout, SMALL_SWEEP | {"grid": {"degrees": ["2"], "hidden_dim": [2, 3, 4]}})
    return checkout


def test_a_sweep_survives_a_killed_job_a_lost_controller_and_a_killed_submitter(cluster, tmp_path):
    here, there = (slow_checkout(tmp_path / name) for name in ("here", "there"))
    with (tmp_path / "log").open("w") as log:
        submitter = subprocess.Popen(
            ("snakemake", *SLURM, *SWEEP),
            cwd=there,
            env=environment(there),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        wait_for(running, "a running job", 120)
        said("scancel", running()[0])
        cluster.lose_controller()
        wait_for(running, "a job under the new controller", 120)
        submitter.kill()
        submitter.wait()
    # What docs/scale.md says to do next.
    (name,) = set(re.findall(r"SLURM run ID: (\S+)", (tmp_path / "log").read_text()))
    said("scancel", f"--name={name}")
    wait_for(lambda: not said("squeue", "--noheader"), "an empty queue")
    assert len(list((there / "results").rglob("values.json"))) < 3
    # A node whose job the lost controller did not know is drained, until somebody says so.
    cluster.resume_node()

    for checkout, how in ((there, SLURM), (here, HERE)):
        run(checkout, "snakemake", *how, *SWEEP)
    assert_same_bytes(here, there)
