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
# # Near the optimum, the covariance of the inputs decides rank, spectrum and speed, on real images too
#
# **The question.** Theory likes inputs that are Gaussian and white. Images are neither. What of the ranks, spectra and speeds of the other notebooks is left on real data?
#
# **A surprise first.** Of the 64 pixels of a handwritten digit in scikit-learn's collection three never change, and so a linear network's Hessian on it has rank 61, at any width. Its
# eigenvalues spread over decades; the law has all of them, from the covariance alone.
#
# **What you will see.** The law with the covariance in it; Gaussian inputs standing in for images, and where they cannot; real descent on images; how long it takes. On your data, too.
#
# **What you will learn.** That to colour the inputs is to change the first layer, and what follows from that for everything else.
#
# **What you need.** [01_linear_asymptotics](01_linear_asymptotics.ipynb). A minute to run.
#
# | symbol | meaning |
# |---|---|
# | $x, z$ | inputs, centred, $N_i$ of them; white inputs, $x = \Sigma^{1/2} z$ |
# | $\Sigma, \tau_i$ | covariance of the inputs, and its eigenvalues |
# | $W_1, W_2$ | weights of the two layers, $y = W_2\, g(W_1 x)$, with $N_h$ hidden units |

# %% [markdown]
# ## Parameters
#
# `inputs` is a CSV, NPY or Parquet file of shape (samples, features); empty, it stands for scikit-learn's handwritten digits. Its path is relative to the folder of this notebook, or to
# the top of the checkout, where the workflow runs. Features that never change are refused unless `keep_constant` is set.

# %% tags=["parameters"]
inputs: str = ""
keep_constant: bool = False
hidden_dim: int = 6
wide_hidden_dim: int = 60
teachers: int = 2000
epsilon: float = 0.001
descent_steps: int = 1000
seed: int = 20251220
results_dir: str = ""

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
# A damaged file stops here, before anything heavy. The inputs are centred and share one scale, so that their variance is 1 on average over features. To make an image white, turn it onto
# the axes of the covariance, and divide by the standard deviation along each:

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
float(np.abs(white.T @ white / samples - np.eye(keep.sum())).max().round(9))

# %% [markdown]
# An image is `colour` times a white one, so a first layer $W_1$ does on images what $W_1$ times `colour` does on white ones (`colour` is $\Sigma^{1/2}$, but for a rotation). That is all
# there is to it: every result for white inputs has its counterpart, and if the inputs are Gaussian, it is in closed form, too.

# %%
W1 = np.random.default_rng(1).normal(size=(hidden_dim, features))
bool(np.allclose(x @ W1.T, white @ (W1 @ colour).T))

# %% [markdown]
# Each feature that is constant, or a combination of others, costs one rank. For whole numbers the rank of the covariance is exact, in integers; otherwise it is what floating point says. Its
# eigenvalues $\tau_i$ would all be at 1, dashed, for white inputs.

# %%
sigma, constant = ColouredInputs(covariance), int((np.ptp(raw, axis=0) == 0).sum())
rank = covariance_rank(raw) if (raw == raw.round()).all() else sigma.rank
{"samples": samples, "features": features, "constant": constant, "rank": rank}

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.2))
axes.semilogy(np.arange(1, sigma.rank + 1), sigma.spectrum[::-1][: sigma.rank], ".")
axes.axhline(1, color=style.EXACT, lw=0.8, ls="--")
axes.set(xlabel="index", ylabel="covariance eigenvalue")
results.figure("covariance", figure)

# %% [markdown]
# ## Linear networks: $\Sigma$ is all that counts
#
# With one output the Hessian's nonzero eigenvalues are those of $\Sigma^{1/2}(|W_2|^2 I + W_1^\top W_1)\Sigma^{1/2}$, so that the rank of $\Sigma$ takes the place of $N_i$. By hand, with `colour`,
# and by the library, from the gradients at all images:

# %%
teacher = TwoLayer.draw(features, hidden_dim, activation=Linear(), rng=rng)
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
# The Hessian is linear in the covariance: four times, in a quarter of the time at the same rate.
round(float(batch_spectrum(teacher, 2 * x).max() / linear.max()), 6)

# %% [markdown]
# Over many teachers, the law of large networks follows from the $\tau_i$ alone, by the deterministic equivalent of `nearopt.laws.coloured`, averaged over the chi-square law of $|W_2|^2$.
# In the mean over teachers the count of a real random matrix differs from the law's by at most a quarter of an eigenvalue, to leading order in its size; to this chance adds what it exceeds
# in one of a thousand runs, by Student's distribution at 99 points. A wrong scale shows best in the mean, which the law has exactly; that of draws is a sum of chi-square
# variables, for which there is such a bound, too.

# %%
theory = {h: laws.ColouredHessianLaw(sigma.spectrum, h) for h in (hidden_dim, wide_hidden_dim)}
drawn = {h: laws.draw_coloured_spectra(sigma.spectrum, h, teachers, rng=rng) for h in theory}

# %% tags=["hide-input"]
results.figure("coloured", figures.coloured_spectra(drawn, theory))
misplaced = "eigenvalues that the law misplaces on the data's covariance, hidden units"
mean = "mean eigenvalue of the draws over the law's, hidden units"
for h, law in theory.items():
    points = law.ppf(law.atom + (1 - law.atom) * np.arange(1, 100) / 100)
    share, error = (features * number for number in laws.empirical_cdf(drawn[h], points))
    numbers = {"measured": np.abs(share - features * law.cdf(points)).max(), "expected": 0}
    numbers |= {"error": error.max(), "tolerance": 0.25 + laws.largest_difference(error, teachers)}
    results.verdict("C4", f"{misplaced}: {h}", **numbers)
    weights = np.append(sigma.spectrum, sigma.spectrum.sum()) / features / teachers
    numbers = {"measured": drawn[h].mean() / law.mean(), "expected": 1}
    numbers["tolerance"] = laws.largest_chi_square(weights, h * teachers) / law.mean()
    results.verdict("C4", f"{mean}: {h}", **numbers)
results.settled()

# %% [markdown]
# ## Nonlinear networks: real images against Gaussian inputs
#
# A nonlinear network sees more of its inputs than their covariance. How much more? Three spectra of the same teacher: of Gaussian inputs of the covariance $\Sigma$, in closed form; of as
# many Gaussian inputs as there are data, which shows what the finite number does; and of the data.

# %%
nonlinear = {"erf": Erf(), "u + u²": Polynomial((0, 1, 1)), "u³": Polynomial((0, 0, 0, 1))}
gaussian, size = sigma.draw(samples, rng), {"sigma1": 1 / np.sqrt(features), "rng": rng}
shape, seen, on_data = (features, hidden_dim), {}, {}
networks = {n: TwoLayer.draw(*shape, activation=g, **size) for n, g in nonlinear.items()}

# %%
for n, net in networks.items():
    three = {"population": spectrum(net, covariance)}
    three["Gaussian sample"] = batch_spectrum(net, gaussian)
    three["data"] = on_data[n] = batch_spectrum(net, x)
    count = min(len(nonzero(values)) for values in three.values())
    seen[n] = {name: values[-count:] for name, values in three.items()}

# %% tags=["hide-input"]
results.figure("equivalents", figures.gaussian_equivalents(seen))

# %% [markdown]
# On images all but the smallest eigenvalues are about those of Gaussian inputs; the smallest, of pixels that are lit in a few images, are far smaller. (As many are shown as none of the three
# has lost to rounding or to few samples.) The typical factor between data and Gaussian population, and what chance alone makes of it; no theory says how large it may be, so there is no verdict:

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
float((linear[-rank // 2 :] / spectrum(teacher, covariance)[-rank // 2 :]).mean().round(6))

# %% [markdown]
# ## Descent on the data, real and predicted
#
# Each student starts a deviation of size $\epsilon$ in each parameter from its teacher, in a direction of its own, and again at half and at a quarter of it, and descends the loss on all data
# at the rate $1/\lambda_{\max}$, one over the largest eigenvalue. The prediction is the sum over eigenpairs of [04_gd_dynamics](04_gd_dynamics.ipynb), for the Hessian on the data and for that of the Gaussian equivalent.

# %%
on_the_data = {n: np.linalg.eigh(batch_hessian(net, x)) for n, net in networks.items()}
equivalent = {n: np.linalg.eigh(population_hessian(networks[n], covariance)) for n in networks}
deltas = {n: epsilon * rng.standard_normal(net.parameter_count) for n, net in networks.items()}


# %%
def descend(n, share):
    student = networks[n].with_parameters(networks[n].parameters + share * deltas[n])
    run = {"rate": 1 / on_the_data[n][0][-1], "steps": descent_steps, "records": 40}
    run["gradient"] = lambda *pair: descent.batch_gradient(*pair, x)
    return descent.gradient_descent(student, networks[n], **run)


# %%
shares, loss = (1, 1 / 2, 1 / 4), lambda *pair: descent.batch_loss(*pair, x)
paths = {n: [descend(n, share) for share in shares] for n in networks}
losses = {n: np.array([path.measure(loss) for path in three]) for n, three in paths.items()}

# %%
times, predicted = paths["erf"][0].times, {}
for n in networks:
    both = {"Hessian on the data": on_the_data[n], "Gaussian equivalent": equivalent[n]}
    run = deltas[n], times, 1 / on_the_data[n][0][-1]
    predicted[n] = {name: descent.predicted_loss(pairs, *run) for name, pairs in both.items()}

# %% tags=["hide-input"]
results.figure("descent", figures.real_descent(times, {n: losses[n][0] for n in losses}, predicted))
for index, n in enumerate(networks):
    expected = np.outer(np.square(shares), predicted[n]["Hessian on the data"])
    ratios = (losses[n] / expected)[:, expected[0] > 1e-8 * expected[0, 0]]
    results.value(f"error_{index}", np.abs(ratios[0] - 1).max(), f"{n}: largest relative error")
    limit, change = descent.extrapolated(ratios)
    numbers = {"measured": np.abs(limit - 1).max(), "expected": 0}
    statement = f"{n} on the data: loss over prediction less 1, as the deviation vanishes"
    results.verdict("C1", statement, **numbers, tolerance=change.max() + 1e-4)
results.settled()[["claim", "expected", "it"]]

# %% [markdown]
# Points: real descent. Lines: what the Hessian on the data says of it, to leading order in $\epsilon$. Dotted: the Gaussian equivalent. With the next orders extrapolated away as in
# [04_gd_dynamics](04_gd_dynamics.ipynb), measured over predicted loss must be 1 at the worst point, to what the last order changed and $10^{-4}$ for rounding.
#
# ## How long does learning take?
#
# The eigenvalues on the data say how soon the mean loss is down to a tenth and less, at that rate, and in how many steps the slowest direction loses a factor of e:

# %%
on_data["linear"] = linear
times = pd.DataFrame({"activation": list(on_data)})
times["rank"] = [int(np.count_nonzero(values)) for values in on_data.values()]

# %%
for fraction in (0.1, 0.01, 0.001):
    steps = [descent.steps_to(values, [fraction])[0] for values in on_data.values()]
    times[f"to {fraction:g}"] = [int(float(f"{s:.2g}")) for s in steps]

# %%
times["slowest"] = [f"{v.max() / v[v > 0].min() / 2:.0e}" for v in on_data.values()]
print(descent.summary("erf", on_data["erf"]))
times

# %% [markdown]
# Directions that never matter are more than constant pixels explain. All pixels that are dark in most images are alike on these, and each differs from the others in no more ways than there
# are images in which it is lit, however many hidden units have a weight for it. And the last directions need so many steps that nobody ever sees them learned: such pixels are best dropped.
#
# **Change this and predict.** Whiten the images first. How long does the linear network take to a thousandth of its loss?

# %% tags=["hide-cell"]
# Far less: what is left to spread its eigenvalues is the teacher, not the covariance.
net = TwoLayer.draw(white.shape[1], hidden_dim, activation=Linear(), rng=np.random.default_rng(1))
[round(float(descent.steps_to(v, [0.001])[0])) for v in (linear, batch_spectrum(net, white))]

# %% tags=["hide-input"]
results.value("factor_least", factors["data"].min(), "least of these factors on the data")
results.value("factor_most", factors["data"].max(), "largest of these factors on the data")
results.table("factors", factors)
results.table("times", times)
results.save()

# %% [markdown]
# ## Limits
#
# - The data are centred. A mean that is not zero acts like a bias, which these networks do not have.
# - The laws are those of large networks: at finite size they misplace up to about a quarter of an eigenvalue. Fewer teachers show less: the verdicts state what was allowed.
# - The Gaussian equivalent is exact for linear networks. For others it is a model of the data, and the factors above say how good it is for these images, teachers and widths only.
# - Learning times are those near the optimum, at one fixed rate, without momentum.
