# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: -all
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The Hessian of a linear network has rank $N_i$, and its spectrum is a chi-square law convolved with a Marchenko-Pastur law
#
# **What you will see.** A linear network of $N_h(N_i+1)$ parameters has a Hessian with only
# $N_i$ nonzero eigenvalues. Over random teachers they follow a law that can be written down:
# in the limit of large networks, as the paper has it, and exactly at every size, which is new here.
#
# **What you need.** The spectrum of a Wishart matrix, by name. One minute.
#
# ## Setting
#
# Teacher and student are $y = W_2 W_1 x$ with one output, $W_1$ of shape $(N_h, N_i)$ and
# $x \sim \mathcal N(0, I)$. Where the student equals the teacher, the Hessian of the loss
# $\tfrac12 \mathbb E\,|y - y^*|^2$ is $H = \mathbb E[J^T J]$ with $J = \partial y/\partial\theta$.
# Teachers have independent weights, $W_1 \sim \mathcal N(0, \sigma_1^2)$ and
# $W_2 \sim \mathcal N(0, \sigma_2^2)$.

# %% [markdown]
# ## Parameters
#
# Two networks, one with fewer inputs than hidden units and one with more; each is also shown
# `enlargement` times as large.

# %% tags=["parameters"]
input_dim: int = 10
hidden_dim: int = 20
second_input_dim: int = 30
second_hidden_dim: int = 10
enlargement: int = 5
sigma1: float = 1.0
sigma2: float = 1.0
unequal_sigma2: float = 3.0
teachers: int = 2000
seed: int = 20251217
results_dir: str = ""

# %%
from nearopt.results import Results

results = Results("01_linear_asymptotics", globals(), results_dir)

# %%
import numpy as np
from nearopt.hessian import population_hessian

from nearopt import style
from nearopt.activations import Linear
from nearopt.network import TwoLayer

style.use()
rng = np.random.default_rng(seed)
shapes = [(input_dim, hidden_dim), (second_input_dim, second_hidden_dim)]

# %% [markdown]
# ## The rank is $N_i$
#
# First one teacher, and the whole Hessian of all its parameters, with no shortcut.

# %%
teacher = TwoLayer.draw(
    input_dim, hidden_dim, activation=Linear(), sigma1=sigma1, sigma2=sigma2, rng=rng
)
hessian = population_hessian(teacher)
eigenvalues = np.linalg.eigvalsh(hessian)
