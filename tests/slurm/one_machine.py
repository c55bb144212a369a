"""A SLURM cluster of this one machine, for as long as its tests run."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil

# Jobs look for it nowhere else: the executor takes SLURM's variables out of their environment.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
MARK = "# A cluster of one machine, made by the tests of nearopt"
SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
HOST = os.uname().nodename.partition(".")[0]
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")

TEMPLATE = """{mark}
ClusterName=nearopt
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}
PartitionName=all Nodes=ALL Default=YES MaxTime=60 State=UP
"""


class Cluster:
    """The daemons of a cluster of one machine; `stop` ends all that it has started."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = {}
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        values = {
            "mark": MARK,
            "folder": folder,
            "host": HOST,
            "port": 36817,
            "node_port": 36818,
            "cpus": os.cpu_count(),
            "memory": psutil.virtual_memory().total // 2**20 - 256,
        }
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(TEMPLATE.format(**values))

    def start(self, name, *arguments):
        """Start a daemon in the foreground of a process of ours."""
        with (self.folder / f"{name}.log").open("a") as log:
            command = [shutil.which(name, path=SBIN), *arguments]
            self.daemons[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def start_all(self):
        """Start every daemon and wait until the node is idle."""
        files = ("key-file=munge.key", "socket=munge.socket", "pid-file=munged.pid")
        files += ("log-file=munge.own.log", "seed-file=munge.seed")
        options = [f"--{a}={self.folder}/{b}" for a, b in (f.split("=") for f in files)]
        self.start("munged", "--foreground", "--force", *options)
        wait_for(lambda: (self.folder / "munge.socket").exists(), "munge's socket")
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        wait_for(lambda: "idle" in said("sinfo", "--noheader", "--format=%T"), "an idle node")

    def lose_controller(self):
        """Kill the controller, and start another after a while."""
        # One that has not saved the last jobs yet would give their numbers away again.
        time.sleep(8)
        self.daemons["slurmctld"].kill()
        self.daemons["slurmctld"].wait()
        time.sleep(5)
        self.start("slurmctld", "-D")

    def resume_node(self):
        """Use the node again, if it was drained."""
        said("scontrol", "update", f"NodeName={HOST}", "State=RESUME")

    def stop(self):
        """End jobs and daemons and take the configuration away."""
        said("scancel", "--user=root")
        wait_for(lambda: not said("squeue", "--noheader"), "the last job", fail=False)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
            daemon.wait(30)
        CONFIGURATION.unlink()


def said(*command):
    """Return what a command prints, nothing if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_for(condition, what, seconds=60, fail=True):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            assert not fail, f"waited {seconds} s for {what}"
            return
        time.sleep(0.3)
