"""From configuration to PDF: check, run each notebook, collect the claims, typeset."""

import ast
import json
import sys
from pathlib import Path

from nearopt.parameters import check_config


configfile: "config/paper.yaml"


try:
    check_config(config)
except ValueError as error:
    sys.exit(f"The configuration is not valid; nothing was run.\n{error}")

RESULTS = config["results_dir"]
LOGS = RESULTS.replace("results", "logs", 1)
NOTEBOOKS = [name for name in config if name != "results_dir"]


def modules(source, found=frozenset()):
    """The files of lib that a file imports, through any number of steps."""
    for node in ast.walk(ast.parse(Path(source).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("nearopt"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            paths = {"lib/" + name.replace(".", "/") + ".py" for name in names}
            for path in sorted(p for p in paths - found if Path(p).is_file()):
                found = modules(path, found | {path})
    return found


localrules:
    all,
    claims,


rule all:
    input:
        f"{RESULTS}/paper.pdf",


rule notebook:
    input:
        lambda wildcards: sorted(modules(f"notebooks/{wildcards.name}.py")),
        "requirements.lock",
        "workflow/run_notebook.py",
        source="notebooks/{name}.py",
    output:
        f"{RESULTS}/{{name}}/values.json",
        f"{RESULTS}/{{name}}/notebook.ipynb",
    params:
        values=lambda wildcards: json.dumps(config[wildcards.name], sort_keys=True),
    log:
        f"{LOGS}/{{name}}.log",
    benchmark:
        f"{LOGS}/{{name}}.tsv"
    shell:
        "python workflow/run_notebook.py {input.source:q} --parameters {params.values:q}"
        f" --results {RESULTS}/{{wildcards.name}} --logs {LOGS}"


rule claims:
    input:
        expand(f"{RESULTS}/{{name}}/values.json", name=NOTEBOOKS),
        script="workflow/claims.py",
    output:
        f"{RESULTS}/claims.json",
    params:
        folders=expand(f"{RESULTS}/{{name}}", name=NOTEBOOKS),
    log:
        f"{LOGS}/claims.log",
    shell:
        "python {input.script} {output} --collect {params.folders} 2> {log} || (cat {log}; false)"


rule paper:
    input:
        f"{RESULTS}/claims.json",
        Path("paper").rglob("*.typ"),
        "paper/references.bib",
        script="workflow/typeset.py",
    output:
        f"{RESULTS}/paper.pdf",
    log:
        f"{LOGS}/paper.log",
    benchmark:
        f"{LOGS}/paper.tsv"
    shell:
        f"python {{input.script}} paper/main.typ {RESULTS} {{output}} 2> {{log}} || (cat {{log}}; false)"
