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
# # One row of ranks: every width at one number of inputs
#
# **What you will see.** The generic rank of the Hessian, counted exactly, as the network gets wider.
#
# **What you need.** Notebook 01. A rank takes milliseconds and a kernel takes seconds to start, so
# this notebook takes a run of widths and the sweep over it has a point for each run, not for each width.
#
# ## Parameters
#
# The activation is $g(u) = \sum_d u^d$ over `degrees`; which degrees occur decides the generic rank,
# their coefficients do not.

# %% tags=["parameters"]
degrees: str = "1+3"
input_dim: int = 4
first_hidden_dim: int = 1
last_hidden_dim: int = 12
seed: int = 20251217
results_dir: str = ""

# %%
from nearopt.report import Results

results = Results("exact_rank", globals(), results_dir)

# %%
import numpy as np
import pandas as pd

from nearopt import Polynomial
from nearopt.rank import exact_ranks

rng = np.random.default_rng(seed)

# %% [markdown]
# ## The ranks
#
# One row reduction counts the ranks of all widths at once.

# %%
g = Polynomial.of_degrees({int(degree) for degree in degrees.split("+")})
ranks = exact_ranks(g, input_dim, last_hidden_dim, rng=rng)[first_hidden_dim - 1 :]

# %%
table = pd.DataFrame({"hidden_dim": range(first_hidden_dim, last_hidden_dim + 1)})
table["parameters"] = [rank.parameters for rank in ranks]
table["rank"] = [rank.value for rank in ranks]
table["proved"] = [rank.proved for rank in ranks]
results.table("ranks", table)
table

# %% [markdown]
# ## What stops the growth
#
# The rank meets a ceiling once the gradients fill the space of polynomials of these degrees, and the
# parameters beyond that are in excess.

# %%
results.value("largest_rank", table["rank"].max(), "largest rank among the widths")
int(table["rank"].max())

# %%
results.save()

# %% [markdown]
# ## Limits
#
# - One output, and one random teacher. A count modulo a prime never exceeds the generic rank; where
#   it meets a proved upper bound it is proved, elsewhere it falls below with a probability under one
#   in a million at these sizes.
