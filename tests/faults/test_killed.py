"""Whatever is killed, and whenever: the next build ends by itself, in the same bytes."""

import contextlib
import os
import random
import shutil
import signal
import time

import psutil
import pytest
from builds import KERNEL, PAPERMILL, SNAKEMAKE, assert_nothing_is_left, start, wait_for
from checkout import results_of, run

pytestmark = pytest.mark.slow

CHANCE = random.Random(20251217)
VICTIMS = [SNAKEMAKE, PAPERMILL, KERNEL] * 2
CASES = [(victim, round(CHANCE.random(), 3)) for victim in VICTIMS]


def strike(checkout, victim, seconds):
    """Kill a process of a build after so many seconds of its life; return what the build said."""
    while True:
        build = start(checkout)
        process = wait_for(build, victim)
        time.sleep(seconds)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        said = build.communicate()[0]
        if build.returncode:
            return said
        # Too late: it was faster than when it was measured. Once more from the start, and sooner.
        shutil.rmtree(checkout / "results")
        seconds /= 2


@pytest.mark.parametrize(("victim", "moment"), CASES)
def test_the_build_after_a_kill_ends_in_the_same_bytes(checkout, victim, moment, undisturbed):
    said = strike(checkout, victim, moment * undisturbed.lives[victim])
    assert "Traceback" not in said
    if victim == KERNEL:
        assert "killed perhaps for want of memory: run it again" in said
    # At once, while what the killed process had started may still run.
    run(checkout, "make", "quick")
    assert results_of(checkout) == undisturbed.results
    assert_nothing_is_left(checkout)


def test_ctrl_c_leaves_no_process_and_the_next_build_ends_right(checkout, undisturbed):
    for victim in (SNAKEMAKE, PAPERMILL, KERNEL):
        build = start(checkout)
        wait_for(build, victim)
        # In the first half of its life, so that a machine that got faster has not ended it yet.
        time.sleep(CHANCE.random() * undisturbed.lives[victim] / 2)
        os.killpg(build.pid, signal.SIGINT)
        said = build.communicate()[0]
        assert build.returncode != 0, said
        assert_nothing_is_left(checkout)
    run(checkout, "make", "quick")
    assert results_of(checkout) == undisturbed.results


def test_an_interrupted_build_says_so_without_a_traceback(checkout):
    with (checkout / "notebooks/01_small.py").open("a") as stream:
        stream.write('import time; print("asleep", flush=True); time.sleep(50)\n')
    build, log = start(checkout), checkout / "logs/quick/01_small.log"
    while not log.exists() or "asleep" not in log.read_text():
        assert build.poll() is None
        time.sleep(0.1)
    os.killpg(build.pid, signal.SIGINT)
    said = build.communicate(timeout=60)[0]
    assert build.returncode != 0
    assert "notebooks/01_small.py was stopped; the next run begins it anew." in said
    assert "Traceback" not in said
