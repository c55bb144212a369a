"""From configuration to PDF: check, run each notebook, collect the claims, typeset."""

import json
import os
import sys
from pathlib import Path

from nearopt.report.parameters import check_config


configfile: "config/paper.yaml"


# The rules' commands find this Python first, whether or not its environment is activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


SWEEP = str(config.pop("sweep", None) or "")  # Snakemake reads a name of digits as a number.
try:
    check_config(config)
except ValueError as error:
    sys.exit(f"The configuration is not valid; nothing was run.\n{error}")

RESULTS = config["results_dir"]
LOGS = RESULTS.replace("results", "logs", 1)
NOTEBOOKS = [name for name in config if name != "results_dir"]
VALUES = [f"{RESULTS}/{name}/values.json" for name in NOTEBOOKS]
MANUSCRIPT = [*sorted(map(str, Path("paper").rglob("*.typ"))), "paper/references.bib"]
MANUSCRIPT += ["CITATION.cff", "workflow/typeset.py", "workflow/claims.py"]


include: "workflow/ready.smk"
include: "workflow/notebooks.smk"
include: "workflow/sweep.smk" if SWEEP else "workflow/no_sweep.smk"


onstart:
    # Where a point of a sweep fails the others go on, and the table is made of those.
    workflow.scheduler.keepgoing |= bool(SWEEP)
    # The jobs to come, for the progress that workflow/plugins shows.
    jobs = [job for job in workflow.dag.needrun_jobs() if job.benchmark]
    logger.info(None, extra={"benchmarks": [Path(job.benchmark) for job in jobs]})


localrules:
    all,
    claims,


rule all:
    input:
        f"{RESULTS}/paper.pdf",
        # Asked for by themselves, so that one that was deleted is made again.
        f"{RESULTS}/claims.json",
        VALUES,


rule claims:
    input:
        VALUES,
        script="workflow/claims.py",
    output:
        f"{RESULTS}/claims.json",
    params:
        contents=contents("workflow/claims.py"),
        folders=expand(f"{RESULTS}/{{name}}", name=NOTEBOOKS),
    log:
        f"{LOGS}/claims.log",
    shell:
        "python {input.script} {output} --collect {params.folders} 2> {log} || (cat {log}; false)"


rule paper:
    input:
        f"{RESULTS}/claims.json",
        VALUES,
        MANUSCRIPT,
    output:
        f"{RESULTS}/paper.pdf",
    params:
        contents=contents(*MANUSCRIPT),
    log:
        f"{LOGS}/paper.log",
    benchmark:
        f"{LOGS}/paper.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    shell:
        f"python workflow/typeset.py paper/main.typ {RESULTS} {{output}} 2> {{log}} || (cat {{log}}; false)"
