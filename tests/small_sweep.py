"""A sweep of four short points, of which one fails."""

import yaml
from checkout import copy_checkout

SMALL = {
    "description": "Small.",
    "notebook": "sweeps/small",
    "fixed": {"seed": 1},
    "grid": {"degrees": ["2", "1+3"], "input_dim": [2, 3]},
    "job": {"memory_mb": 500, "minutes": 10},
    "figure": {"x": "input_dim", "y": "product", "colour": "degrees", "labels": {}},
}
NOTEBOOK = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
degrees: str = "2"
input_dim: int = 2
seed: int = 0
results_dir: str = ""

# %%
import pandas as pd

from nearopt.report.results import Results

results = Results("small", globals(), results_dir)

# %%
if (degrees, input_dim) == ("1+3", 3):
    raise RuntimeError("deliberate")

# %%
results.value("product", input_dim * len(degrees), "a number", error=0.5)
results.verdict("C3", "a number", measured=input_dim, expected=2, tolerance=0)
results.table("rows", pd.DataFrame({"n": [input_dim]}))
results.save()
"""


def small_checkout(target):
    """A copy whose only addition is a sweep of a notebook that fails at one point."""
    checkout = copy_checkout(target)
    schema = yaml.safe_load((checkout / "config/schema.yaml").read_text())
    entry = schema["$defs"]["exact_rank"]
    names = ("degrees", "input_dim", "seed")
    properties = {name: entry["properties"][name] for name in names}
    schema["$defs"]["small"] = entry | {"properties": properties}
    (checkout / "config/schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    (checkout / "notebooks/sweeps/small.py").write_text(NOTEBOOK)
    write_sweep(checkout, SMALL)
    return checkout


def write_sweep(checkout, content):
    (checkout / "config/sweeps/small.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
