"""Run a notebook, again whenever it or a file of lib that it imports has changed."""

import functools
import hashlib
from modulefinder import ModuleFinder

from pair import refuse_edited

for notebook in NOTEBOOKS:
    try:
        refuse_edited(Path(f"notebooks/{notebook}.py"))
    except ValueError as error:
        sys.exit(f"{error}\nNothing was run.")
    data = config[notebook].get("inputs")
    # Snakemake takes braces for wildcards.
    if data and (set("{}") & set(data) or not os.path.isfile(data)):
        sys.exit(
            f"{notebook}.inputs = {data!r} is not allowed; nothing was run.\n"
            "It must be a file that is there, with no braces in its path."
        )


@functools.cache
def modules(source):
    """The files of lib that a file imports, through any number of steps."""
    finder = ModuleFinder(path=["lib"])
    finder.run_script(source)
    names = [name for name in finder.modules if name.partition(".")[0] == "nearopt"]
    return {os.path.relpath(finder.modules[name].__file__) for name in names}


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
