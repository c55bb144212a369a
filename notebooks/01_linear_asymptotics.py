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
# # The Hessian of a linear network has rank $N_i$; its nonzero eigenvalues are a chi-square variable plus eigenvalues of a Wishart matrix
#
# **The question.** Near its optimum a network learns at the rates that the eigenvalues of the loss's Hessian set. For the simplest network, two
# linear layers, how many directions are learned at all, and at which rates?
#
# **A surprise first.** With 10 inputs and 20 hidden units there are 220 parameters, and 210 of the 220 eigenvalues are zero, whatever the
# weights, unless those of the second layer are all zero.
#
# **What you will see.** Where the zeros come from. A law of the other $N_i$ eigenvalues over random weights: with the Wishart part in its
# limit, as in the paper ([arXiv:2512.15606](https://arxiv.org/abs/2512.15606)), and exactly at every size, new here.
#
# **What you will learn.** Why the first layer brings a Wishart matrix, for large networks a Marchenko-Pastur law, and the second a chi-square
# law; and how to tell an exact law from a very good one.
#
# **What you need.** Eigenvalues, and the Wishart matrix by name. One minute to run. Verdicts carry the labels of README's claims: C3 is the
# rank, C4 the law.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h$ | inputs and hidden units; $P = N_h (N_i + 1)$ parameters |
# | $W_1, W_2$ | weights of the layers, of shapes $(N_h, N_i)$ and $(1, N_h)$, with variances $\sigma_1^2, \sigma_2^2$ |
# | $J, H$ | derivative of the output by the parameters, and the Hessian $H = \mathbb E[J^\top J]$ |
# | $c$ | aspect ratio $N_i / N_h$ |
#
# ## Setting
#
# Teacher and student are $y = W_2 W_1 x$ with $x \sim \mathcal N(0, I)$; $\theta$ is all weights of the student, $y^*$ the teacher's output.
# Where the student equals the teacher, the Hessian of the loss $\tfrac12 \mathbb E\,|y - y^*|^2$ is $H = \mathbb E[J^\top J]$, as its term with
# second derivatives of $y$ is multiplied by the error, zero there. Teachers have independent Gaussian weights.
#
# ## Parameters
#
# Two networks, one with fewer inputs than hidden units and one with more; each is also shown `enlargement` times as large.

# %% tags=["parameters"]
input_dim: int = 10  # Inputs of the first network, 1 to 1000.
hidden_dim: int = 20  # Hidden units of the first network, 1 to 1000.
second_input_dim: int = 30  # Inputs of the second network, 1 to 1000.
second_hidden_dim: int = 10  # Hidden units of the second network, 1 to 1000.
enlargement: int = 3  # Factor by which both networks are also enlarged, 2 to 100.
sigma1: float = 1.0  # Standard deviation of the first layer's weights, 0.03 to 30.
sigma2: float = 1.0  # Standard deviation of the second layer's weights, 0.03 to 30.
unequal_sigma2: float = 0.5  # Standard deviation of the second layer's weights where the two layers' scales differ, 0.03 to 30.
teachers: int = 10000  # Teachers drawn for each spectrum, 100 to 10000000.
seed: int = 20251217  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("01_linear_asymptotics", globals(), results_dir)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nearopt import laws
from nearopt.figures import linear as figures
from nearopt.rank import exact_rank
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)
shapes = [(input_dim, hidden_dim), (second_input_dim, second_hidden_dim)]

# %% [markdown]
# ## A Hessian by hand
#
# A network of two inputs and three units, and $J$ for many inputs: by $W_2$ it is $W_1 x$, by an entry $(k, i)$ of $W_1$ it is $W_{2,k}\, x_i$.
# The mean of $J^\top J$ is the Hessian.

# %%
by_hand = np.random.default_rng(1)
W1, W2 = by_hand.normal(size=(3, 2)), by_hand.normal(size=3)
x = by_hand.normal(size=(100_000, 2))
J = np.hstack([x @ W1.T, np.einsum("k,si->ski", W2, x).reshape(len(x), 6)])
sampled = J.T @ J / len(x)

# %% [markdown]
# The parameters act only through the two numbers $v = W_1^\top W_2^\top$, for $y = v^\top x$. So $J = x^\top D$ with
# $D = \partial v / \partial \theta$, and since $\mathbb E[x x^\top] = I$,
#
# $$ H = D^\top D, \qquad D = \bigl[\, W_1^\top \;\; W_2 \otimes I \,\bigr] . $$

# %%
D = np.hstack([W1.T, np.kron(W2, np.eye(2))])
exact = D.T @ D
float(np.abs(sampled - exact).max().round(3))

# %% [markdown]
# That is what a mean over 100,000 inputs may be off by. The rest is linear algebra: $D$ has $N_i$ rows, so $H$ has at most that rank; and its
# nonzero eigenvalues are those of $D D^\top = W_1^\top W_1 + |W_2|^2 I$, a matrix of $N_i \times N_i$.

# %%
np.abs(np.linalg.eigvalsh(exact)).round(4), np.linalg.eigvalsh(D @ D.T).round(4)

# %% [markdown]
# **Change this and predict.** Put all outgoing weights `W2` to zero: the network's output is zero whatever its inputs. What is the rank?

# %% tags=["hide-cell"]
# Still 2, by W2 through both rows of W1^T; with Nh < Ni it would fall to Nh.
int(np.linalg.matrix_rank(np.hstack([W1.T, np.kron(0 * W2, np.eye(2))])))

# %% [markdown]
# ## The rank is $N_i$
#
# Now larger: one teacher, and the whole Hessian of all its parameters from the library, with no shortcut.

# %%
from nearopt import Linear, TwoLayer
from nearopt.hessian import population_hessian

# %%
scales = {"sigma1": sigma1, "sigma2": sigma2}
teacher = TwoLayer.draw(input_dim, hidden_dim, activation=Linear(), rng=rng, **scales)
eigenvalues = np.linalg.eigvalsh(population_hessian(teacher))
nonzero = eigenvalues[-input_dim:]

# %% [markdown]
# All of its eigenvalues, by their size. Between the zeros, which rounding leaves below $10^{-13}$, and the $N_i$ others there is nothing.

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.0))
axes.semilogy(np.sort(np.abs(eigenvalues)), ".", color=style.DRAWS)
axes.axvline(teacher.parameter_count - input_dim - 0.5, color=style.EXACT, ls="--")
_ = axes.set(xlabel="index of the eigenvalue", ylabel=r"$|\lambda|$")

# %% [markdown]
# The nonzero ones against the small matrix. The two agree to rounding, $P$ times $2^{-50}$ of the largest; no digit below that means anything:

# %%
small = teacher.W1.T @ teacher.W1 + (teacher.W2**2).sum() * np.eye(input_dim)
difference = np.abs(nonzero - np.linalg.eigvalsh(small)).max() / nonzero[-1]
rounding = 4 * teacher.parameter_count * np.finfo(float).eps
bool(difference < rounding)

# %% [markdown]
# Floating point cannot prove a rank. Exact arithmetic can: integer weights and inputs, and the rank of their Jacobian modulo a prime, which is
# never above the true rank. Every shape must give $N_i$.

# %%
cases = [(n, h) for n in (1, 2, 5, 10, 30) for h in (1, 3, 10, 20)]
ranks = pd.DataFrame(cases, columns=["input_dim", "hidden_dim"])
ranks["parameters"] = ranks.hidden_dim * (ranks.input_dim + 1)
ranks["rank"] = [exact_rank(Linear(), n, h, rng=rng).value for n, h in cases]

# %%
mismatches = int((ranks["rank"] != ranks.input_dim).sum())
ranks.pivot(index="hidden_dim", columns="input_dim", values="rank")

# %% tags=["hide-input"]
results.table("ranks", ranks)
description = "full matrix against shortcut, relative, at most"
results.value("shortcut_bound", max(difference, rounding), description)
results.value("rank_cases", len(ranks), "shapes whose rank was counted")
results.value("rank_mismatches", mismatches, "shapes whose rank is not the input dimension")
statement = f"shapes, of {len(ranks)}, whose rank is not the input dimension"
results.verdict("C3", statement, measured=mismatches, expected=0, tolerance=0)
results.settled()

# %% [markdown]
# ## The law of the nonzero eigenvalues
#
# A nonzero eigenvalue is $|W_2|^2$ plus an eigenvalue of the Wishart matrix $W_1^\top W_1$, and the two are independent. The first is
# $\sigma_2^2$ times a chi-square variable with $N_h$ degrees of freedom. In the limit of large networks the second follows $\sigma_1^2 N_h$ times
# the Marchenko-Pastur law of aspect ratio $c = N_i/N_h$, which lies between $(1 - \sqrt c)^2$ and $(1 + \sqrt c)^2$, and at zero if $c > 1$. The
# convolution is the paper's, the *asymptotic law* (`LinearHessianLaw`). At any size the second part has a known mean density, by Laguerre
# polynomials (after Adler, Forrester, Nagao and van Moerbeke 2000; `singular_value_density` in `nearopt.laws.wishart`). Convolved with the
# chi-square law it gives the *finite-size law* (`FiniteLinearHessianLaw`), which is exact.

# %%
spectra = {s: laws.draw_linear_spectra(*s, teachers, rng=rng, **scales) for s in shapes}

# %% tags=["hide-input"]
results.figure("spectra", figures.linear_spectra(spectra, **scales))

# %% [markdown]
# The lower panels show, in percent of the peak, draws and asymptotic law minus the finite-size law. Error bars are one standard error, taken
# over teachers, for the eigenvalues of one teacher are not independent.
#
# Where $N_i > N_h$, the matrix $W_1^\top W_1$ has $N_i - N_h$ eigenvalues that are zero. There the sum is $|W_2|^2$ alone: a purely chi-square
# part, of this weight in the law.

# %%
weights = [float(max(0, 1 - h / n)) for n, h in shapes]
dict(zip(shapes, np.round(weights, 4).tolist(), strict=True))

# %% [markdown]
# **Change this and predict.** Twice as many inputs at the same number of hidden units: `second_input_dim` doubled. Where does the second shape's
# spectrum end, about, and what becomes of the weight of its chi-square part?

# %% tags=["hide-cell"]
# |W2|^2 is about sigma2^2 Nh, and W1^T W1 ends at sigma1^2 (sqrt(Ni) + sqrt(Nh))^2. The weight is 1 - Nh/Ni.
n, h = 2 * second_input_dim, second_hidden_dim
edge = sigma2**2 * h + sigma1**2 * (n**0.5 + h**0.5) ** 2
round(edge, 1), round(max(0, 1 - h / n), 4)

# %% [markdown]
# The two shapes again, `enlargement` times as large.

# %%
large = [(enlargement * n, enlargement * h) for n, h in shapes]
spectra |= {s: laws.draw_linear_spectra(*s, teachers, rng=rng, **scales) for s in large}

# %% tags=["hide-input"]
enlarged = {shape: spectra[shape] for shape in large}
results.figure("enlarged", figures.linear_spectra(enlarged, **scales))

# %% [markdown]
# ## The finite-size law holds at unequal scales too
#
# With $\sigma_2 = \sigma_1 / 2$ the purely chi-square part stands apart (right; left has none).

# %%
unequal = {"sigma1": sigma1, "sigma2": unequal_sigma2}
others = {s: laws.draw_linear_spectra(*s, teachers, rng=rng, **unequal) for s in shapes}

# %% tags=["hide-input"]
results.figure("unequal", figures.linear_spectra(others, **unequal))

# %% [markdown]
# ## How good are the two laws?
#
# At 99 percentiles of each spectrum, a score is the draws' cumulative distribution minus the finite-size law's, in standard errors; it is made
# a little smaller, as the errors are measured too and may be far too small where few teachers reach. If the law is exact, the largest score
# exceeds the tolerance with probability at most 1/1000 (the empirical Bernstein bound), for any number of teachers.

# %%
exact_law, limit_law = laws.FiniteLinearHessianLaw, laws.LinearHessianLaw

# %%
scores = [laws.cdf_scores(spectra[s], exact_law(*s, **scales)) for s in spectra]
scores += [laws.cdf_scores(others[s], exact_law(*s, **unequal)) for s in others]
worst, allowed_score = np.abs(scores).max(), laws.largest_score(np.size(scores))

# %% [markdown]
# This is also how to tell an exact law from a very good one. The largest score of each law at each $(N_i, N_h)$:

# %%
rivals = [np.abs(laws.cdf_scores(spectra[s], limit_law(*s, **scales))).max() for s in spectra]
largest = np.abs(scores[: len(rivals)]).max(axis=1)
pd.DataFrame({"asymptotic": rivals, "finite-size": largest}, index=list(spectra)).round(1)

# %% [markdown]
# In the stored run the tolerance is 5.4: draws of (10, 20) refute the asymptotic law. At the other sizes it takes more teachers.
#
# A wrong scale shows best in the mean. That of both laws, $N_h(\sigma_1^2 + \sigma_2^2)$, is exact at every size. That of the draws is a
# weighted sum of two chi-square variables, the sums of squares of $W_1$ and of $W_2$ over all teachers. By chance, it is further from the laws'
# than `largest_chi_square` at most once in a thousand times.

# %%
means = []
for drawn, sigmas in ((spectra, scales), (others, unequal)):
    squares = np.square(list(sigmas.values()))
    for (n, h), values in drawn.items():
        freedoms = np.array([n, 1]) * h * teachers
        allowed = laws.largest_chi_square(squares / teachers / [n, 1], freedoms, len(scores))
        means.append(abs(values.mean() - h * squares.sum()) / allowed)

# %% tags=["hide-input"]
results.value("finite_worst_z", worst, "largest deviation from the finite-size law, in errors")
results.value("finite_allowed_z", allowed_score, "what chance allows of that, in errors")
statement = "largest deviation of the draws from the finite-size law, in standard errors"
results.verdict("C4", statement, measured=worst, expected=0, tolerance=allowed_score)
statement = "largest deviation of the draws' mean from the law's, in units of what chance allows"
results.verdict("C4", statement, measured=max(means), expected=0, tolerance=1)
results.settled()

# %% [markdown]
# The asymptotic law is off by a distance that falls with size. Because the finite-size law is exact, this distance needs no draws: it is the
# largest difference between the two cumulative distributions, at `factors` times the sizes of each shape.

# %%
factors = np.unique(np.geomspace(1, enlargement, 6).round().astype(int)).tolist()
sizes = {(m * n, m * h): f"{n}:{h}" for n, h in shapes for m in factors}
finite = {size: exact_law(*size, **scales) for size in sizes}
limit = {size: limit_law(*size, **scales) for size in finite}
gaps = [laws.kolmogorov_distance(limit[size], finite[size]) for size in finite]

# %%
distances = pd.DataFrame(list(finite), columns=["input_dim", "hidden_dim"])
distances.insert(0, "shape", list(sizes.values()))
distances[["distance", "at"]] = gaps
distances.drop(columns="at").round(4)

# %% [markdown]
# The draws must show the same distance. Theirs is measured where the two laws differ most, so no maximum is taken over noise.

# %%
points = [np.array([at]) for at in distances["at"]]
for i, (size, point) in enumerate(zip(finite, points, strict=True)):
    if size in spectra:
        share, error = laws.empirical_cdf(spectra[size], point)
        distances.loc[i, "draws"] = abs(share - limit[size].cdf(point))[0]
        distances.loc[i, "error"] = error[0]

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
# Lines: between the two laws. Points: between draws and asymptotic law, with one standard error. The first correction to the Marchenko-Pastur
# law puts a quarter of an eigenvalue on either edge of its support and takes half of one from between. So $N_i$ times the distance, the
# eigenvalues that the asymptotic law *misplaces*, should tend to $1/4$, dotted. The chi-square part blurs the edges over a relative width
# of $N_h^{-1/2}$, and within that of an edge lies a share like its square root, $N_h^{-1/4}$, of what is taken. By such a share less than
# $1/4$ are misplaced. That is a heuristic; the verdict puts it to the test, at these sizes: never more than $1/4$.

# %%
misplaced = (distances.input_dim * distances.distance).max()

# %% [markdown]
# **Predict.** How many inputs are enough for the two cumulative distributions to differ by no more than one in a thousand?

# %% tags=["hide-cell"]
# At most this: the dotted line lies above the measured ones.
round(0.25 / 0.001)

# %% tags=["hide-input"]
results.table("distances", distances)
results.value("misplaced", misplaced, "eigenvalues that the asymptotic law misplaces")
statement = "most eigenvalues that the asymptotic law misplaces, of one network"
results.verdict("C4", statement, measured=misplaced, expected=0, tolerance=0.25)
results.save()
results.settled()

# %% [markdown]
# ## Limits
#
# - One output and white inputs. The paper's weight variances are not known to us; here they are
#   parameters, and the laws hold for any of them. The bound of $1/4$ was tried at equal scales only.
# - The laws are of an eigenvalue averaged over teachers. Eigenvalues of one teacher share the
#   same $|W_2|^2$ and repel each other; the laws say nothing of that.
# - The rank is a theorem for every teacher with $W_2 \ne 0$; the exact count covers random teachers only.
