"""Sweeps: a notebook rerun at each point of config/sweeps/NAME.yaml, and one table of them all.

Only included when a sweep is named: snakemake sweep --profile workflow/profiles/default --config sweep=NAME
"""

import shlex

from snakemake.utils import Paramspace

from sweeps import check_names, fixed_parameters, load_sweep, points

try:
    grid = load_sweep(SWEEP)
    NOTEBOOK = Path(grid["notebook"]).name
    FIXED = fixed_parameters(grid, config.get(NOTEBOOK, {}))
    check_names(grid)
    SPACE = Paramspace(points(grid["grid"]), single_wildcard="point")
except (ValueError, MemoryError) as error:
    sys.exit(f"The sweep {SWEEP} is not valid; nothing was run.\n{error}")

TABLE = f"{RESULTS}/sweeps/{SWEEP}"
POINTS = dict(zip(SPACE.instance_patterns, SPACE.to_dict("records"), strict=True))
COLLECT = shlex.join(
    ["python", "workflow/collect_sweep.py", SWEEP, "--fixed", json.dumps(FIXED, sort_keys=True)]
    + ["--results", TABLE, "--logs", f"{LOGS}/sweeps/{SWEEP}"]
)
COLLECTOR = ["workflow/collect_sweep.py", "workflow/sweeps.py"]
COLLECTOR += [f"config/sweeps/{SWEEP}.yaml"]


onstart:
    # Where a point fails the others go on, and the table is made of those.
    workflow.scheduler.keepgoing = True


onerror:
    # If every point is done, it was the collection that failed, and has said why.
    if workflow.is_main_process and any(job.name == "point" for job in workflow.dag.needrun_jobs()):
        shell("{COLLECT} && {COLLECT} --draw")


localrules:
    sweep,
    collect,
    draw,


rule sweep:
    input:
        f"{TABLE}/table.csv",
        f"{TABLE}/figure.pdf",


def point_dependencies(wildcards):
    return dependencies(grid["notebook"], FIXED | POINTS[wildcards.point])


rule point:
    input:
        point_dependencies,
    output:
        f"{TABLE}/points/{SPACE.wildcard_pattern}/values.json",
        f"{TABLE}/points/{SPACE.wildcard_pattern}/notebook.ipynb",
    params:
        contents=lambda wildcards: contents(*point_dependencies(wildcards)),
        values=lambda wildcards: json.dumps(FIXED | POINTS[wildcards.point], sort_keys=True),
        logs=lambda wildcards: os.path.dirname(f"{LOGS}/sweeps/{SWEEP}/points/{wildcards.point}"),
    benchmark:
        f"{LOGS}/sweeps/{SWEEP}/points/{SPACE.wildcard_pattern}.tsv"
    threads: 1
    resources:
        mem_mb=grid["job"]["memory_mb"],
        runtime=grid["job"]["minutes"],
    shell:
        f"python workflow/run_notebook.py notebooks/{grid['notebook']}.py"
        " --parameters {params.values:q}"
        f" --results {TABLE}/points/{{wildcards.point:q}} --logs {{params.logs:q}}"


rule collect:
    input:
        # A function, which a cluster's job for one point need not call for all of them.
        lambda wildcards: [f"{TABLE}/points/{point}/values.json" for point in POINTS],
        COLLECTOR,
    output:
        f"{TABLE}/table.parquet",
        f"{TABLE}/table.csv",
    params:
        contents=contents(*COLLECTOR),
        command=COLLECT,
    shell:
        "{params.command}"


# By itself, for Snakemake removes what a rule that fails has made.
rule draw:
    input:
        f"{TABLE}/table.parquet",
    output:
        multiext(f"{TABLE}/figure", ".pdf", ".svg"),
    params:
        command=COLLECT,
    shell:
        "{params.command} --draw"
