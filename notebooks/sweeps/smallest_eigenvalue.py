# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,-all
#     formats: py:percent
#     notebook_metadata_filter: -all
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The smallest eigenvalue of erf teachers of one size
#
# **What you will see.** A handful of teachers with erf units and, for each, two numbers between which
# the smallest eigenvalue of its Hessian is proved to lie.
#
# **What you need.** The notebook on full rank. Floating point loses an eigenvalue below $10^{-16}$ of
# the largest; ball arithmetic does not. A proof of a small network takes milliseconds and a kernel
# takes seconds to start, so this notebook takes several teachers.
#
# ## Parameters
#
# Teachers have standard normal weights.

# %% tags=["parameters"]
input_dim: int = 2
hidden_dim: int = 3
teachers: int = 5
seed: int = 20251217
results_dir: str = ""

# %%
from nearopt.report import Results

results = Results("smallest_eigenvalue", globals(), results_dir)

# %%
import numpy as np
import pandas as pd

from nearopt import Erf, TwoLayer
from nearopt.proof import smallest_eigenvalue

# %% [markdown]
# ## The teachers
#
# Each size has random numbers of its own, so that a sweep's sizes are independent.

# %%
rng = np.random.default_rng([seed, input_dim, hidden_dim])
draws = [TwoLayer.draw(input_dim, hidden_dim, activation=Erf(), rng=rng) for _ in range(teachers)]
bounds = [smallest_eigenvalue(teacher) for teacher in draws]

# %%
table = pd.DataFrame(bounds, columns=["lower", "upper"])
table.insert(0, "teacher", range(teachers))
table["proved"] = table.lower > 0
table["middle"] = np.sqrt(table.lower * table.upper).where(table.proved)
results.table("eigenvalues", table)

# %% [markdown]
# Claim C6 says that all are positive.

# %%
results.value("median", table.middle.median(), "median of the smallest eigenvalues")
unproved = int((~table.proved).sum())
statement = f"erf teachers, of {teachers} at ({input_dim}, {hidden_dim}), not proved of full rank"
results.verdict("C6", statement, measured=unproved, expected=0, tolerance=0)

# %%
results.save()

# %% [markdown]
# ## Limits
#
# - One output and white inputs.
# - A teacher that is not proved of full rank at 4096 bits has no lower bound above zero; that would
#   say nothing of its rank.
