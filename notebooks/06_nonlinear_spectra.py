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
# # Three numbers of an activation give the Hessian's spectrum, and learning ends like $t^{-3/2}$ whatever the activation
#
# **The question.** For a linear network the spectrum of the Hessian is known (notebook 01). Is there a law for
# tanh, ReLU, GELU, or an activation of your own? And what does it say of the last, slow part of learning?
#
# **What you will see.** One law on the spectra of eight activations. Its error, which falls faster than that of
# its own limit. A mean loss that follows a power law over twelve decades, with the exponent $-3/2$ for every
# activation, while each single teacher is learned exponentially in the end.
#
# **What you will learn.** That degree 1 of $g$ makes a few large eigenvalues, degree 2 couples units to each
# other, and all other degrees act like a diagonal matrix; and why one small outgoing weight rules late learning.
#
# **What you need.** Hermite polynomials, by name, and notebook 01. Half a minute to run at these sizes.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h, P$ | inputs, hidden units, and the $N_h(N_i+1)$ parameters |
# | $a_k, w_k$ | outgoing weight and row of incoming weights of unit $k$ |
# | $s^2 = N_i \sigma_1^2$ | variance of a preactivation $u = w_k \cdot x$ |
# | $\zeta, b, c_0$ | shares of degree 1, degree 2 and all others in $\mathbb E\,g'(u)^2$ |

# %% tags=["parameters"]
size: int = 10
scale: float = 1.0
sigma2: float = 1.0
teachers: int = 20
largest_size: int = 20
loss_size: int = 8
loss_teachers: int = 200
students: int = 3
seed: int = 20261126
results_dir: str = ""

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("06_nonlinear_spectra", globals(), results_dir)

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from nearopt import Erf, Polynomial, ReLU, TwoLayer, gelu, sigmoid, softplus, tanh
from nearopt.figures import nonlinear as figures
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)
activations = {"erf": Erf(), "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus}
activations |= {"gelu": gelu, "ReLU": ReLU(), "quadratic": Polynomial((0, 0, 1.0))}
activations["cubic"] = Polynomial((0, 1.0, 0.5, 0.3))

# %% [markdown]
# ## Three numbers
#
# The derivative of $g$ at a preactivation $u \sim \mathcal N(0, s^2)$ splits into Hermite degrees, and so does its mean square:
#
# $$ \mathbb E\,g'^2 = \underbrace{(\mathbb E\,g')^2}_{\zeta} + \underbrace{s^2 (\mathbb E\,g'')^2}_{b} + c_0 . $$

# %%
from nearopt.laws import gaussian_moments


# %%
def three_numbers(activation):
    moments = gaussian_moments(activation, scale**2)
    zeta, b = moments.hermite[1:3] ** 2 / scale**2
    return zeta, b, max(moments.slope - zeta - b, 0)


# %%
numbers = pd.DataFrame({name: three_numbers(g) for name, g in activations.items()})
numbers.index = ["zeta", "b", "c0"]
numbers.T.round(4)

# %% [markdown]
# Odd functions (erf, tanh) and odd functions plus a constant (sigmoid) have $b = 0$; the quadratic has nothing but $b$.
#
# ## The matrix that these numbers make
#
# Put $\hat w_k = w_k / |w_k|$. On the $N_h N_i$ incoming weights the degrees from 2 on act, up to what vanishes in large networks, as
#
# $$ \underbrace{c_0\, a_k^2\, \delta_{kl}\, I}_{\text{incoherent: a diagonal}}
#  + \underbrace{b\, a_k a_l \bigl( \hat w_k \cdot \hat w_l\, I + \hat w_l \hat w_k^\top \bigr)}_{\text{coherent: a Gram matrix of symmetric tensors}} . $$
#
# A small ReLU teacher, and this matrix in full:

# %%
small = TwoLayer.draw(4, 6, activation=ReLU(), rng=rng)
a, unit = small.W2[0], small.W1 / np.linalg.norm(small.W1, axis=1)[:, None]
b, c0 = 1 / (2 * np.pi), 1 / 4 - 1 / (2 * np.pi)  # for ReLU at every scale

# %%
overlaps = np.einsum("k,l,kl,ij->kilj", a, a, unit @ unit.T, np.eye(4))
swaps = np.einsum("k,l,li,kj->kilj", a, a, unit, unit)
matrix = np.kron(np.diag(c0 * a**2), np.eye(4)) + b * (overlaps + swaps).reshape(24, 24)

# %% [markdown]
# Its eigenvalues need no such matrix. How many of them lie below a level $\lambda$ follows from a matrix of the size of the *inputs*,
# exactly, for each teacher (Haynsworth's inertia additivity): with $\gamma_i$ the eigenvalues of
# $\sum_k \frac{b\,a_k^2}{c_0 a_k^2 - \lambda} \hat w_k \hat w_k^\top$,
#
# $$ \#\{\text{eigenvalues} < \lambda\} = N_i\, \#\{k : c_0 a_k^2 < \lambda\} - \#\{i \le j : \gamma_i + \gamma_j < -1\} . $$


# %%
def count_below(level):
    shifted = c0 * a**2 - level
    gamma = np.linalg.eigvalsh(unit.T * (b * a**2 / shifted) @ unit)
    pairs = np.triu(np.add.outer(gamma, gamma) < -1).sum()
    return 4 * (shifted < 0).sum() - pairs


# %%
eigenvalues = np.linalg.eigvalsh(matrix)
levels = (eigenvalues[1:] + eigenvalues[:-1])[np.diff(eigenvalues) > 1e-9] / 2
[(int(count_below(t)), int((eigenvalues < t).sum())) for t in levels[:5]]

# %% [markdown]
# The library does the same for any activation, `leading_count`. Counted over levels and teachers, with no exception allowed:

# %%
from nearopt.laws import leading_count

# %%
mismatches = sum(int(count_below(t)) != (eigenvalues < t).sum() for t in levels)
mismatches += int((leading_count(small, levels) != [count_below(t) for t in levels]).sum())

# %% tags=["hide-input"]
statement = f"levels, of {2 * len(levels)}, at which the count from the inputs' matrix is wrong"
results.verdict("C7", statement, measured=mismatches, expected=0, tolerance=0)

# %% [markdown]
# **Change this and predict.** Give two units the same direction, `unit[1] = unit[0]`. Does the formula still count?
#
# <details><summary>Answer</summary>Yes: nothing in it asks for independent rows. Only a level that is itself an eigenvalue is excluded.</details>
#
# ## The law
#
# In large networks the $\gamma$ follow the law of a sample covariance matrix, and the count becomes a cumulative distribution. Around this bulk
# of about $N_h N_i$ eigenvalues there are families of order $N_h + N_i$: one constant, $N_i$ large ones of degree 1, and two for each unit alone.
# `NonlinearHessianLaw` puts them together, with the share that each has of all $P$.

# %%
from nearopt.hessian import spectrum
from nearopt.laws import NonlinearHessianLaw

# %%
sigma1 = scale / size**0.5
scales = {"sigma1": sigma1, "sigma2": sigma2}
laws = {name: NonlinearHessianLaw(size, size, g, **scales) for name, g in activations.items()}


# %%
def draw_spectra(activation, n, h, count):
    draws = {"activation": activation, "sigma1": scale / n**0.5, "sigma2": sigma2, "rng": rng}
    nets = [TwoLayer.draw(n, h, **draws) for _ in range(count)]
    return nets, np.stack([spectrum(net) for net in nets])


# %%
drawn = {name: draw_spectra(g, size, size, teachers) for name, g in activations.items()}
results.figure("spectra", figures.spectra_on_laws({k: s for k, (_, s) in drawn.items()}, laws))

# %% [markdown]
# Eight activations, all eigenvalues of each on a logarithmic axis: bars are the draws, the line is the law. The hump on the right of most
# panels is degree 1, the foot on the left are the units' own two parameters. ReLU has $N_h$ exact zeros, the quadratic many more; they are not shown.
#
# ## How far is it off?
#
# A mean over a few teachers is noisy, mostly because the outgoing weights are. But the spectrum that they alone would give, $N_i$ copies of
# $(b + c_0) a_k^2$, has a known mean, a chi-square law. So compare what is left after it is taken away, a *control variate*.


# %%
def distance(nets, spectra, law, bulk):
    levels = law.ppf(law.cdf(0) + (1 - law.cdf(0)) * np.linspace(0.02, 0.98, 49))
    share = [np.searchsorted(row, levels) / row.size for row in spectra]
    control = [(bulk * net.W2[0] ** 2 < levels[:, None]).mean(1) for net in nets]
    left = np.array(share) - control + chi2.cdf(levels / (bulk * sigma2**2), 1)
    return left.mean(0) - law.cdf(levels), left.std(0, ddof=1) / len(nets) ** 0.5


# %% [markdown]
# The error of a limit is about one over the size: of the bulk alone it is one unit of $N_h$. The law must be off by less than half a unit,
# beyond what chance explains once in a thousand times.

# %%
from nearopt.laws import largest_difference


# %%
def units_off(name, n, law, draws):
    difference, error = distance(*draws, law, numbers.loc[["b", "c0"], name].sum())
    return n * np.abs(difference).max(), n * largest_difference(error, len(draws[0]))


# %%
off = [units_off(name, size, laws[name], drawn[name]) for name in activations]
table = pd.DataFrame(off, index=pd.Index(activations, name="activation"), columns=["off", "chance"])
worst = table.loc[(table.off - table.chance).idxmax()]

# %% tags=["hide-input"]
results.table("distances", table.reset_index())
statement = "units by which the law is off, the most beyond chance of eight activations"
limits = {"expected": 0, "tolerance": 0.5 + worst.chance}
results.verdict("C7", statement, measured=worst.off, **limits)

# %% [markdown]
# And with growing size, for erf, whose bulk is the chi-square law $\kappa\,\sigma_2^2 \chi^2_1$ with $\kappa = b + c_0$:

# %%
sizes = np.unique(np.geomspace(5, largest_size, 4).round().astype(int)).tolist()
curves = []

# %%
kappa = numbers.loc[["b", "c0"], "erf"].sum()
bulk_alone = chi2(1, scale=kappa * sigma2**2)

# %%
for n in sizes:
    law = NonlinearHessianLaw(n, n, Erf(), scale / n**0.5, sigma2)
    draws = draw_spectra(Erf(), n, n, max(8, teachers * size // n // 2))
    full, alone = (units_off("erf", n, candidate, draws)[0] / n for candidate in (law, bulk_alone))
    curves.append({"size": n, "law": full, "bulk alone": alone})

# %%
curves = pd.DataFrame(curves)
results.table("sizes", curves)
results.figure("sizes", figures.error_against_size(curves))

# %% [markdown]
# The bulk alone misses the families, a share of $1/N$ of all eigenvalues, and so is off by $1/N$ (dotted). What the law misses is less, and falls
# until the draws' own noise covers it.
#
# ## Three scales of learning
#
# Near the optimum the mean loss over teachers and small deviations is $\frac{\varepsilon^2}{2} P\, \mathbb E[\lambda e^{-2\lambda t}]$: the spectrum
# alone. Degree 1 is learned first, in a time of $1/(N_h \zeta \sigma_2^2)$; the bulk from $1/(\kappa \sigma_2^2)$ on. And then?

# %%
from nearopt.descent import expected_loss

# %%
shape = {"input_dim": 2 * loss_size, "hidden_dim": loss_size}
loss_scales = {"sigma1": scale / (2 * loss_size) ** 0.5, "sigma2": sigma2}
pair = {"erf": Erf(), "ReLU": ReLU()}
units = {name: 1 / (numbers.loc[["b", "c0"], name].sum() * sigma2**2) for name in pair}
times = np.geomspace(1e-3, 1e9, 37)  # in these units

# %% [markdown]
# The late loss belongs to the rare teachers that have one very small outgoing weight. So every other teacher gets one of those on purpose, of any
# order of magnitude down to $10^{-6}$, and each teacher is weighted by the normal density over the density that it was drawn from (importance
# sampling; the weights are below 2).


# %%
def outgoing_weights(count):
    z, chosen = rng.standard_normal((count, loss_size)), np.arange(0, count, 2)
    depth = 6 * (rng.permutation(len(chosen)) + rng.random(len(chosen))) / len(chosen)
    z[chosen, rng.integers(loss_size, size=len(chosen))] = 10.0**-depth
    size = np.abs(z)
    drawn_from = np.where((size > 1e-6) & (size < 1), 1 / (2 * size * np.log(1e6)), 0)
    return sigma2 * z, 2 / (1 + (drawn_from / norm.pdf(z)).mean(1))


# %%
def weighted_losses(activation, unit, count):
    outgoing, weights = outgoing_weights(count)
    for a, weight in zip(outgoing, weights, strict=True):
        net = TwoLayer.draw(**shape, activation=activation, rng=rng, **loss_scales)
        net = TwoLayer(net.W1, a[None], activation)
        yield weight * expected_loss(spectrum(net), times * unit)


# %% [markdown]
# Ten repetitions, each with teachers of its own, give the mean and its error.

# %%
repeats = {
    name: np.array(
        [np.mean([*weighted_losses(g, units[name], loss_teachers // 10)], 0) for _ in range(10)]
    )
    for name, g in pair.items()
}
means = {name: runs.mean(0) for name, runs in repeats.items()}
errors = {name: runs.std(0, ddof=1) / 10**0.5 for name, runs in repeats.items()}

# %%
loss_laws = {
    name: NonlinearHessianLaw(**shape, activation=g, **loss_scales) for name, g in pair.items()
}
predicted = {name: law.mean_loss(times * units[name]) for name, law in loss_laws.items()}

# %% [markdown]
# Beside the mean, single teachers, and students that really descend (gradient flow from a deviation of $10^{-3}$, nothing linearised).

# %%
from functools import partial

from nearopt.descent import gradient_flow, near_gradient, near_loss


# %%
def descend(activation, unit):
    teacher = TwoLayer.draw(**shape, activation=activation, rng=rng, **loss_scales)
    deviation = 1e-3 * rng.standard_normal(teacher.parameter_count)
    student = teacher.with_parameters(teacher.parameters + deviation)
    path = gradient_flow(
        student, teacher, real_times * unit, gradient=partial(near_gradient, nodes=2)
    )
    single = expected_loss(spectrum(teacher), times * unit)
    return path.measure(near_loss)[1:] / 1e-6, single


# %%
real_times = np.geomspace(1e-2, 1e4, 13)
runs = {name: [descend(g, units[name]) for _ in range(students)] for name, g in pair.items()}
curves = {name: (means[name], errors[name], predicted[name], runs[name]) for name in pair}
results.figure("learning", figures.learning(times, real_times, curves))

# %% [markdown]
# The line is the law, black points the exact mean with its error, thin lines single teachers, crosses the mean of students that really descend. The
# mean goes down a step while degree 1 is learned, bends where the bulk begins, and from there on is a straight line: a power law. Each single
# teacher leaves that line, downwards, once its own smallest weight has been learned; but there is always a teacher with a smaller one.

# %%
misses = {name: np.abs(predicted[name] / means[name] - 1).max() for name in pair}
chances = {name: largest_difference(errors[name] / means[name], 10) for name in pair}
worst = max(pair, key=lambda name: misses[name] - chances[name])

# %% tags=["hide-input"]
statement = "relative error of the predicted mean loss, at worst over twelve decades"
limits = {"expected": 0, "tolerance": 0.05 + chances[worst]}
results.verdict("C7", statement, measured=misses[worst], **limits)

# %% [markdown]
# ## Why $-3/2$, and what the constant is
#
# A unit enters the function as $a_k\, g(w_k \cdot x)$. So $H = \Delta H_1 \Delta$, where $H_1$ is the Hessian of the same $W_1$ with all outgoing weights one, and
# $\Delta$ multiplies the incoming directions of unit $k$ by $a_k$. If one $a_k$ is small, its $N_i$ directions have eigenvalues $a_k^2 \mu$, with $\mu$ the
# eigenvalues of $S_k = [(H_1^{-1})_{w_k w_k}]^{-1}$, and with $\varphi(0) = 1/(\sqrt{2\pi}\,\sigma_2)$ the density of $a_k$ at 0,
#
# $$ \int \varphi(0)\, a^2 \mu\, e^{-2 a^2 \mu t}\, da = \frac{\mu^{-1/2}}{8 \sigma_2}\, t^{-3/2},
# \qquad \mathbb E\,L(t) \simeq \frac{\varepsilon^2 N_h}{16\, \sigma_2}\, \mathbb E\,\mathrm{tr}\, S^{-1/2} \; t^{-3/2} . $$
#
# Nothing of $g$ is in the exponent: it is the density of one weight at 0. (A linear $g$ differs: there only $|a|^2$ matters, all weights must be
# small at once, and the exponent is $N_h/2 + 1$.) The constant, for erf, from $H_1$ alone:

# %%
from nearopt.hessian import population_hessian


# %%
def late_constant():
    net = TwoLayer.draw(**shape, activation=Erf(), rng=rng, **loss_scales)
    inverse = np.linalg.inv(population_hessian(TwoLayer(net.W1, np.ones((1, loss_size)), Erf())))
    blocks = inverse[loss_size:, loss_size:].reshape(2 * (loss_size, 2 * loss_size))
    traces = [np.sqrt(np.linalg.eigvalsh(blocks[k, :, k])).sum() for k in range(loss_size)]
    return sum(traces) / (16 * sigma2)


# %%
constants = np.array([late_constant() for _ in range(10)])
late = times > 1e5
scaled = repeats["erf"][:, late] * (times[late] * units["erf"]) ** 1.5
ratio = scaled.mean(1) / constants.mean()

# %%
error = np.hypot(ratio.std(ddof=1), constants.std(ddof=1) / constants.mean()) / 10**0.5
statement = "late mean loss of erf teachers times t^(3/2), over the constant of the theorem"
chance = largest_difference(np.array([error]), 10)
results.verdict("C7", statement, measured=ratio.mean(), error=error, expected=1, tolerance=chance)

# %% [markdown]
# The exponent, measured between $10^5$ and $10^9$ units of time:

# %%
slopes = {
    name: np.log(runs[:, -1] / runs[:, late][:, 0]) / np.log(times[-1] / times[late][0])
    for name, runs in repeats.items()
}

# %% tags=["hide-input"]
for name, slope in slopes.items():
    error = slope.std(ddof=1) / 10**0.5
    chance = largest_difference(np.array([error]), 10)
    numbers_of = {"measured": slope.mean(), "error": error, "expected": -1.5, "tolerance": chance}
    print(results.verdict("C7", f"late exponent of the mean loss, {name}", **numbers_of))

# %% [markdown]
# **Change this and predict.** With three outputs a unit has three outgoing weights, and all three must be small. What is the exponent?
#
# <details><summary>Answer</summary>$|a_k|^2 \sim \chi^2_3$ has a density like $r^2$ at 0 instead of a constant, so two more powers of
# $t^{-1/2}$: $-(1 + N_o/2) = -5/2$.</details>
#
# ## A theorem at every teacher
#
# For $g = u^2$ the law needs no limit: the nonzero eigenvalues lie within $(N_h+1)/D_2$, in Kolmogorov distance, of the sums $4(s_i + s_j)$, $i \le j$, of
# the eigenvalues $s$ of $W_1^\top \mathrm{diag}(a^2) W_1$, with $D_2 = N_i(N_i+1)/2$ and $N_i \le N_h$.


# %%
def used_of_the_bound(net, eigenvalues):
    s = np.linalg.eigvalsh(net.W1.T * net.W2[0] ** 2 @ net.W1)
    sums = np.sort(4 * np.add.outer(s, s)[np.triu_indices(size)])
    nonzero = np.sort(eigenvalues)[-len(sums) :]
    points = np.concatenate([sums, nonzero])
    steps = [np.searchsorted(side, points, "right") for side in (sums, nonzero)]
    return np.abs(np.subtract(*steps)).max() / (size + 1)


# %%
used = max(used_of_the_bound(*draw) for draw in zip(*drawn["quadratic"], strict=True))

# %% tags=["hide-input"]
statement = "share of the bound that a quadratic teacher uses, at most"
results.verdict("C7", statement, measured=used, expected=0.5, tolerance=0.5)

# %% tags=["hide-input"]
for name, row in numbers.items():
    for symbol, number in row.items():
        results.value(f"{symbol}_{name}", number, f"{symbol} of {name}")
results.save()

# %% [markdown]
# ## Limits
#
# - One output, white inputs, independent Gaussian weights. Networks of five units or more.
# - That the Hessian differs from the matrix above by what does not move the limit is derived, degree by degree, not proved for every $g$;
#   the count, the theorem for $u^2$ and the exponent are proved (manuscript).
# - Degree 1 must stand apart, $N_h \zeta > 2(b + c_0)$, or be absent, and there must be room for degree 3, $N_i^2 \gtrsim 6 N_h$; elsewhere the law refuses.
# - The mean over teachers is no teacher: each one is learned exponentially in the end, at a rate of about its smallest $a_k^2$.
