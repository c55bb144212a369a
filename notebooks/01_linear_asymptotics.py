# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
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
unequal_sigma2: float = 0.5
teachers: int = 10000
seed: int = 20251217
results_dir: str = ""

# %%
from nearopt.report import Results

results = Results("01_linear_asymptotics", globals(), results_dir)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nearopt.figures import linear as figures_linear
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)
shapes = [(input_dim, hidden_dim), (second_input_dim, second_hidden_dim)]

# %% [markdown]
# ## The rank is $N_i$
#
# First one teacher, and the whole Hessian of all its parameters, with no shortcut.

# %%
from nearopt import Linear, TwoLayer
from nearopt.hessian import population_hessian

# %%
scales = {"sigma1": sigma1, "sigma2": sigma2}
teacher = TwoLayer.draw(input_dim, hidden_dim, activation=Linear(), rng=rng, **scales)
eigenvalues = np.linalg.eigvalsh(population_hessian(teacher))
nonzero = eigenvalues[-input_dim:]

# %% [markdown]
# All of its eigenvalues, by their size. Between the zeros, which rounding leaves near $10^{-14}$, and
# the $N_i$ others there is nothing.

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.0))
axes.semilogy(np.sort(np.abs(eigenvalues)), ".", color=style.DRAWS)
axes.axvline(teacher.parameter_count - input_dim - 0.5, color=style.EXACT, ls="--")
_ = axes.set(xlabel="index of the eigenvalue", ylabel=r"$|\lambda|$")

# %% [markdown]
# The network computes $v^\top x$ with $v = W_1^\top W_2^\top$, so its parameters act through $N_i$ numbers
# only, and the nonzero eigenvalues are those of the small matrix $W_1^\top W_1 + |W_2|^2 I$. The two
# agree to rounding, $P$ times $2^{-50}$ of the largest; no digit below that means anything:

# %%
small = teacher.W1.T @ teacher.W1 + (teacher.W2**2).sum() * np.eye(input_dim)
difference = np.abs(nonzero - np.linalg.eigvalsh(small)).max() / nonzero[-1]
rounding = 4 * teacher.parameter_count * np.finfo(float).eps
bound = max(difference, rounding)
results.value("shortcut_bound", bound, "full matrix against shortcut, relative, at most")
bool(difference < rounding)

# %% [markdown]
# Floating point cannot prove a rank. Exact arithmetic can: integer weights and inputs, and the rank
# of their Jacobian modulo a prime, which is never above the true rank. Every shape must give $N_i$,
# of $P$ parameters.

# %%
from nearopt.rank import exact_rank

# %%
cases = [(n, h) for n in (1, 2, 5, 10, 30) for h in (1, 3, 10, 20)]
ranks = pd.DataFrame(cases, columns=["input_dim", "hidden_dim"])
ranks["parameters"] = ranks.hidden_dim * (ranks.input_dim + 1)
ranks["rank"] = [exact_rank(Linear(), n, h, rng=rng).value for n, h in cases]

# %%
results.table("ranks", ranks)
ranks.pivot(index="hidden_dim", columns="input_dim", values="rank")

# %%
mismatches = int((ranks["rank"] != ranks.input_dim).sum())
results.value("rank_cases", len(ranks), "shapes whose rank was counted")
results.value("rank_mismatches", mismatches, "shapes whose rank is not the input dimension")

# %%
statement = f"shapes, of {len(ranks)}, whose rank is not the input dimension"
results.verdict("C3", statement, measured=mismatches, expected=0, tolerance=0)

# %% [markdown]
# ## The law of the nonzero eigenvalues
#
# A nonzero eigenvalue is $|W_2|^2$ plus an eigenvalue of $W_1^\top W_1$, and the two are independent.
# The first is $\sigma_2^2$ times a chi-square variable with $N_h$ degrees of freedom. In the limit of
# large networks the second follows $\sigma_1^2 N_h$ times the Marchenko-Pastur law of aspect ratio
# $c = N_i/N_h$. Their convolution is the paper's law. At finite size the second part has a mean
# density that is known exactly, so there is a law without any limit, too.

# %%
from nearopt.laws import draw_linear_spectra

# %%
spectra = {s: draw_linear_spectra(*s, teachers, rng=rng, **scales) for s in shapes}
results.figure("spectra", figures_linear.linear_spectra(spectra, **scales))

# %% [markdown]
# Blue are the draws. By how much of the peak the orange law of large networks is off at these
# sizes, the lower panels show; the dashed exact one is not. Error bars are one standard error,
# taken over teachers, for the eigenvalues of one teacher are not independent.
#
# Where $N_i > N_h$, the matrix $W_1^\top W_1$ has $N_i - N_h$ eigenvalues that are zero. There the
# sum is $|W_2|^2$ alone: a purely chi-square part, of this weight in the law.

# %%
weights = [float(max(0, 1 - h / n)) for n, h in shapes]
dict(zip(shapes, np.round(weights, 4).tolist(), strict=True))

# %% [markdown]
# The two shapes again, `enlargement` times as large.

# %%
large = [(enlargement * n, enlargement * h) for n, h in shapes]
spectra |= {s: draw_linear_spectra(*s, teachers, rng=rng, **scales) for s in large}

# %%
enlarged = {shape: spectra[shape] for shape in large}
results.figure("enlarged", figures_linear.linear_spectra(enlarged, **scales))

# %% [markdown]
# ## Nothing changes when the layers differ in scale
#
# With $\sigma_2$ much smaller than $\sigma_1$ the purely chi-square part stands apart from the rest.

# %%
unequal = {"sigma1": sigma1, "sigma2": unequal_sigma2}
others = {s: draw_linear_spectra(*s, teachers, rng=rng, **unequal) for s in shapes}

# %%
results.figure("unequal", figures_linear.linear_spectra(others, **unequal))

# %% [markdown]
# ## How good are the two laws?
#
# The cumulative distribution of the draws minus that of the exact law, at 99 percentiles of each
# spectrum, in standard errors, which are taken larger where few teachers reach a percentile and the
# measured error may be too small. If the law is exact, the largest of them all is what chance allows: the
# tolerance is exceeded with a probability of at most one in a thousand, by the empirical Bernstein
# bound, which holds for any number of teachers.

# %%
from nearopt.laws import (
    FiniteLinearHessianLaw,
    LinearHessianLaw,
    cdf_scores,
    empirical_cdf,
    kolmogorov_distance,
    largest_chi_square,
    largest_score,
)

# %%
scores = [cdf_scores(spectra[s], FiniteLinearHessianLaw(*s, **scales)) for s in spectra]
scores += [cdf_scores(others[s], FiniteLinearHessianLaw(*s, **unequal)) for s in others]
worst = np.abs(scores).max()
results.value("finite_worst_z", worst, "largest deviation from the finite-size law, in errors")

# %%
tolerance = largest_score(np.size(scores))
results.value("finite_allowed_z", tolerance, "what chance allows of that, in errors")

# %%
statement = "largest deviation of the draws from the finite-size law, in standard errors"
results.verdict("C4", statement, measured=worst, expected=0, tolerance=tolerance)

# %% [markdown]
# A scale that is wrong shows best in the mean. That of the law, $N_h(\sigma_1^2 + \sigma_2^2)$, is exact at every size, and the mean of the
# draws is a sum of chi-square variables, for which there is a bound that chance exceeds once in a thousand times.

# %%
means = []
for drawn, sigmas in ((spectra, scales), (others, unequal)):
    squares = np.square(list(sigmas.values()))
    for (n, h), values in drawn.items():
        freedoms = np.array([n, 1]) * h * teachers
        allowed = largest_chi_square(squares / teachers / [n, 1], freedoms, len(scores))
        means.append(abs(values.mean() - h * squares.sum()) / allowed)

# %%
statement = "largest deviation of the draws' mean from the law's, in units of what chance allows"
results.verdict("C4", statement, measured=max(means), expected=0, tolerance=1)

# %% [markdown]
# The law of large networks is off by a distance that falls with size. Because the other law is
# exact, this distance needs no draws: it is the largest difference between the two cumulative
# distributions, at `factors` times the sizes of each shape.

# %%
factors = np.unique(np.geomspace(1, enlargement, 6).round().astype(int)).tolist()
sizes = {(m * n, m * h): f"{n}:{h}" for n, h in shapes for m in factors}
finite = {size: FiniteLinearHessianLaw(*size, **scales) for size in sizes}
limit = {size: LinearHessianLaw(*size, **scales) for size in finite}
gaps = [kolmogorov_distance(limit[size], finite[size]) for size in finite]

# %%
distances = pd.DataFrame(list(finite), columns=["input_dim", "hidden_dim"])
distances.insert(0, "shape", list(sizes.values()))
distances[["distance", "at"]] = gaps
distances.drop(columns="at").round(4)

# %% [markdown]
# The draws must show the same distance. Theirs is measured at the point where the exact laws say
# that it is largest, so that chance has no maximum to choose.

# %%
points = [np.array([at]) for at in distances["at"]]
for i, (size, point) in enumerate(zip(finite, points, strict=True)):
    if size in spectra:
        share, error = empirical_cdf(spectra[size], point)
        distances.loc[i, "draws"] = abs(share - limit[size].cdf(point))[0]
        distances.loc[i, "error"] = error[0]
results.table("distances", distances)

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.4))
for (shape, curve), color in zip(distances.groupby("shape"), style.ACCENTS, strict=False):
    axes.loglog(curve.input_dim, curve.distance, color=color, label=f"$N_i:N_h = {shape}$")
    axes.errorbar(curve.input_dim, curve.draws, curve.error, fmt="o", color=color)
inputs = distances.input_dim.sort_values()
axes.plot(inputs, 0.25 / inputs, ":", color=style.EXACT, label="$1 / (4 N_i)$")
axes.set(xlabel="inputs $N_i$", ylabel="distance of the laws")
axes.legend()
results.figure("distance", figure)

# %% [markdown]
# Lines: the two laws. Points: the draws, with one standard error. The first correction to the
# Marchenko-Pastur law puts a quarter of an eigenvalue on either edge of its support and takes
# half an eigenvalue from between, so $N_i$ times the distance should tend to $1/4$, dotted. The chi-square part
# blurs the edges by a relative width of $N_h^{-1/2}$, over which the density taken away grows like a square
# root. So the distance falls short of its limit, by a share that only falls like $N_h^{-1/4}$. A law with
# a unit too many, or scales a little wrong, would misplace more than a quarter of an eigenvalue; this one must not.

# %%
misplaced = (distances.input_dim * distances.distance).max()
results.value("misplaced", misplaced, "eigenvalues that the law of large networks misplaces")

# %%
statement = "most eigenvalues that the law of large networks misplaces, of one network"
results.verdict("C4", statement, measured=misplaced, expected=0, tolerance=0.25)

# %%
results.save()

# %% [markdown]
# ## Limits
#
# - One output and white inputs. The paper's weight variances are not known to us; here they are
#   parameters, and every statement holds for any of them.
# - The laws are of an eigenvalue averaged over teachers. Eigenvalues of one teacher share the
#   same $|W_2|^2$ and repel each other; the laws say nothing of that.
# - The rank is a theorem for every teacher with $W_2 \ne 0$; the exact count covers random teachers only.
