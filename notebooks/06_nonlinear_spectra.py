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
# # Three numbers of an activation give the bulk of the Hessian's spectrum
#
# **The question.** At a teacher, a network $\sum_k a_k\, g(w_k \cdot x)$ of drawn weights, the Hessian's spectrum is known for linear $g$ (notebook 01). Is there a law for any $g$?
#
# **A surprise first.** A ReLU network of 4 inputs and 6 units has 24 incoming weights. What all degrees of $g$ from 2 on make of their Hessian has a simple form in large networks. Of this 24 by 24 matrix a 4 by 4 one counts the eigenvalues under any level, exactly.
#
# **What you will see.** One law on the spectra of eight activations; how far it and its bulk alone are off, for erf. For $u^2$ a theorem at every teacher.
#
# **What you will learn.** That degree 1 of $g$ makes a few large eigenvalues, degree 2 couples units, all others act like a diagonal matrix; and that few eigenvalues, the families beside the bulk, take more moments of $g$.
#
# **What you need.** Hermite polynomials, by name, and notebook 01. Half a minute to run.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h, P$ | inputs, hidden units, and the $N_h(N_i+1)$ parameters |
# | $g; a_k, w_k$ | activation; outgoing weight and row of incoming weights of unit $k$, normal, of standard deviations $\sigma_2$ and $\sigma_1$ |
# | $s^2 = N_i \sigma_1^2$ | variance of a preactivation $u = w_k \cdot x$; `scale` is $s$ |
# | $\zeta, \kappa_2, \kappa_+$ | what degree 1, degree 2 and all higher ones of $g$ add to $\mathbb E\,g'(u)^2$; `zeta`, `kappa2` and `rest` in code |

# %% tags=["parameters"]
size: int = 10  # Inputs, and as many hidden units, where spectra are drawn, 8 to 60.
scale: float = 1.0  # Standard deviation of a preactivation, 0.5 to 2.
sigma2: float = 1.0  # Standard deviation of the second layer's weights, 0.1 to 10.
teachers: int = 20  # Teachers drawn for each spectrum, 20 to 10000.
largest_size: int = 20  # Largest network in the error against size, 10 to 80.
activation: str = ""  # One activation more: a name, or file.py:name with a file of yours, relative to the checkout, whose code is run; empty for none.
seed: int = 20261126  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("06_nonlinear_spectra", globals(), results_dir)

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
from scipy.stats import chi2

from nearopt import Erf, Polynomial, ReLU, TwoLayer, gelu, sigmoid, softplus, tanh
from nearopt.figures import nonlinear as figures
from nearopt.hessian import spectrum
from nearopt.laws import NonlinearHessianLaw, gaussian_moments, largest_difference, leading_count
from nearopt.report import style
from nearopt.report.activations import load_activation

style.use()
rng = np.random.default_rng(seed)

# %%
activations = {"erf": Erf(), "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus}
activations |= {"gelu": gelu, "ReLU": ReLU(), "quadratic": Polynomial((0, 0, 1.0))}
activations["cubic"] = Polynomial((0, 1.0, 0.5, 0.3))

# %% tags=["hide-input"]
if activation:
    own = load_activation(activation)
    try:
        NonlinearHessianLaw(size, size, own, scale / size**0.5, sigma2)
        activations["own"] = own
    except ValueError as refusal:
        print(f"left out, for it has no law here: {refusal}")

# %% [markdown]
# ## Three numbers
#
# The derivative of $g$ at a preactivation $u \sim \mathcal N(0, s^2)$ splits into Hermite degrees, and so does its mean square (we count the degrees of $g$, one more than those of $g'$):
#
# $$ \mathbb E\,g'^2 = \underbrace{(\mathbb E\,g')^2}_{\zeta} + \underbrace{s^2 (\mathbb E\,g'')^2}_{\kappa_2} + \kappa_+ . $$
#
# The library's `hermite[k]` is $\mathbb E\,[g(u)\, \mathrm{He}_k(u/s)]$, by parts $s^k\, \mathbb E\,g^{(k)}(u)$: its square over $s^2$ is $\zeta$ for $k = 1$, $\kappa_2$ for $k = 2$.


# %%
def three_numbers(activation):
    moments = gaussian_moments(activation, scale**2)
    zeta, kappa2 = moments.hermite[1:3] ** 2 / scale**2
    return {"zeta": zeta, "kappa2": kappa2, "rest": max(moments.slope - zeta - kappa2, 0)}


# %%
numbers = pd.DataFrame({name: three_numbers(g) for name, g in activations.items()})
numbers.T.round(4)

# %% [markdown]
# Odd functions (erf, tanh) and odd functions plus a constant (sigmoid) have $\kappa_2 = 0$; the quadratic has nothing but $\kappa_2$.
#
# **Change this and predict.** Which of the three are zero for $g = u^3$, and what is $\kappa_+ / \zeta$?

# %% tags=["hide-cell"]
# Only kappa_2, for u^3 is odd. With z standard normal E g' = 3 s^2 E z^2 and E g'^2 = 9 s^4 E z^4 = 27 s^4.
zeta, kappa2, rest = three_numbers(Polynomial((0, 0, 0, 1.0))).values()
bool(kappa2 < 1e-9), round(float(rest / zeta), 6)

# %% [markdown]
# ## The matrix that these numbers make
#
# Put $\hat w_k = w_k / |w_k|$. On the $N_h N_i$ incoming weights the degrees from 2 on act, up to what vanishes in large networks, as
#
# $$ \underbrace{\kappa_+ a_k^2\, \delta_{kl}\, I}_{\text{incoherent: a diagonal}}
#  + \underbrace{\kappa_2 a_k a_l \bigl( \hat w_k \cdot \hat w_l\, I + \hat w_l \hat w_k^\top \bigr)}_{\text{coherent: a Gram matrix of symmetric tensors}} . $$
#
# Degree $p$ couples two units by their overlap $\hat w_k \cdot \hat w_l \sim N_i^{-1/2}$ to the power $p - 1$. Each is small, but they are many, and what counts is the room: tensors of degree $p$ fill about $N_i^p / p!$ dimensions.
# For $p \ge 3$ that is far more than the $N_h N_i$ of them need, they are next to orthogonal, and the diagonal is left. For $p = 2$ it is not. In full, for a ReLU teacher:

# %%
small = TwoLayer.draw(4, 6, activation=ReLU(), rng=rng)
a, unit = small.W2[0], small.W1 / np.linalg.norm(small.W1, axis=1)[:, None]
kappa2, rest = 1 / (2 * np.pi), 1 / 4 - 1 / (2 * np.pi)  # for ReLU at every scale


def leading_matrix(unit):
    overlaps = np.einsum("k,l,kl,ij->kilj", a, a, unit @ unit.T, np.eye(4))
    swaps = np.einsum("k,l,li,kj->kilj", a, a, unit, unit)
    return np.kron(np.diag(rest * a**2), np.eye(4)) + kappa2 * (overlaps + swaps).reshape(24, 24)


# %% [markdown]
# Its eigenvalues need no such matrix. How many lie below a level $\lambda$ follows from a matrix of the size of the *inputs*, exactly (Haynsworth's inertia additivity): with $\omega_i$ the eigenvalues of
# $\Omega = \sum_k \frac{\kappa_2 a_k^2}{\kappa_+ a_k^2 - \lambda} \hat w_k \hat w_k^\top$. They come in sums because degree 2 lives on symmetric matrices $X$, and there $\Omega$ acts as $X \mapsto \Omega X + X \Omega$:
#
# $$ \#\{\text{eigenvalues} < \lambda\} = N_i\, \#\{k : \kappa_+ a_k^2 < \lambda\} - \#\{i \le j : \omega_i + \omega_j < -1\} . $$


# %%
def count_below(level, unit):
    shifted = rest * a**2 - level
    omega = np.linalg.eigvalsh(unit.T * (kappa2 * a**2 / shifted) @ unit)
    pairs = np.triu(np.add.outer(omega, omega) < -1).sum()
    return int(4 * (shifted < 0).sum() - pairs)


def both_counts(unit):
    eigenvalues = np.linalg.eigvalsh(leading_matrix(unit))
    levels = (eigenvalues[1:] + eigenvalues[:-1])[np.diff(eigenvalues) > 1e-9] / 2
    return levels, [(count_below(t, unit), int((eigenvalues < t).sum())) for t in levels]


# %%
levels, counts = both_counts(unit)
counts[:5]

# %% [markdown]
# The library does the same for any activation, `leading_count`. Over all levels between the eigenvalues, with no exception allowed:

# %%
mismatches = sum(left != right for left, right in counts)
mismatches += int((leading_count(small, levels) != [left for left, _ in counts]).sum())

# %% tags=["hide-input"]
statement = f"counts from the inputs' matrix, of {len(levels)} levels by two codes, that are wrong"
results.verdict("C7", statement, measured=mismatches, expected=0, tolerance=0)
for (symbol, name), number in numbers.stack().items():
    results.value(f"{symbol}_{name}", number, f"{symbol} of {name}")
results.settled()

# %% [markdown]
# **Change this and predict.** Give two units the same direction, `unit[1] = unit[0]`. Does the formula still count?

# %% tags=["hide-cell"]
# Yes: no rows need be independent. Only levels that are eigenvalues or kappa_+ a_k^2 are excluded.
twins = unit[[0, 0, 2, 3, 4, 5]]
all(left == right for left, right in both_counts(twins)[1])

# %% [markdown]
# ## The law
#
# In large networks the $\omega$ follow the law of a *weighted* sample covariance matrix, with weights of both signs. The count over $N_h N_i$ becomes a cumulative distribution, with $a \sim \mathcal N(0, \sigma_2^2)$ and
# $\omega, \omega'$ independent (their law: docstring of `nearopt.laws.bulk`, and manuscript),
#
# $$ F(\lambda) = \mathbb P(\kappa_+ a^2 < \lambda) - \frac{N_i}{2 N_h}\, \mathbb P(\omega + \omega' < -1) . $$
#
# Of the three numbers $\kappa_2$ and $\kappa_+$ are in it. Beside this bulk of about $N_h N_i$ eigenvalues there are *families*, of order $N_h + N_i$ in all: one constant (degree 0), $N_i$ large ones of degree 1, where $\zeta$ is, and two of each unit's own, of
# $a_k$ and the length of $w_k$. `NonlinearHessianLaw` puts bulk and families together, each with its share of all $P$; the families take the parts of $g$ in degrees 0 to 4, $\mathbb E\,g^2$ and two means more.

# %%
sigma1 = scale / size**0.5
laws = {k: NonlinearHessianLaw(size, size, g, sigma1, sigma2) for k, g in activations.items()}


def draw_spectra(activation, n, h, count):
    draws = {"activation": activation, "sigma1": scale / n**0.5, "sigma2": sigma2, "rng": rng}
    nets = [TwoLayer.draw(n, h, **draws) for _ in range(count)]
    return nets, np.stack([spectrum(net) for net in nets])


# %%
drawn = {name: draw_spectra(g, size, size, teachers) for name, g in activations.items()}

# %% tags=["hide-input"]
results.figure("spectra", figures.spectra_on_laws({k: s for k, (_, s) in drawn.items()}, laws))

# %% [markdown]
# Eight activations, all eigenvalues of each on a logarithmic axis: bars are the draws, the line is the law. The narrow hump on the right of most panels is degree 1; the spike right of it, for sigmoid and softplus, the constant. Left of it
# softplus and GELU show two humps, degree 2 and then the rest. The foot on the left holds the lower of each unit's own two. ReLU has $N_h$ exact zeros, the quadratic many more; they are not shown.
#
# **Change this and predict.** Double $\sigma_2$. By which factor does the median of erf's eigenvalues grow?

# %% tags=["hide-cell"]
# By about four: nearly all belong to incoming weights, whose gradients carry a factor a_k each.
doubled = NonlinearHessianLaw(size, size, Erf(), sigma1, 2 * sigma2)
round(float(doubled.ppf(0.5) / laws["erf"].ppf(0.5)))

# %% [markdown]
# ## How far is it off?
#
# A mean over a few teachers is noisy, mostly because the outgoing weights are. But the spectrum that they alone would give, $N_i$ copies of $\kappa a_k^2$ with $\kappa = \kappa_2 + \kappa_+$, has a known mean, a
# chi-square law. So compare what is left after it is taken away, a *control variate*, at 49 quantiles of the law from 2 to 98 per cent (zeros aside).


# %%
def distance(nets, spectra, law, bulk):
    levels = law.ppf(law.cdf(0) + (1 - law.cdf(0)) * np.linspace(0.02, 0.98, 49))
    share = [np.searchsorted(row, levels) / row.size for row in spectra]
    control = [(bulk * net.W2[0] ** 2 < levels[:, None]).mean(1) for net in nets]
    left = np.array(share) - control + chi2.cdf(levels / (bulk * sigma2**2), 1)
    return left.mean(0) - law.cdf(levels), left.std(0, ddof=1) / len(nets) ** 0.5


# %% [markdown]
# The error of a limit is about one over the size, so measure it in *units* of $1/N_h$: the bulk alone is off by about one. The law may be off by half of one, plus what chance exceeds once in a thousand times. With few draws that is
# more than the bulk alone is off, and only the next figure tells the two apart. The lowest two per cent, on which late learning rests, are not tested here.


# %%
def units_off(name, n, law, draws):
    difference, error = distance(*draws, law, numbers.loc[["kappa2", "rest"], name].sum())
    return n * np.abs(difference).max(), n * largest_difference(error, len(draws[0]))


# %%
off = [units_off(name, size, laws[name], drawn[name]) for name in activations]
table = pd.DataFrame(off, pd.Index(activations, name="activation"), columns=["off", "chance"])
worst = table.loc[(table.off - table.chance).drop("own", errors="ignore").idxmax()]

# %% [markdown]
# And with growing size, for erf, whose bulk is the chi-square law $\kappa\,\sigma_2^2 \chi^2_1$:

# %%
sizes, curves = np.unique(np.geomspace(5, largest_size, 4).round().astype(int)).tolist(), []
kappa = numbers.loc[["kappa2", "rest"], "erf"].sum()
bulk_alone = chi2(1, scale=kappa * sigma2**2)
for n in sizes:
    law = NonlinearHessianLaw(n, n, Erf(), scale / n**0.5, sigma2)
    draws = draw_spectra(Erf(), n, n, max(20, teachers * size // n // 2))
    full, alone = (distance(*draws, candidate, kappa) for candidate in (law, bulk_alone))
    curves.append((n, np.abs(full[0]).max(), np.abs(alone[0]).max(), full[1].max()))

# %% tags=["hide-input"]
curves = pd.DataFrame(curves, columns=["size", "law", "bulk alone", "draws"])
results.table("sizes", curves)
results.figure("sizes", figures.error_against_size(curves))
results.table("distances", table.reset_index())
statement = "units by which the law is off, the most beyond chance of eight activations"
limits = {"expected": 0, "tolerance": 0.5 + worst.chance}
results.verdict("C7", statement, measured=worst.off, **limits)
for off, chance in table.loc[table.index == "own"].to_numpy():
    statement, limits["tolerance"] = "units by which the law is off, own activation", 0.5 + chance
    results.verdict("C7", statement, measured=off, **limits)
results.settled()

# %% [markdown]
# The bulk alone misses the families, a share of the order of $1/N_i$ of all eigenvalues, and so is off by about $1/N_i$ (dotted). The law's largest difference is a fraction of that: one to two standard errors of the draws (grey),
# as chance alone would make the largest of 49. So few draws do not show what error the law itself has.
#
# ## A theorem at every teacher
#
# For $g = u^2$ the law needs no limit: the nonzero eigenvalues lie within $(N_h+1)/D_2$, in Kolmogorov distance, of the sums $4(\psi_i + \psi_j)$, $i \le j$, of the eigenvalues $\psi$ (`mu` in code) of $W_1^\top \mathrm{diag}(a)^2 W_1$,
# with $D_2 = N_i(N_i+1)/2$ and $N_i \le N_h$. What is left out, the $N_h$ outgoing weights and the constant, has a rank of $N_h + 1$ and moves counts by at most that. Where $N_h + 1 \ge D_2$ the bound is empty. The
# verdict: the share of this bound that the worst teacher uses is between 0 and 1, written $0.5 \pm 0.5$.


# %%
def used_of_the_bound(net, eigenvalues):
    mu = np.linalg.eigvalsh(net.W1.T * net.W2[0] ** 2 @ net.W1)
    sums = np.sort(4 * np.add.outer(mu, mu)[np.triu_indices(size)])
    nonzero = np.sort(eigenvalues)[-len(sums) :]
    points = np.concatenate([sums, nonzero])
    steps = [np.searchsorted(side, points, "right") for side in (sums, nonzero)]
    return np.abs(np.subtract(*steps)).max() / (size + 1)


# %%
used = max(used_of_the_bound(*draw) for draw in zip(*drawn["quadratic"], strict=True))

# %% tags=["hide-input"]
statement = "share of the bound that a quadratic teacher uses, at most"
results.verdict("C7", statement, measured=used, expected=0.5, tolerance=0.5)
results.save()
results.settled()

# %% [markdown]
# **Change this and predict.** For $N_i = N_h = N$, from which size on does the theorem put the two distributions within one per cent at every teacher?

# %% tags=["hide-cell"]
# From 200 on: the bound is (N + 1) / (N (N + 1) / 2) = 2 / N.
{n: (n + 1) / (n * (n + 1) / 2) for n in (20, 200)}

# %% [markdown]
# ## Limits
#
# - One output, white inputs, independent Gaussian weights. Five inputs and units or more.
# - That what else the Hessian has does not move the limit is derived, degree by degree, not proved for every $g$. The count and the theorem for $u^2$ are proved (manuscript).
# - There must be room for degree 3: $(N_i + 1)(N_i + 2) \ge 6 N_h$ is enough for every $g$, less for a $g$ with little of degree 3. Where there is not, the law refuses.
# - The law is of the mean over teachers. What its lower end makes of learning, when each teacher has its own, is in notebook 08.
