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
# # Near the optimum, the covariance of the inputs and their number decide spectrum and rank, on real images too
#
# **The question.** Theory likes inputs that are white, without end, and one output. Images are none of that. What of the ranks, spectra
# and speeds of the other notebooks is left on real data?
#
# **A surprise first.** Of the 64 pixels of a handwritten digit in scikit-learn's collection three never change, and so a linear network's Hessian on it has rank 61,
# at any width; and its eigenvalues spread over decades, all of which are in the law once the covariance is.
#
# **What you will see.** The laws with the covariance in them, for correlated inputs, few of them, and several outputs; the rank, counted;
# and how long learning takes, on data of your own if you like.
#
# **What you will learn.** That to colour the inputs is to change the first layer, and what follows from that for everything else.
#
# **What you need.** [01_linear_asymptotics](01_linear_asymptotics.ipynb). A minute to run.
#
# | symbol | meaning |
# |---|---|
# | $\Sigma$ | covariance of the inputs, with the eigenvalues $\tau_i$ |
# | $N_i, N_h, N_o$ | inputs, hidden units and outputs |
# | $N$ | samples |
#
# ## Setting
#
# Inputs have covariance $\Sigma$. Write $x = \Sigma^{1/2} z$ with white $z$: the network of weights
# $(W_2, W_1)$ on $x$ is that of $(W_2, W_1 \Sigma^{1/2})$ on $z$, so every result for white inputs has
# its counterpart, still in closed form, when the inputs are Gaussian.

# %% [markdown]
# ## Parameters
#
# `inputs` is a CSV, NPY or Parquet file of shape (samples, features); empty, it stands for
# scikit-learn's handwritten digits. Its path is relative to the folder of this notebook, or to the
# top of the checkout, where the workflow runs. Features that never change are refused unless
# `keep_constant` is set.

# %% tags=["parameters"]
inputs: str = ""
keep_constant: bool = False
hidden_dim: int = 6
wide_hidden_dim: int = 60
teachers: int = 2000
small_input_dim: int = 6
small_hidden_dim: int = 4
output_dim: int = 3
batches: int = 100
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

from nearopt import Erf, Linear, Polynomial, TwoLayer
from nearopt.figures import inputs as figures_inputs
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## The inputs
#
# A damaged file stops here, before anything heavy. The inputs are centred and share
# one scale, so that their variance is 1 on average over features.

# %%
from nearopt.network import ColouredInputs
from nearopt.rank import covariance_rank
from nearopt.report.files import load_digits, load_inputs, standardise

# %%
raw = load_inputs(inputs, keep_constant=keep_constant) if inputs else load_digits()
x = standardise(raw)
samples, features = x.shape

# %%
sigma = ColouredInputs(x.T @ x / samples)
samples, features

# %% [markdown]
# An image is made white by hand: turned onto the axes of the covariance, and divided by the standard deviation along each.

# %%
variances, directions = np.linalg.eigh(x.T @ x / samples)
keep = variances > 1e-13 * variances[-1]
white = x @ directions[:, keep] / np.sqrt(variances[keep])
float(np.abs(white.T @ white / samples - np.eye(keep.sum())).max().round(9))

# %% [markdown]
# A first layer $W_1$ on the images does what $W_1 \Sigma^{1/2}$ does on the white ones, to rounding. That is all that colour is.

# %%
W1 = np.random.default_rng(1).normal(size=(hidden_dim, features))
on_white = W1 @ directions[:, keep] * np.sqrt(variances[keep])
bool(np.allclose(x @ W1.T, white @ on_white.T))

# %% [markdown]
# Each feature that is constant, or a combination of others, costs one rank. For whole numbers the
# rank of the covariance is exact, in integers; otherwise it is what floating point says.

# %%
whole = bool((raw == raw.round()).all())
rank = covariance_rank(raw) if whole else sigma.rank
constant = int((np.ptp(raw, axis=0) == 0).sum())

# %% tags=["hide-input"]
results.value("samples", samples, "samples of the data")
results.value("features", features, "features of the data")
results.value("constant", constant, "features that never change")
results.value("covariance_rank", rank, "rank of the covariance")

# %%
{"exact": whole, "rank": rank, "constant": constant, "dependent": features - rank - constant}

# %% [markdown]
# White inputs would have all these eigenvalues at 1.

# %%
figure, axes = plt.subplots(figsize=(style.HALF, 2.2))
axes.semilogy(np.arange(1, sigma.rank + 1), sigma.spectrum[::-1][: sigma.rank], ".")
axes.axhline(1, color=style.EXACT, lw=0.8, ls="--")
axes.set(xlabel="index", ylabel="covariance eigenvalue")
results.figure("covariance", figure)

# %% [markdown]
# ## Linear networks: the rank of $\Sigma$ in place of $N_i$, and its spectrum in the law
#
# With one output the eigenvalues are those of $\Sigma^{1/2}(|W_2|^2 I + W_1^\top W_1)\Sigma^{1/2}$.

# %%
from nearopt.hessian import batch_spectrum
from nearopt.laws import (
    ColouredHessianLaw,
    draw_coloured_spectra,
    empirical_cdf,
    largest_chi_square,
    largest_difference,
)

# %%
teacher = TwoLayer.draw(features, hidden_dim, activation=Linear(), rng=rng)
found = np.count_nonzero(batch_spectrum(teacher, x))
statement = "rank of a linear network's Hessian on the data"
results.verdict("C3", statement, measured=found, expected=rank, tolerance=0)

# %% [markdown]
# **Change this and predict.** Inputs twice as large, `2 * x`. What becomes of the Hessian's eigenvalues, and of the time that learning takes?

# %% tags=["hide-cell"]
# The Hessian is linear in the covariance: four times, in a quarter of the time at the same rate.
double, single = batch_spectrum(teacher, 2 * x), batch_spectrum(teacher, x)
round(float(double.max() / single.max()), 6)

# %% [markdown]
# For large networks their distribution follows from the eigenvalues of $\Sigma$ alone, by the
# deterministic equivalent of `nearopt.laws.coloured`, averaged over the chi-square law of $|W_2|^2$.

# %%
widths = (hidden_dim, wide_hidden_dim)
laws = {h: ColouredHessianLaw(sigma.spectrum, h) for h in widths}
spectra = {h: draw_coloured_spectra(sigma.spectrum, h, teachers, rng=rng) for h in widths}
results.figure("coloured", figures_inputs.coloured_spectra(spectra, laws))

# %% [markdown]
# Over decades of eigenvalues the law counts them right. In the mean over teachers, the count of a real
# random matrix differs from the law's by at most a quarter of an eigenvalue, to leading order in its size.
# To this chance adds what it may: the tolerance is exceeded in one of a thousand runs, by Student's
# distribution at 99 points.

# %%
statement = "eigenvalues that the law misplaces on the data's covariance, hidden units"
for h, law in laws.items():
    points = law.ppf(law.atom + (1 - law.atom) * np.arange(1, 100) / 100)
    share, error = (features * number for number in empirical_cdf(spectra[h], points))
    numbers = {"measured": np.abs(share - features * law.cdf(points)).max(), "expected": 0}
    numbers |= {"error": error.max(), "tolerance": 0.25 + largest_difference(error, teachers)}
    print(results.verdict("C4", f"{statement}: {h}", **numbers))

# %% [markdown]
# A scale that is wrong shows best in the mean, which the law has exactly. The mean of the draws is a sum of chi-square
# variables, for which there is a bound that chance exceeds once in a thousand times.

# %%
statement = "mean eigenvalue of the draws over the law's, hidden units"
for h, law in laws.items():
    weights = np.append(sigma.spectrum, sigma.spectrum.sum()) / features / teachers
    numbers = {"measured": spectra[h].mean() / law.mean(), "expected": 1}
    numbers["tolerance"] = largest_chi_square(weights, h * teachers) / law.mean()
    print(results.verdict("C4", f"{statement}: {h}", **numbers))

# %% [markdown]
# ## Few samples: the rank
#
# With one output a batch of $N$ random samples has rank $\min(N, R)$, $R$ the rank of the population, for analytic $g$. With
# $N_o$ outputs, let $k = \min(N_o, N_h)$ and $R_k$ the population's rank with $k$ outputs. Then it is at most
# $(N_o - k)\min(N, D, N_h) + \min(N k, R_k)$, $D$ the number of monomials: in the $N_o - k$ directions of the outputs that no
# hidden unit feeds, only $W_2$ acts. That is a theorem; whether it is reached, exact counts say.

# %%
from nearopt.proof import certify_batch_ranks
from nearopt.rank import count_batch_ranks, expected_batch_ranks

# %%
activations = {
    "linear": Linear(),
    "u²": Polynomial((0.0, 0.0, 1.0)),
    "u³": Polynomial((0.0, 0.0, 0.0, 1.0)),
    "u + u²": Polynomial((0.0, 1.0, 1.0)),
}

# %% [markdown]
# Four activations, with one output and with several, more of them than hidden units too.

# %%
outputs = sorted({1, 2, output_dim, small_hidden_dim + 1})
largest = small_hidden_dim * (small_input_dim + 1) + 2
shape = (small_input_dim, small_hidden_dim)

# %%
counted = {}
for name, g in activations.items():
    for o in outputs:
        counts = count_batch_ranks(g, *shape, o, largest, rng=rng)
        counted[name, o] = counts, expected_batch_ranks(g, *shape, o, largest)

# %%
cases = largest * len(counted)
exceptions = sum(int((counts != expected).sum()) for counts, expected in counted.values())
results.value("batch_cases", cases, "batches whose rank was counted")

# %% tags=["hide-input"]
statement = f"batches, of {cases}, whose rank is not the formula's"
results.verdict("C5", statement, measured=exceptions, expected=0, tolerance=0)

# %% [markdown]
# The population's ranks, and the smallest batch that reaches them:

# %%
table = pd.DataFrame(list(counted), columns=["activation", "outputs"])
table["rank"] = [int(counts[-1]) for counts, _ in counted.values()]
table["samples"] = [int(np.argmax(c == c[-1])) + 1 for c, _ in counted.values()]

# %%
results.table("batch_ranks", table)
table.pivot(index="activation", columns="outputs", values=["rank", "samples"])

# %% [markdown]
# For erf the rank of a batch is $\min(N, P)$, and ball arithmetic proves it for this teacher and these inputs.

# %%
erf_net = TwoLayer.draw(*shape, activation=Erf(), rng=rng)
erf_inputs = rng.standard_normal((erf_net.parameter_count, small_input_dim))
certified = certify_batch_ranks(erf_net, erf_inputs)

# %% tags=["hide-input"]
statement = "erf: batches of every size have full rank (1 if proved)"
results.verdict("C6", statement, measured=int(certified), expected=1, tolerance=0)

# %% [markdown]
# ## Few samples: the smallest eigenvalue
#
# When $N$ falls to the rank, the smallest nonzero eigenvalue falls to almost nothing, and learning
# takes longest; with fewer samples still it rises again, because what is left of the spectrum is what the batch
# can see. It is the double descent of least squares, in time instead of error.

# %%
ratios = np.unique([1, *np.round(np.geomspace(0.3, 6, 25), 3)])

# %%
from nearopt.hessian import smallest_batch_eigenvalues
from nearopt.rank import exact_rank

# %%
rows, dips = [], []
for name, g in {"linear": Linear(), "u + u²": activations["u + u²"], "erf": Erf()}.items():
    full = shape[1] * (shape[0] + 1)
    R = full if name == "erf" else exact_rank(g, *shape, rng=rng).value
    sizes = np.unique(np.maximum(1, np.round(ratios * R).astype(int))).tolist()
    nets = [TwoLayer.draw(*shape, activation=g, rng=rng) for _ in range(batches)]
    values = [smallest_batch_eigenvalues(net, R, sizes, rng=rng) for net in nets]
    few, as_many, many = np.transpose(values)[[0, sizes.index(R), -1]]
    dips.append(as_many < np.minimum(few, many))
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    columns = {"ratio": np.divide(sizes, R), "low": low, "median": median, "high": high}
    rows.append(pd.DataFrame({"activation": name, **columns}))

# %%
measured = pd.concat(rows)

# %% [markdown]
# For linear $g$ the law of a batch predicts it: its quantile with half an eigenvalue below.

# %%
curve = measured[measured.activation == "linear"]

# %%
predictions = []
for N in (curve.ratio * small_input_dim).round().astype(int):
    law = ColouredHessianLaw(np.ones(small_input_dim), small_hidden_dim, samples=int(N))
    predictions.append(law.ppf(law.atom + 0.5 / small_input_dim))
results.figure(
    "smallest", figures_inputs.smallest_eigenvalues(measured, np.array([curve.ratio, predictions]))
)

# %% [markdown]
# Of a batch with as many samples as the rank, the smallest eigenvalue is below that of its first third, which is a theorem
# (the smaller kernel matrix is a part of the larger), and below that of six times as many in most networks:

# %%
share = float(np.mean(dips))
statement = "share of networks whose smallest eigenvalue dips where samples equal the rank"
results.verdict("C2", statement, measured=share, expected=1, tolerance=0.5)

# %%
erf_curve = measured[measured.activation == "erf"].set_index("ratio")["median"]
dip, deepest = float(erf_curve.idxmin()), erf_curve.min()
results.value("dip", dip, "samples over rank where erf's smallest eigenvalue is least")
results.value("recovery", erf_curve.iloc[-1] / deepest, "its growth from there to six times")

# %% [markdown]
# ## Several outputs
#
# With $N_o$ outputs a linear network's eigenvalues are all sums of one of $W_2 W_2^\top$ and one of
# $W_1^\top W_1$: for large networks the law is the convolution of two Marchenko-Pastur laws, and the
# rank is $N_o N_i - (N_o - N_h)_+ (N_i - N_h)_+$.

# %%
from nearopt.laws import OutputsHessianLaw

# %%
big = (10 * small_input_dim, 10 * small_hidden_dim, 10 * output_dim)
outputs_law = OutputsHessianLaw(*big)

# %%
draws = []
for _ in range(batches):
    net = TwoLayer.draw(big[0], big[1], output_dim=big[2], activation=Linear(), rng=rng)
    inner, outer = (np.linalg.eigvalsh(m) for m in (net.W1.T @ net.W1, net.W2 @ net.W2.T))
    draws.append(np.sort(np.add.outer(inner, outer).ravel()))
results.figure("outputs", figures_inputs.outputs_density(np.array(draws), outputs_law))

# %% [markdown]
# The counts of both factors are off by at most a quarter of an eigenvalue each, in the mean over
# teachers, and a convolution makes no difference larger. So the law must be within
# $1 / (4 N_i) + 1 / (4 N_o)$ of the draws, and what chance allows.

# %%
atom = outputs_law.atom
points = outputs_law.ppf(atom + (1 - atom) * np.arange(1, 100) / 100)
share, error = empirical_cdf(np.array(draws), points)
distance = np.abs(share - outputs_law.cdf(points)).max()

# %%
allowed = (1 / big[0] + 1 / big[2]) / 4 + largest_difference(error, batches)
numbers = {"measured": distance, "expected": 0, "error": error.max(), "tolerance": allowed}
results.verdict("C4", "distance of draws and law with several outputs", **numbers)

# %%
n, h, o = big
weights, freedoms = np.array([1 / n, 1 / o]) / batches, np.array([n, o]) * h * batches
numbers = {"measured": np.mean(draws) / outputs_law.mean(), "expected": 1}
numbers["tolerance"] = largest_chi_square(weights, freedoms) / outputs_law.mean()
results.verdict("C4", "mean eigenvalue of the draws over the law's, several outputs", **numbers)

# %% [markdown]
# ## Real images against Gaussian inputs of the same covariance
#
# A nonlinear network sees more of its inputs than their covariance. How much more? Three spectra of the same teacher: of
# Gaussian inputs in closed form; of as many Gaussian inputs as there are data, which shows what the finite number does; and of the data.

# %%
nonlinear = {"erf": Erf(), "u + u²": activations["u + u²"], "u³": activations["u³"]}
gaussian = sigma.draw(samples, rng)
covariance = x.T @ x / samples
scale = 1 / np.sqrt(features)

# %%
from nearopt.hessian import nonzero, spectrum

# %%
networks, equivalents = {}, {}
for name, g in nonlinear.items():
    net = TwoLayer.draw(features, hidden_dim, activation=g, sigma1=scale, rng=rng)
    batch = {"Gaussian sample": gaussian, "data": x}
    networks[name] = net
    values = {"population": spectrum(net, covariance)}
    values |= {k: batch_spectrum(net, v) for k, v in batch.items()}
    equivalents[name] = values

# %%
seen = {
    n: {k: v[-len(nonzero(e["population"])) :] for k, v in e.items()}
    for n, e in equivalents.items()
}

# %%
common = {n: min(len(nonzero(v)) for v in e.values()) for n, e in equivalents.items()}
seen = {n: {k: v[-common[n] :] for k, v in e.items()} for n, e in seen.items()}
results.figure("equivalents", figures_inputs.gaussian_equivalents(seen))

# %% [markdown]
# The typical factor between the eigenvalues on the data and those of the Gaussian equivalent, and the
# same for the Gaussian sample, which is what chance alone makes of it. No theory says how large it may be for
# images, so there is no verdict on it.

# %%
factors = pd.DataFrame({"activation": list(seen)})
for kind in ("data", "Gaussian sample"):
    logs = [np.abs(np.log(e[kind] / e["population"])) for e in seen.values()]
    factors[kind] = [round(float(np.exp(np.median(log))), 2) for log in logs]

# %% tags=["hide-input"]
results.value("factor_least", factors["data"].min(), "least of these factors on the data")
results.value("factor_most", factors["data"].max(), "largest of these factors on the data")

# %%
results.table("factors", factors)
factors

# %% [markdown]
# ## Descent on the data, real and predicted
#
# Students start `epsilon` away from their teachers in each parameter. Points are losses of real gradient descent on the data at the
# rate $1/\lambda_{\max}$; lines what the Hessian on the data says, dotted what that of the Gaussian equivalent says.

# %%
from functools import partial

from nearopt.descent import (
    batch_gradient,
    batch_loss,
    extrapolated,
    gradient_descent,
    predicted_loss,
)
from nearopt.hessian import batch_hessian, population_hessian

# %%
on_the_data = {n: np.linalg.eigh(batch_hessian(net, x)) for n, net in networks.items()}
equivalent = {n: np.linalg.eigh(population_hessian(networks[n], covariance)) for n in networks}
rates = {name: 1 / pairs[0][-1] for name, pairs in on_the_data.items()}
both = (on_the_data, equivalent)

# %% [markdown]
# Each student starts in a direction of its own, and again at half and at a quarter of the distance.

# %%
directions = {n: rng.standard_normal(net.parameter_count) for n, net in networks.items()}
gradient, loss = partial(batch_gradient, inputs=x), partial(batch_loss, inputs=x)


# %%
def descend(name, share):
    net = networks[name]
    student = net.with_parameters(net.parameters + share * epsilon * directions[name])
    run = {"rate": rates[name], "steps": descent_steps, "records": 40}
    return gradient_descent(student, net, gradient=gradient, **run)


# %%
shares = (1, 1 / 2, 1 / 4)
paths = {name: [descend(name, share) for share in shares] for name in networks}
losses = {name: np.array([path.measure(loss) for path in three]) for name, three in paths.items()}

# %%
times, predicted = paths["erf"][0].times, {}
for name, direction in directions.items():
    curves = (
        predicted_loss(pairs[name], epsilon * direction, times, rates[name]) for pairs in both
    )
    predicted[name] = dict(zip(("Hessian on the data", "Gaussian equivalent"), curves, strict=True))

# %%
first = {name: three[0] for name, three in losses.items()}
results.figure("descent", figures_inputs.real_descent(times, first, predicted))

# %% [markdown]
# The prediction is the leading order in `epsilon`. As in [04_gd_dynamics](04_gd_dynamics.ipynb), three deviations tell the orders
# that it lacks; without them, measured over predicted loss must be 1 at the worst point, to what the last of them
# changed, and $10^{-4}$ for rounding.

# %%
for index, name in enumerate(networks):
    theory = np.outer(np.square(shares), predicted[name]["Hessian on the data"])
    ratios = (losses[name] / theory)[:, theory[0] > 1e-8 * theory[0, 0]]
    results.value(f"error_{index}", np.abs(ratios[0] - 1).max(), f"{name}: largest relative error")
    limit, change = extrapolated(ratios)
    numbers = {"measured": np.abs(limit - 1).max(), "expected": 0}
    statement = f"{name} on the data: loss over prediction less 1, as the deviation vanishes"
    tolerance = change.max() + 1e-4
    print(results.verdict("C1", statement, **numbers, tolerance=tolerance).passed)

# %% [markdown]
# ## How long does learning take?
#
# From the eigenvalues on the data, for gradient descent at the rate $1/\lambda_{\max}$:

# %%
from nearopt.descent import steps_to, summary

# %%
on_data = {name: e["data"] for name, e in equivalents.items()}
on_data["linear"] = batch_spectrum(teacher, x)
for name, values in on_data.items():
    print(summary(name, values))

# %% [markdown]
# Directions that never matter are more than constant pixels explain. All pixels that are dark in most images are
# alike on these, and each differs from the others in no more ways than there are images in which it is lit, however
# many hidden units have a weight for it. And the last directions
# need so many steps that nobody ever sees them learned: such pixels are best dropped.

# %%
times = pd.DataFrame({"activation": list(on_data)})

# %%
times["rank"] = [int(np.count_nonzero(v)) for v in on_data.values()]
for fraction in (0.1, 0.01, 0.001):
    steps = [steps_to(v, [fraction])[0] for v in on_data.values()]
    times[f"to {fraction:g}"] = [int(float(f"{s:.2g}")) for s in steps]

# %%
slowest = [v.max() / v[v > 0].min() / 2 for v in on_data.values()]
times["slowest"] = [f"{s:.0e}" for s in slowest]
results.table("times", times)
times

# %% tags=["hide-input"]
results.save()

# %% [markdown]
# ## Limits
#
# - The data are centred. A mean that is not zero acts like a bias, which these networks do not have.
# - The laws are those of large networks: at finite size they misplace up to about a quarter of an
#   eigenvalue. Fewer teachers show less: the verdicts state what was allowed.
# - The Gaussian equivalent is exact for linear networks. For others it is a model of the data,
#   and the factors above say how good it is for these images, teachers and widths only.
# - Learning times are those near the optimum, at one fixed rate, without momentum.
