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
# # The inputs' covariance decides how linear networks learn near the optimum, and roughly how others do, on real images too
#
# **The question.** Theory likes inputs that are Gaussian and white. Images are neither. What of the ranks, spectra and speeds of the other notebooks is left on real data?
#
# **A surprise first.** Of the 64 pixels of a handwritten digit in scikit-learn's collection three never change, and so the Hessian of a linear network with one output has rank 61
# on them, at any width. Its eigenvalues spread over decades, and the law of their density over random teachers asks nothing of the data but the covariance.
#
# **What you will see.** The law with the covariance in it; Gaussian inputs standing in for images, and where they cannot; real descent on images; how long it takes. On your data, too.
#
# **What you will learn.** That to colour the inputs is to change the first layer, and what follows from that for everything else.
#
# **What you need.** [01_linear_asymptotics](01_linear_asymptotics.ipynb) and, for descent, [04_gd_dynamics](04_gd_dynamics.ipynb). A minute to run. Verdicts carry the labels of README's claims.
#
# | symbol | meaning |
# |---|---|
# | $x, z$ | inputs, centred, $N_i$ of them; white inputs, $x = \Sigma^{1/2} z$ |
# | $\Sigma, \tau_i$ | covariance of the inputs, and its eigenvalues |
# | $W_1, W_2$ | weights of the two layers, $y = W_2\, g(W_1 x)$, with $N_h$ hidden units; a teacher's are normal, of deviations $\sigma_1, \sigma_2$ (1 if not said) |
#
# ## Parameters
#
# `inputs` is a CSV, NPY or Parquet file of shape (samples, features); empty, it stands for scikit-learn's handwritten digits. Its path is relative to the folder of this notebook, or to
# the top of the checkout, where the workflow runs. Features that never change are refused unless `keep_constant` is set.

# %% tags=["parameters"]
inputs: str = ""  # A CSV, NPY or Parquet file of shape (samples, features), relative to the checkout; empty for scikit-learn's digits.
keep_constant: bool = False  # Whether to keep features that never change instead of refusing them.
hidden_dim: int = 6  # Hidden units of the networks on the data, 1 to 40.
wide_hidden_dim: int = 60  # Hidden units of the wider linear networks on the data, 1 to 1000.
teachers: int = 2000  # Linear teachers drawn for each spectrum, 100 to 1000000.
epsilon: float = 0.001  # Standard deviation of a student's start from its teacher, 1e-06 to 0.01.
descent_steps: int = 300  # Steps of gradient descent on the data, 10 to 10000000.
seed: int = 20251220  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("05_real_inputs", globals(), results_dir)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nearopt import Erf, Linear, Polynomial, TwoLayer, descent, laws
from nearopt.figures import inputs as figures
from nearopt.hessian import batch_hessian, batch_spectrum, nonzero, population_hessian, spectrum
from nearopt.network import ColouredInputs
from nearopt.rank import covariance_rank
from nearopt.report import style
from nearopt.report.files import load_digits, load_inputs, standardise

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## The inputs, whitened by hand
#
# Centred and on one scale, the inputs have variance 1 on average over features. To make an image white, turn it onto the axes of the covariance, and divide by the standard deviation along each:

# %%
raw = load_inputs(inputs, keep_constant=keep_constant) if inputs else load_digits()
x = standardise(raw)
samples, features = x.shape

# %%
covariance = x.T @ x / samples
variances, directions = np.linalg.eigh(covariance)
keep = variances > 1e-13 * variances[-1]

# %%
colour = directions[:, keep] * np.sqrt(variances[keep])
white = x @ (colour / variances[keep])
bool(np.abs(white.T @ white / samples - np.eye(keep.sum())).max() < 1e-9)

# %% [markdown]
# An image is `colour` times a white one, so a first layer $W_1$ does on images what $W_1$ times `colour` does on white ones (`colour` is $\Sigma^{1/2}$, but for a rotation). That is all
# there is to it: what holds for any $W_1$ on white inputs holds with $W_1 \Sigma^{1/2}$, in closed form too if the inputs are Gaussian. Laws of random $W_1$ change, as below.

# %%
W1 = np.random.default_rng(1).normal(size=(hidden_dim, features))
bool(np.allclose(x @ W1.T, white @ (W1 @ colour).T))

# %% [markdown]
# Each feature that is constant, or a combination of others, costs one rank (counted exactly if the data are whole numbers). For white inputs all eigenvalues $\tau_i$ would be at 1, dashed.

# %%
coloured, constant = ColouredInputs(covariance), int((np.ptp(raw, axis=0) == 0).sum())
rank = covariance_rank(raw) if (raw == raw.round()).all() else coloured.rank
{"samples": samples, "features": features, "constant": constant, "rank": rank}

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.2))
axes.semilogy(np.arange(1, coloured.rank + 1), coloured.spectrum[::-1][: coloured.rank], ".")
axes.axhline(1, color=style.EXACT, lw=0.8, ls="--")
axes.set(xlabel="index", ylabel="covariance eigenvalue")
results.figure("covariance", figure)

# %% [markdown]
# ## Linear networks: $\Sigma$ is all that counts
#
# With one output and white inputs the Hessian's nonzero eigenvalues are those of $|W_2|^2 I + W_1^\top W_1$ ([01](01_linear_asymptotics.ipynb)); here of $\Sigma^{1/2}(|W_2|^2 I + W_1^\top W_1)\Sigma^{1/2}$, so
# that the rank of $\Sigma$ takes the place of $N_i$. With $\sigma_1 = N_i^{-1/2}$ a hidden unit's input is of size 1, where erf bends. By hand, with `colour`, and by the library, from the gradients at all
# images:

# %%
shape, size = (features, hidden_dim), {"sigma1": 1 / np.sqrt(features), "rng": rng}
teacher = TwoLayer.draw(*shape, activation=Linear(), **size)
on_white = (teacher.W2**2).sum() * np.eye(features) + teacher.W1.T @ teacher.W1
by_hand, linear = np.linalg.eigvalsh(colour.T @ on_white @ colour), batch_spectrum(teacher, x)
bool(np.allclose(by_hand, linear[-len(by_hand) :], atol=1e-9 * linear[-1]))

# %% tags=["hide-input"]
results.value("samples", samples, "samples of the data")
results.value("features", features, "features of the data")
results.value("constant", constant, "features that never change")
results.value("covariance_rank", rank, "rank of the covariance")
statement, found = "rank of a linear network's Hessian on the data", np.count_nonzero(linear)
results.verdict("C3", statement, measured=found, expected=rank, tolerance=0)
results.settled()

# %% [markdown]
# **Change this and predict.** Inputs twice as large, `2 * x`. What becomes of the Hessian's eigenvalues, and of the time that learning takes?

# %% tags=["hide-cell"]
# The Hessian is linear in the covariance: eigenvalues x 4, time / 4 at the same rate.
round(float(batch_spectrum(teacher, 2 * x).max() / linear.max()), 6)

# %% [markdown]
# Over many teachers, the law of large networks follows from $N_h$, $\sigma_1$, $\sigma_2$ and, of the data, the $\tau_i$ alone: by a fixed point at each $|W_2|^2$ (a deterministic equivalent: the manuscript, `nearopt.laws.coloured`), averaged over the chi-square law of
# $|W_2|^2$. In the mean over teachers the count of eigenvalues below a point is off the law's by at most 1/4, to leading order in size ([01](01_linear_asymptotics.ipynb); the manuscript, for any covariance). The tolerance adds what chance exceeds at
# any of 99 points in one of 1000 runs (Student's t): much for few units, as all of a teacher's eigenvalues rise and fall with one $|W_2|^2$. With six units and 2000 teachers it is about 0.95 in all. A wrong scale shows best in the mean eigenvalue, in which
# the law is exact; that of the draws is a sum of chi-squares, bounded likewise. Here $\sigma_1 = 1$; draws are of the formula above, not of images. In the figure counts start at the number of zeros.

# %%
theory = {h: laws.ColouredHessianLaw(coloured.spectrum, h) for h in (hidden_dim, wide_hidden_dim)}
drawn = {h: laws.draw_coloured_spectra(coloured.spectrum, h, teachers, rng=rng) for h in theory}

# %% tags=["hide-input"]
results.figure("coloured", figures.coloured_spectra(drawn, theory))
misplaced = "eigenvalues that the law misplaces on the data's covariance, hidden units"
mean = "mean eigenvalue of the draws over the law's, hidden units"
for h, law in theory.items():
    points = law.ppf(law.atom + (1 - law.atom) * np.arange(1, 100) / 100)  # atom: share of 0
    share, error = (features * number for number in laws.empirical_cdf(drawn[h], points))
    numbers = {"measured": np.abs(share - features * law.cdf(points)).max(), "expected": 0}
    numbers |= {"error": error.max(), "tolerance": 0.25 + laws.largest_difference(error, teachers)}
    results.verdict("C4", f"{misplaced}: {h}", **numbers)
    weights = np.append(coloured.spectrum, coloured.spectrum.sum()) / features / teachers
    numbers = {"measured": drawn[h].mean() / law.mean(), "expected": 1}
    numbers["tolerance"] = laws.largest_chi_square(weights, h * teachers) / law.mean()
    results.verdict("C4", f"{mean}: {h}", **numbers)
results.settled()

# %% [markdown]
# ## Nonlinear networks: real images against Gaussian inputs
#
# A nonlinear network sees more of its inputs than their covariance. How much more? Three spectra of the same teacher: of Gaussian inputs of the covariance $\Sigma$, in closed form (population); of
# as many Gaussian inputs as there are data (Gaussian sample), which shows what the finite number does; and of the data.

# %%
nonlinear = {"erf": Erf(), "u + u²": Polynomial((0, 1, 1)), "u³": Polynomial((0, 0, 0, 1))}
gaussian, seen, on_data = coloured.draw(samples, rng), {}, {}
networks = {n: TwoLayer.draw(*shape, activation=g, **size) for n, g in nonlinear.items()}
for n, net in networks.items():
    three = {"population": spectrum(net, covariance)}
    three["Gaussian sample"] = batch_spectrum(net, gaussian)
    three["data"] = on_data[n] = batch_spectrum(net, x)
    count = min(len(nonzero(values)) for values in three.values())
    seen[n] = {name: values[-count:] for name, values in three.items()}

# %% tags=["hide-input"]
results.figure("equivalents", figures.gaussian_equivalents(seen))

# %% [markdown]
# On images the larger eigenvalues are within about a factor of 2 of those of Gaussian inputs; the last quarter of $u + u^2$, and the last tens of all, are far smaller. Shown are as many as are above rounding in all three.
# Next, the typical factor between data and population, and what chance alone makes of it, between sample and population. No theory says how large it may be, so there is no verdict:

# %%
factors = pd.DataFrame({"activation": list(seen)})
for kind in ("data", "Gaussian sample"):
    logs = [np.abs(np.log(e[kind] / e["population"])) for e in seen.values()]
    factors[kind] = [round(float(np.exp(np.median(log))), 2) for log in logs]
factors

# %% [markdown]
# **Change this and predict.** Put the linear network in place of erf's. What is its factor, on the data?

# %% tags=["hide-cell"]
# 1: a linear network sees nothing of its inputs but their covariance.
float((linear[-rank:] / spectrum(teacher, covariance)[-rank:]).mean().round(6))

# %% [markdown]
# ## Descent on the data, real and predicted
#
# Each student starts at its teacher plus $\delta$, normal of size $\epsilon$ in each parameter, and again plus $\delta/2$ and $\delta/4$, and descends the loss on all data at the rate $1/\lambda_{\max}$, one
# over the largest eigenvalue. The prediction is the sum over eigenpairs of [04_gd_dynamics](04_gd_dynamics.ipynb), for the Hessian on the data and for that of the Gaussian equivalent.

# %%
on_the_data = {n: np.linalg.eigh(batch_hessian(net, x)) for n, net in networks.items()}
equivalent = {n: np.linalg.eigh(population_hessian(networks[n], covariance)) for n in networks}
deltas = {n: epsilon * rng.standard_normal(net.parameter_count) for n, net in networks.items()}

# %%
losses, predicted, shares = {}, {}, (1, 1 / 2, 1 / 4)
for n, net in networks.items():
    run = {"rate": 1 / on_the_data[n][0][-1], "steps": descent_steps, "records": 40}
    run["gradient"] = lambda *pair: descent.batch_gradient(*pair, x)
    starts = [net.with_parameters(net.parameters + share * deltas[n]) for share in shares]
    paths = [descent.gradient_descent(start, net, **run) for start in starts]
    losses[n] = np.array([p.measure(lambda *pair: descent.batch_loss(*pair, x)) for p in paths])
    both = {"Hessian on the data": on_the_data[n], "Gaussian equivalent": equivalent[n]}
    times, rate, delta = paths[0].times, run["rate"], deltas[n]
    predicted[n] = {k: descent.predicted_loss(v, delta, times, rate) for k, v in both.items()}

# %% tags=["hide-input"]
results.figure("descent", figures.real_descent(times, {n: losses[n][0] for n in losses}, predicted))
for n in networks:
    expected = np.outer(np.square(shares), predicted[n]["Hessian on the data"])
    ratios = (losses[n] / expected)[:, expected[0] > 1e-8 * expected[0, 0]]
    limit, change = descent.extrapolated(ratios)
    numbers = {"measured": np.abs(limit - 1).max(), "expected": 0}
    statement = f"{n} on the data: loss over prediction less 1, as the deviation vanishes"
    results.verdict("C1", statement, **numbers, tolerance=change.max() + 1e-4)
results.settled(rounding=1e-4)

# %% [markdown]
# Points: real descent. Lines: what the Hessian on the data says of it, to leading order in $\epsilon$. Dotted: the Gaussian equivalent. With the next orders extrapolated away as in
# [04_gd_dynamics](04_gd_dynamics.ipynb), measured over predicted loss must be 1 at the worst point, to within what the last order changed plus $10^{-4}$ for rounding.
#
# **Change this and predict.** Let a student differ from its teacher by 1 in each weight of the pixels that never change, and in nothing else. What does its loss do?

# %% tags=["hide-cell"]
# It is 0, and the weights stay: they are multiplied by 0 at every image. The rank lacks these directions.
flat = (np.ptp(raw, axis=0) == 0).astype(float)
descent.batch_loss(TwoLayer(net.W1 + flat, net.W2, net.activation), net, x)

# %% [markdown]
# ## How long does learning take?
#
# The eigenvalues on the data say after how many steps at that rate the loss, averaged over $\delta$, is down to a tenth and less, and in how many the loss of the slowest direction falls by a factor e:

# %%
on_data["linear"] = linear
table = pd.DataFrame({"activation": list(on_data)})
table["rank"] = [int(np.count_nonzero(values)) for values in on_data.values()]
for fraction in (0.1, 0.01, 0.001):
    steps = [descent.steps_to(values, [fraction])[0] for values in on_data.values()]
    table[f"to {fraction:g}"] = [int(float(f"{s:.2g}")) for s in steps]

# %%
table["slowest"] = [f"{v.max() / v[v > 0].min() / 2:.0e}" for v in on_data.values()]
print(descent.summary("erf", on_data["erf"]))
table

# %% [markdown]
# The last directions need so many steps that nobody ever sees them learned; pixels lit in few images are the likely cause, which is not tested here. Some are idle: they never matter at all, and are more than constant
# pixels explain. A pixel, centred, has one value in all images where it is dark (at its least). Take the $k N_h$ weights of any $k$ pixels: they change the outputs of the images where all $k$ are dark through one sum for each hidden unit only, and the output of
# each of the other $m$ images in one way. So at least $(k - 1) N_h - m$ directions are idle. Of the $k$ most rarely lit pixels: the $k$ at which this explains most, how many it explains there, and all that erf has (polynomials have more, being degenerate:
# [02](02_polynomial_rank.ipynb)):

# %%
lit = raw > raw.min(axis=0)
lit = lit[:, np.argsort(lit.sum(axis=0))]
least = [k * hidden_dim - lit[:, : k + 1].any(axis=1).sum() for k in range(features)]
idle = int((on_data["erf"] == 0).sum())
{"k": int(np.argmax(least)) + 1, "idle at least": int(max(least)), "erf's idle": idle}

# %% [markdown]
# **Change this and predict.** Whiten the images, and let the teacher compute the same of them. How long does the linear network take to a thousandth of its loss?

# %% tags=["hide-cell"]
# Far less: what is left to spread its eigenvalues is the teacher, not the inputs.
net = TwoLayer(teacher.W1 @ colour, teacher.W2, Linear())
[round(float(descent.steps_to(v, [0.001])[0])) for v in (linear, batch_spectrum(net, white))]

# %% tags=["hide-input"]
results.table("factors", factors)
results.table("times", table)
results.save()

# %% [markdown]
# ## Limits
#
# - The data are centred. A mean that is not zero acts like a bias, which these networks do not have.
# - The laws are those of large networks: at finite size they misplace up to about 1/4 of an eigenvalue.
# - The Gaussian equivalent is exact for linear networks. For others it is a model of the data, and the factors above say how good it is for these images, teachers and widths only.
# - Learning times are those near the optimum, at one fixed rate, without momentum.
