"""Run a notebook, again whenever it or a file of lib that it imports has changed."""

import ast
import functools
import hashlib
from pathlib import Path

for notebook in NOTEBOOKS:
    data = config[notebook].get("inputs")
    # Snakemake takes braces for wildcards.
    if data and (set("{}") & set(data) or not os.path.isfile(data)):
        sys.exit(
            f"{notebook}.inputs = {data!r} is not allowed; nothing was run.\n"
            "It must be a file that is there, with no braces in its path."
        )


@functools.cache
def modules(source, found=frozenset()):
    """The files of lib that a file imports, through any number of steps."""
    for node in ast.walk(ast.parse(Path(source).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("nearopt"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            paths = {"lib/" + name.replace(".", "/") + ".py" for name in names}
            for path in sorted(p for p in paths - found if Path(p).is_file()):
                found = modules(path, found | {path})
    return found


@functools.cache
def digest(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def contents(*paths):
    """A checksum of sources, as a parameter: dates hide a change where a clock was set back."""
    return hashlib.sha256("".join(map(digest, paths)).encode()).hexdigest()


def sources(notebook, data=""):
    """The files that a notebook's results depend on, with the user's data where there are any."""
    source = f"notebooks/{notebook}.py"
    files = [*sorted(modules(source)), source, "requirements.lock", "workflow/run_notebook.py"]
    return [*files, data] if data else files


def sources_of(wildcards):
    return sources(wildcards.name, config[wildcards.name].get("inputs"))


rule notebook:
    wildcard_constraints:
        name="[^/]+",
    input:
        sources_of,
    output:
        f"{RESULTS}/{{name}}/values.json",
        f"{RESULTS}/{{name}}/notebook.ipynb",
    params:
        contents=lambda wildcards: contents(*sources_of(wildcards)),
        values=lambda wildcards: json.dumps(config[wildcards.name], sort_keys=True),
    log:
        f"{LOGS}/{{name}}.log",
    benchmark:
        f"{LOGS}/{{name}}.tsv"
    threads: 1
    # Measured as {LOGS}/NAME.tsv says, and doubled.
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "python workflow/run_notebook.py notebooks/{wildcards.name:q}.py"
        " --parameters {params.values:q}"
        f" --results {RESULTS}/{{wildcards.name}} --logs {LOGS}"
