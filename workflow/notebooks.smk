"""Run a notebook, again whenever it or a file of lib that it imports has changed."""

import functools
import hashlib

from sources import modules, refuse_edited, saved, words


def given(values):
    """The user's files among a notebook's parameters: data, and the code of an activation."""
    code = values.get("activation", "").rpartition(":")[0]
    files = {"inputs": values.get("inputs"), "activation": code}
    return {name: path for name, path in files.items() if path}


for notebook in NOTEBOOKS:
    try:
        refuse_edited(Path(f"notebooks/{notebook}.py"))
    except ValueError as error:
        sys.exit(f"{error}\nNothing was run.")
    for name, path in given(config[notebook]).items():
        # Snakemake takes braces for wildcards.
        if set("{}") & set(path) or not os.path.isfile(path):
            sys.exit(
                f"{notebook}.{name} = {config[notebook][name]!r} is not allowed; nothing was run.\n"
                "It must be a file that is there, with no braces in its path."
            )


@functools.cache
def digest(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def contents(*paths):
    """A checksum of sources, as a parameter: dates hide a change where a clock was set back."""
    return hashlib.sha256("".join(map(digest, paths)).encode()).hexdigest()


def dependencies(notebook, values):
    """The files that a notebook's results depend on, the user's own among them."""
    source = f"notebooks/{notebook}.py"
    files = [*sorted(modules(source)), source, "requirements.lock", "workflow/run_notebook.py"]
    return [*files, *given(values).values()]


def files(notebook):
    """The tables and figures that a notebook saves, these for Snakemake's report too."""
    for kind, name in saved(f"notebooks/{notebook}.py"):
        start = f"{RESULTS}/{notebook}/{name}"
        if kind == "table":
            yield f"{start}.csv"
        elif kind == "figure":
            yield f"{start}.pdf"
            shows = {"figure": name, "what it shows": WORDS.get((notebook, name), "")}
            yield report(f"{start}.svg", category=notebook, labels=shows)


WORDS = words()
FILES = {notebook: list(files(notebook)) for notebook in NOTEBOOKS}

for notebook in NOTEBOOKS:
    # A function, which a job that runs another notebook, or a point of a sweep, need not call.
    used = functools.partial(dependencies, notebook, config[notebook])

    rule:
        name:
            notebook
        input:
            lambda wildcards, used=used: used(),
        output:
            f"{RESULTS}/{notebook}/values.json",
            f"{RESULTS}/{notebook}/notebook.ipynb",
            FILES[notebook],
        params:
            name=notebook,
            contents=lambda wildcards, used=used: contents(*used()),
            # A function's value is taken as it is, braces and all.
            values=lambda wildcards, notebook=notebook: json.dumps(config[notebook], sort_keys=True),
        benchmark:
            f"{LOGS}/{notebook}.tsv"
        threads: 1
        # Measured as {LOGS}/NAME.tsv says, and doubled.
        resources:
            mem_mb=2000,
            runtime=30,
        shell:
            "python workflow/run_notebook.py notebooks/{params.name}.py"
            " --parameters {params.values:q}"
            f" --results {RESULTS}/{{params.name}} --logs {LOGS}"
