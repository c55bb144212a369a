"""The cluster that all tests of this folder share."""

import os
import shutil

import pytest
from one_machine import CONFIGURATION, MARK, NEEDED, SBIN, Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    missing = [name for name in NEEDED if not shutil.which(name, path=SBIN)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("only root can start a SLURM cluster")
    if CONFIGURATION.exists() and not CONFIGURATION.read_text().startswith(MARK):
        pytest.skip(f"this machine is part of a cluster: it has {CONFIGURATION}")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop()
