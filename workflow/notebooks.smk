"""Run a notebook, again whenever it or a file of lib that it imports has changed."""

import functools
import hashlib
import re
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


# What the manuscript says in words of each figure, by notebook and name.
WORDS = {}
for path in Path("paper").rglob("*.typ"):
    text = path.read_text()
    for short, name in re.findall(r'^#let (\w+) = ("\w+")', text, re.M):
        text = text.replace(f"result-figure({short},", f"result-figure({name},")
    shown = re.findall(r'result-figure\(("\w+", "\w+"),.*?^ *"([^"]*)",$', text, re.M | re.S)
    WORDS |= dict(shown)


def files(notebook):
    """The tables and figures that a notebook saves, these for Snakemake's report too."""
    text = Path(f"notebooks/{notebook}.py").read_text()
    for kind, name in re.findall(r'^results\.(figure|table)\(\s*"(\w+)"', text, re.M):
        start = f"{RESULTS}/{notebook}/{name}"
        if kind == "table":
            yield f"{start}.csv"
            continue
        yield from (f"{start}.pdf", f"{start}.png")
        words = {"figure": name, "what it shows": WORDS.get(f'"{notebook}", "{name}"', "")}
        yield report(f"{start}.svg", category=notebook, labels=words)


FILES = {notebook: list(files(notebook)) for notebook in NOTEBOOKS}

for notebook in NOTEBOOKS:
    # A function, which a job that runs another notebook, or a point of a sweep, need not call.
    used = functools.partial(sources, notebook, config[notebook].get("inputs"))

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
