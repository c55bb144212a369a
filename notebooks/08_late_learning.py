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
# # Each teacher is learned exponentially, their average like a power: $t^{-3/2}$ for activations of full rank
#
# **The question.** Near the optimum a loss falls like $e^{-2 \lambda t}$ in the end (notebook 04). Average it over teachers, as one does to see what is typical: how does it fall?
#
# **A surprise first.** Take the loss $a^2 e^{-2 a^2 t}$ of a normal weight. At $t = 10^4$ the median of a million is below $10^{-3900}$, the mean about $10^{-7}$, nine tenths of it from one teacher in a hundred.
#
# **What you will see.** Real descent of many students on the exact mean of linear networks. Then erf and ReLU: a mean loss that is a straight line of slope $-3/2$ over many decades, which teachers leave one by one.
#
# **What you will learn.** That the exponent counts what must be small at once: for linear networks all *outgoing* weights, and for $N_h \ge N_i$ one small eigenvalue of $W_1^\top W_1$ too; at full rank one weight. And how
# to average over teachers so rare that none would be drawn.
#
# **What you need.** The density of a normal variable at 0, and notebooks 01, 04 and 06. Half a minute to run.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h, P; g$ | inputs, hidden units and parameters; activation |
# | $a_k, w_k$ | outgoing weight (in $W_2$) and row of incoming weights (of $W_1$) of unit $k$; normal, of standard deviations $\sigma_2$ and $\sigma_1$ |
# | $L, \lambda$ | loss, and eigenvalues of the Hessian at the teacher |
# | $\epsilon, t$ | standard deviation of a student's parameters from its teacher's, and time of gradient flow |
# | $\kappa, \zeta$ | variance and squared mean of $g'(u)$ at a preactivation $u \sim \mathcal N(0, s^2)$, $s^2 = N_i \sigma_1^2$ |
# | $H_1, \Lambda_k$ | the Hessian were all $a_k = 1$ (*full rank*: it is invertible), and what is left of it for $w_k$ when all other parameters are eliminated (a Schur complement) |

# %% tags=["parameters"]
linear_teachers: int = 4000  # Linear teachers over which the loss is averaged, 1000 to 10000000.
hidden_dim: int = 8  # Hidden units, and half the inputs, of the nonlinear networks, 8 to 30.
scale: float = 1.0  # Standard deviation of a preactivation, 0.5 to 2.
sigma2: float = 1.0  # Standard deviation of the second layer's weights, 0.3 to 2.
teachers: int = 200  # Teachers of each activation over which the loss is averaged, 100 to 100000.
students: int = 3  # Students of each activation that really descend, 1 to 1000.
seed: int = 20261126  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("08_late_learning", globals(), results_dir)

# %% tags=["hide-input"]
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import norm

from nearopt import Erf, ReLU, TwoLayer, descent
from nearopt.figures import late_learning as figures
from nearopt.hessian import population_hessian, spectrum
from nearopt.laws import NonlinearHessianLaw, gaussian_moments, largest_difference
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## One weight
#
# An eigenvalue $a^2$ adds $a^2 e^{-2 a^2 t}$ to the loss, in units of $\epsilon^2 / 2$. Its mean over $a \sim \mathcal N(0, 1)$ is a Gaussian integral,
#
# $$ \int \frac{e^{-a^2/2}}{\sqrt{2\pi}}\, a^2 e^{-2 a^2 t}\, da = (1 + 4t)^{-3/2} . $$


# %%
def average(eigenvalues, t):
    return (eigenvalues * np.exp(-2 * t * eigenvalues)).mean()


# %%
own = np.random.default_rng(1)
a2 = own.standard_normal(1_000_000) ** 2
f"{average(a2, 1e4):.1e} of a million draws, {(1 + 4e4) ** -1.5:.1e} exactly"

# %% [markdown]
# Who holds this loss? Those that $t$ has not reached, $|a| \lesssim t^{-1/2}$: a share of the order of $t^{-1/2}$ of all, each with a loss of the order of $a^2 \approx t^{-1}$, together $t^{-3/2}$. Here is what the
# smallest hundredth of all $a^2$ holds of it, and the decimal logarithm of the median loss:

# %%
smallest, median = a2[a2 < np.quantile(a2, 0.01)], np.median(a2)
share = average(smallest, 1e4) / average(a2, 1e4) / 100
f"share {share:.2f}, log10 of the median {np.log10(median) - 2e4 * median / np.log(10):.0f}"

# %%
times = np.geomspace(1e-2, 1e4, 50)
axes = plt.subplots(figsize=(style.HALF, 2.3))[1]
axes.loglog(times, a2[:12] * np.exp(-2 * np.outer(times, a2[:12])), color="#BBBBBB")
axes.loglog(times, [average(a2[:100_000], t) for t in times], ".", times, (1 + 4 * times) ** -1.5)
_ = axes.set(xlabel="time", ylabel="loss", ylim=(1e-8, 10))

# %% [markdown]
# Grey: twelve teachers, each exponential in the end. Points: the mean of many. Line: $(1 + 4t)^{-3/2}$. There is always a teacher with a smaller weight.
#
# **Change this and predict.** Let the eigenvalue be $a^2 + b^2$, with two normal weights. What is the exponent now?

# %% tags=["hide-cell"]
# -2: both must be small at once. A chi-square law of k degrees of freedom gives -(k/2 + 1).
sums = own.chisquare(2, 1_000_000)
round(float(np.log10(average(sums, 1000) / average(sums, 100))), 1)

# %% [markdown]
# ## Linear networks: all outgoing weights must be small at once
#
# For linear $g$ a nonzero eigenvalue is $|W_2|^2$ plus one of $W_1^\top W_1$ (notebook 01), and the mean over teachers is known exactly at any size. If $N_i > N_h$, $W_1^\top W_1$ has zeros, so $|W_2|^2$ stands alone and
# the mean falls like $t^{-(N_h/2 + 1)}$. For $N_h \ge N_i$ the smallest eigenvalue of $W_1^\top W_1$ must be near zero as well, which lowers the exponent by another $(N_h - N_i + 1)/2$. Many real students descend, each
# near its own teacher, for $W_1$ wide ($N_i = 4$, $N_h = 2$) and tall ($N_i = 2$, $N_h = 3$). The later, the fewer teachers make the mean: we look as long as they are 200 or more, counted as $(\sum L)^2 / \sum L^2$.

# %%
shapes, averages, steps = {"wide": (4, 2), "tall": (2, 3)}, {}, np.geomspace(10, 800, 14).round()
run = {"rate": 0.01, "steps": steps, "epsilon": 1e-5, "rng": rng}
mean, end = descent.linear_expected_loss, np.array([1e6, 1e7])

# %%
for s in shapes.values():
    losses = descent.descend_linear_students(*s, linear_teachers, **run)
    enough = losses.sum(0) ** 2 >= 200 * (losses**2).sum(0)
    averages[s] = run["rate"] * steps[enough], losses[:, enough] / run["epsilon"] ** 2

# %% [markdown]
# Below, grey: twelve single teachers. Points: the mean of all, with two standard errors. The law of large networks (orange) is off for $N_h > N_i$, for it does not know how near zero the smallest eigenvalue of a small
# matrix can come. At all points the measured mean must be the exact one of gradient flow less $\eta t L''/4$, by which steps of rate $\eta$ are ahead of it, within five standard errors (chance exceeds them in less than one of a
# thousand runs) and what is of second order in $\eta$. The second table has exponents: of the measured and the exact mean from the first point to the last, too early for the limit, and of the exact one from $t = 10^6$ to $10^7$, where it is reached.


# %%
def exact_mean(times, shape):
    around = [mean(share * times, *shape) for share in (0.99, 1, 1.01)]
    curvature = np.diff(around, 2, axis=0)[0] / (0.01 * times) ** 2
    slowing = run["rate"] * times * curvature / 4 / around[1]
    return around[1] * (1 - slowing), slowing**2


def exponent(losses, times):
    return np.log(losses[-1] / losses[0]) / np.log(times[-1] / times[0])


# %% tags=["hide-input"]
results.figure("average", figures.teacher_averages(averages))
for key, s in shapes.items():
    t, losses = averages[s]
    exact, second_order = exact_mean(t, s)
    error = losses.std(0) / exact / np.sqrt(linear_teachers)
    worst = ((np.abs(losses.mean(0) / exact - 1) - second_order) / error).max()
    statement = f"mean over linear teachers of shape {s[0]}, {s[1]}, worst, in standard errors"
    results.verdict("C2", statement, measured=worst, expected=0, tolerance=5)
    results.value(f"exponent_{key}", exponent(losses.mean(0), t), "of the measured mean")
    results.value(f"expected_{key}", exponent(mean(t[[0, -1]], *s), t), "of the exact")
    results.value(f"late_{key}", exponent(mean(end, *s), end), "exponent of the exact mean, late")
    results.value(f"limit_{key}", descent.late_exponent(*s), "its limit")
ratio = descent.asymptotic_linear_expected_loss(t, *s) / mean(t, *s)
results.value("large_networks", ratio[-1], "their mean over the exact one, last point")
results.settled()

# %% tags=["hide-input"]
kinds = {"exponent": "measured", "expected": "exact", "late": "exact, late", "limit": "limit"}
rows = [[results.values[f"{kind}_{key}"]["value"] for kind in kinds] for key in shapes]
pd.DataFrame(rows, list(shapes), list(kinds.values())).round(3)

# %% [markdown]
# **Change this and predict.** Give the first shape ($N_i = 4$, $N_h = 2$, exponent $-2$) six hidden units. Does its mean fall faster or more slowly, late?

# %% tags=["hide-cell"]
# Faster, -(6/2 + (6 - 4 + 1)/2 + 1): |W_2|^2 and an eigenvalue of W_1^T W_1 are both rarely small.
[descent.late_exponent(4, h) for h in (2, 6)]

# %% [markdown]
# ## Activations of full rank: one small weight is enough
#
# A unit enters the function as $a_k\, g(w_k \cdot x)$. So $H = \Delta H_1 \Delta$, where $\Delta$ multiplies the incoming directions of unit $k$ by $a_k$ and leaves the outgoing. If one $a_k$ is small, the largest block of $H^{-1} = \Delta^{-1} H_1^{-1} \Delta^{-1}$ is
# $(H_1^{-1})_{w_k w_k} / a_k^2$, without any other $a_l$. So $H$ has $N_i$ small eigenvalues $a_k^2 \mu$, with $\mu$ those of $\Lambda_k = [(H_1^{-1})_{w_k w_k}]^{-1}$. From here on $N_i = 2 N_h$, at these sizes 16 inputs and 8 units. With one weight of $10^{-4} \sigma_2$:


# %%
def unit_eigenvalues(W1, g):  # mu, of shape (units, inputs)
    H1 = population_hessian(TwoLayer(W1, np.ones((1, hidden_dim)), g))
    inverse = np.linalg.inv(H1 + 1e-9 * np.eye(len(H1)))[hidden_dim:, hidden_dim:]
    mu = 1 / np.linalg.eigvalsh(np.einsum("kikj->kij", inverse.reshape(2 * W1.shape)))
    return np.where(mu > 1e-7, mu, 0)  # 0 is ReLU's scale, which the 1e-9 made invertible


# %%
shape = {"input_dim": 2 * hidden_dim, "hidden_dim": hidden_dim}
scales = {"sigma1": scale / (2 * hidden_dim) ** 0.5, "sigma2": sigma2}

# %%
net, small = TwoLayer.draw(**shape, activation=Erf(), rng=own, **scales), 1e-4 * sigma2
a = np.append(small, net.W2[0, 1:])[None]
smallest = spectrum(TwoLayer(net.W1, a, Erf()))[: 2 * hidden_dim]
np.allclose(smallest, small**2 * np.sort(unit_eigenvalues(net.W1, Erf())[0]), rtol=0.01)

# %% [markdown]
# So each of these eigenvalues acts like the one weight from above. With $\varphi(0) = 1/(\sqrt{2\pi}\,\sigma_2)$ the density of $a_k$ at 0,
#
# $$ \int \varphi(0)\, a^2 \mu\, e^{-2 a^2 \mu t}\, da = \frac{\mu^{-1/2}}{8 \sigma_2}\, t^{-3/2},
# \qquad \mathbb E\,L(t) \simeq \frac{\epsilon^2 N_h}{16\, \sigma_2}\, \mathbb E\,\mathrm{tr}\, \Lambda_k^{-1/2} \; t^{-3/2} . $$
#
# For the exponent, of $g$ only the rank of $H_1$ matters: it comes from the density of one weight at 0. For linear $g$, for example, $H_1$ is singular, and more must be small at once, as above. (ReLU lacks one direction of each
# unit, a change of scale between $a_k$ and $w_k$, which alters no exponent.)
#
# ## The whole curve, from the law of the spectrum
#
# The mean over teachers and deviations is $\frac{\epsilon^2}{2} P\, \mathbb E[\lambda e^{-2\lambda t}]$: the spectrum alone, whose law is that of notebook 06. It has two scales and a tail. Degree 1 of $g$ is learned
# first, in a time of $1/(N_h \zeta \sigma_2^2)$, with $\zeta = (\mathbb E g')^2$; then the bulk of all other eigenvalues, near $\kappa a_k^2$ each for erf and of that order for ReLU, from $1/(\kappa \sigma_2^2)$ on; the tail is what has a small $a_k$.


# %%
pair, units, zetas = {"erf": Erf(), "ReLU": ReLU()}, {}, {}
for name, g in pair.items():
    moments = gaussian_moments(g, scale**2)
    zetas[name] = moments.hermite[1] ** 2 / scale**2
    units[name] = 1 / ((moments.slope - zetas[name]) * sigma2**2)
laws = {name: NonlinearHessianLaw(**shape, activation=g, **scales) for name, g in pair.items()}

# %%
times = np.geomspace(1e-3, 1e9, 37)  # in these units
predicted = {name: law.mean_loss(times * units[name]) for name, law in laws.items()}

# %% [markdown]
# The late loss belongs to the rare teachers that have one very small outgoing weight. So every other teacher gets one of those on purpose, of any order of magnitude down to $10^{-6}$, and each teacher is weighted by the
# normal density over the density that it was drawn from (importance sampling; these factors are below 2).


# %%
def outgoing_weights(count):
    z, chosen = rng.standard_normal((count, hidden_dim)), np.arange(0, count, 2)
    depth = 6 * (rng.permutation(len(chosen)) + rng.random(len(chosen))) / len(chosen)
    z[chosen, rng.integers(hidden_dim, size=len(chosen))] = 10.0**-depth
    size = np.abs(z)
    drawn_from = np.where((size > 1e-6) & (size < 1), 1 / (2 * size * np.log(1e6)), 0)
    return sigma2 * z, 2 / (1 + (drawn_from / norm.pdf(z)).mean(1))


# %% [markdown]
# Even so the mean of a few is noisy. Two *control variates* take most of the noise away, losses that nearly follow a teacher's and have a known mean over $a$: that of eigenvalues $a_k^2 \mu$, and that of $N_i$ eigenvalues $\zeta |a|^2$ for
# degree 1. What the exact loss has beyond these two is averaged, and their known mean is added. Were they wrong, the result would be noisier, not biased. ReLU's $N_h$ zeros are left out: rounding makes small numbers of them, whose loss would stay.


# %%
def nonzero(net):
    return spectrum(net)[hidden_dim if isinstance(net.activation, ReLU) else 0 :]


# %%
def mean_over_weights(eigenvalues, freedom, t):  # each times a chi-square variable
    rates = sigma2**2 * eigenvalues.ravel()[:, None]
    return (freedom * rates / 2 * (1 + 4 * rates * t) ** -(freedom / 2 + 1)).sum(0)


def estimates(name):  # of the mean loss, one from each teacher
    t, first = times * units[name], np.full(2 * hidden_dim, zetas[name])
    for a, weight in zip(*outgoing_weights(teachers), strict=True):
        W1 = TwoLayer.draw(**shape, activation=pair[name], rng=rng, **scales).W1
        mu, exact = unit_eigenvalues(W1, pair[name]), nonzero(TwoLayer(W1, a[None], pair[name]))
        near = np.append(a[:, None] ** 2 * mu, a @ a * first)
        beyond = descent.expected_loss(exact, t) - descent.expected_loss(near, t)
        known = mean_over_weights(mu, 1, t) + mean_over_weights(first, hidden_dim, t)
        yield weight * beyond + known


# %%
estimated = {name: np.array([*estimates(name)]) for name in pair}

# %%
means = {name: many.mean(0) for name, many in estimated.items()}
errors = {name: many.std(0, ddof=1) / teachers**0.5 for name, many in estimated.items()}

# %% [markdown]
# Beside the mean, single teachers, and students that really descend: gradient flow from a deviation of $10^{-3}$, not linearised, the gradient by a quadrature of two nodes between teacher and student.


# %%
def descend(name):
    teacher = TwoLayer.draw(**shape, activation=pair[name], rng=rng, **scales)
    deviation = 1e-3 * rng.standard_normal(teacher.parameter_count)
    student = teacher.with_parameters(teacher.parameters + deviation)
    gradient, unit = partial(descent.near_gradient, nodes=2), units[name]
    path = descent.gradient_flow(student, teacher, real_times * unit, gradient=gradient)
    single = descent.expected_loss(nonzero(teacher), times * unit)
    return path.measure(descent.near_loss)[1:] / 1e-6, single


# %%
real_times = np.geomspace(1e-2, 1e4, 13)
runs = {name: [descend(name) for _ in range(students)] for name in pair}

# %%
late, slopes = [np.searchsorted(times, 2e5), -1], {}
span = np.log(times[-1] / times[late[0]])
for name, many in estimated.items():
    change = np.diff(many[:, late] / means[name][late]).std(ddof=1) / span
    slopes[name] = exponent(means[name][late], times[late]), change / teachers**0.5

# %% tags=["hide-input"]
curves = {name: (means[name], errors[name], predicted[name], runs[name]) for name in pair}
results.figure("learning", figures.learning(times, real_times, curves))
misses = {name: np.abs(predicted[name] / means[name] - 1).max() for name in pair}
chances = {name: largest_difference(errors[name] / means[name], teachers) for name in pair}
worst = max(pair, key=lambda name: misses[name] - chances[name])
statement = "relative error of the predicted mean loss, at worst over twelve decades"
limits = {"expected": 0, "tolerance": 0.05 + chances[worst]}
results.verdict("C7", statement, measured=misses[worst], **limits)
two_small = 2 * hidden_dim * times[late[0]] ** -0.5 / span
for name, (slope, error) in slopes.items():
    chance = largest_difference(np.array([error]), teachers)
    numbers = {"measured": slope, "error": error, "expected": -1.5, "tolerance": chance + two_small}
    results.verdict("C7", f"late exponent of the mean loss, {name}", **numbers)
results.settled()

# %% [markdown]
# The line is the law, black points the mean of exact spectra with its error, thin lines single teachers, crosses the mean of real students (no verdict is on these). For erf (hardly for ReLU) the mean goes down a step
# while degree 1 is learned, bends where the bulk begins, and from there on is a straight line: a power law. Each single teacher leaves it, downwards, once its smallest weight is learned; one with a smaller is left.
#
# The law is judged at its worst point of all twelve decades, within 0.05 plus chance. The exponent is taken from two times, $2 \cdot 10^5$ and $10^9$ in units of $1/(\kappa \sigma_2^2)$. With a probability
# of about $2 N_h t^{-1/2}$ a second weight is as small as the one that counts at $t$, so that the power is not yet exact: besides chance, an error of this share of the loss at the first time is allowed for.
#
# **Change this and predict.** Make all outgoing weights ten times larger, so that everything is learned a hundred times sooner. By which factor does the late loss fall?

# %% tags=["hide-cell"]
# By ten only: what is left at t are weights below t^(-1/2), and their density at 0 is a tenth.
larger = NonlinearHessianLaw(**shape, activation=Erf(), **(scales | {"sigma2": 10 * sigma2}))
round(float(predicted["erf"][-1] / larger.mean_loss(times[-1:] * units["erf"])[0]), 1)

# %% [markdown]
# The constant of erf, from $H_1$ of ten teachers, must be $t^{3/2}$ times the mean of $L / \epsilon^2$ at the last of these times:

# %%
drawn = [TwoLayer.draw(**shape, activation=Erf(), rng=rng, **scales).W1 for _ in range(10)]
constants = [(unit_eigenvalues(W1, Erf()) ** -0.5).sum() / (16 * sigma2) for W1 in drawn]

# %%
scaled = estimated["erf"][:, -1] * (times[-1] * units["erf"]) ** 1.5
both = {"mean loss": scaled, "constant": np.array(constants)}
{name: f"{many.mean():.3g} ± {many.std() / len(many) ** 0.5:.1g}" for name, many in both.items()}

# %% tags=["hide-input"]
ratio = scaled.mean() / np.mean(constants)
error = ratio * np.hypot(*(m.std(ddof=1) / m.mean() / len(m) ** 0.5 for m in both.values()))
statement = "late mean loss of erf teachers times t^(3/2), over the constant from H_1"
chance = largest_difference(np.array([error]), 10)
results.verdict("C7", statement, measured=ratio, error=error, expected=1, tolerance=chance)
results.save()
results.settled()

# %% [markdown]
# **Change this and predict.** With three outputs a unit has three outgoing weights, and all three must be small. What is the exponent?

# %% tags=["hide-cell"]
# -(1 + 3/2) = -2.5: |a_k|^2 has a chi-square law of three degrees of freedom, as in "One weight".
sums = own.chisquare(3, 1_000_000)
round(float(np.log10(average(sums, 100) / average(sums, 10))), 1)

# %% [markdown]
# ## Limits
#
# - One output, white inputs, independent Gaussian weights. The exponent is that of their density at 0: teachers whose weights all stay away from 0 end exponentially.
# - The mean over teachers is no teacher: each one is learned exponentially in the end, at a rate of about its smallest $a_k^2$.
# - The theorem (manuscript) needs $H_1$ of full rank, and tiny eigenvalues of it to be rare: for erf from six inputs on, heuristically. For ReLU one direction of each unit is taken out.
# - The loss over teachers is the predicted one, of second order in $\epsilon$; real students are followed for six of the twelve decades.
