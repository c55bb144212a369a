"""From configuration to PDF: check, run each notebook, collect the claims, typeset."""

import json
import os
import sys
from pathlib import Path

from nearopt.report.parameters import check_config


configfile: "config/paper.yaml"


SWEEP = str(config.pop("sweep", None) or "")  # Snakemake reads a name of digits as a number.
try:
    check_config(config)
except ValueError as error:
    sys.exit(f"The configuration is not valid; nothing was run.\n{error}")

RESULTS = config["results_dir"]
LOGS = RESULTS.replace("results", "logs", 1)
NOTEBOOKS = [name for name in config if name != "results_dir"]
VALUES = [f"{RESULTS}/{name}/values.json" for name in NOTEBOOKS]


include: "workflow/ready.smk"
include: "workflow/notebooks.smk"
include: "workflow/paper.smk"
include: "workflow/sweep.smk" if SWEEP else "workflow/no_sweep.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        f"{RESULTS}/paper.pdf",
        # Asked for by themselves, so that one that was deleted is made again.
        f"{RESULTS}/claims.json",
        f"{RESULTS}/claims.html",
        VALUES,
        FILES.values(),
