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
# # Samples add to the Hessian's rank until it is full, and learning is slowest where they have just filled it
#
# **The question.** Over all inputs the Hessian has some rank: so many directions can be learned. From how few samples, and how fast?
#
# **A surprise first.** On six inputs, an erf network of 28 parameters learns its slowest direction hundreds of times later from 28 samples than from twice as many, and tens of thousands of times later than from a third as many.
#
# **What you will see.** Ranks of batches, counted and proved; a dip of the smallest eigenvalue; where descent on too small a batch stops; a law for several outputs.
#
# **What you will learn.** That a sample is a row of a matrix, and what follows from that for what can be learned, how fast, and what stays.
#
# **What you need.** Singular values, and of [01](01_linear_asymptotics.ipynb), [02](02_polynomial_rank.ipynb), [04](04_gd_dynamics.ipynb), [05](05_real_inputs.ipynb) the claims. A minute to run. Verdicts carry the labels of README's claims.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h, N_o$ | inputs, hidden units and outputs of the network $y = W_2\, g(W_1 x)$; with one output, $y = \sum_k a_k\, g(w_k \cdot x)$ |
# | $N, R$ | samples $x \sim \mathcal N(0, I)$ in a batch; rank of the population's Hessian, the largest that a batch can have |
# | $J, H_N$ | gradients of the outputs by the $P$ parameters, $N_o$ rows for each sample; $H_N = J^\top J / N$ |
# | $\delta \sim \mathcal N(0, \epsilon^2 I)$ | a student's parameters less its teacher's, at the start |

# %% tags=["parameters"]
input_dim: int = 6  # Inputs of the networks, 2 to 20.
hidden_dim: int = 4  # Hidden units of the networks, 3 to 20.
output_dim: int = 3  # Outputs of the networks that have several, 2 to 20.
batches: int = 100  # Networks drawn, each with a batch, for the smallest eigenvalue and for the law of several outputs, 20 to 100000.
epsilon: float = 0.001  # Standard deviation of a student's start from its teacher, 0.0001 to 0.01.
seed: int = 20251220  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("07_few_samples", globals(), results_dir)

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from nearopt import Erf, Linear, Polynomial, TwoLayer, descent, laws
from nearopt.figures import samples as figures
from nearopt.hessian import batch_hessian, population_hessian, smallest_batch_eigenvalues
from nearopt.proof import certify_batch_ranks
from nearopt.rank import count_batch_ranks, exact_rank, expected_batch_ranks
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## A sample is a row
#
# Two units, three inputs, $y = \sum_k a_k (w_k \cdot x)^2$. The gradient at $x$ is $(w_k \cdot x)^2$ by $a_k$ and $2 a_k (w_k \cdot x)\, x$ by $w_k$: eight numbers, a row of $J$. In small whole numbers the
# rank of the first $N$ rows is plain; the library, which draws its own numbers and counts modulo a prime, agrees:

# %%
own = np.random.default_rng(1)
w, a, X = (own.integers(-9, 10, size) for size in ((2, 3), 2, (8, 3)))

# %%
u = X @ w.T
J = np.hstack([u**2, *(2 * a[k] * u[:, [k]] * X for k in range(2))])
[int(np.linalg.matrix_rank(J[:N])) for N in range(1, 9)]

# %%
square, cube = Polynomial((0, 0, 1)), Polynomial((0, 0, 0, 1))
count_batch_ranks(square, 3, 2, 1, 8, rng=own).tolist()

# %% [markdown]
# One more with each sample, up to the $R = 5$ of the population ([02_polynomial_rank](02_polynomial_rank.ipynb) says why 5, and not 8). As long as the rows do not span all that they can, some combination of
# the gradients vanishes at all inputs so far, but not as a function: so it does not at the next random input.
#
# **Change this and predict.** Two outputs instead of one, and so ten parameters and $R = 8$. After how many samples is that reached?

# %% tags=["hide-cell"]
# After four: a sample has a row for each output, and none of the eight rows is wasted.
count_batch_ranks(square, 3, 2, 2, 8, rng=own).tolist()

# %% [markdown]
# ## Ranks of batches, counted
#
# So with one output the rank is $\min(N, R)$, for any analytic $g$. With $N_o$ outputs, let $k = \min(N_o, N_h)$ and $R_k$ the population's rank with $k$ outputs. The rank is at most $(N_o - k) \min(N, N_h, D_S) + \min(N k, R_k)$, with $D_S$ the
# number of monomials in the inputs of the degrees $S$ that $g$ has. For in the $N_o - k$ directions of the outputs that no hidden unit feeds, only $W_2$ acts, and rows are the hidden values $g(W_1 x)$; the rest is a network of $k$ outputs. That is a theorem, proved
# in the manuscript (Few samples); whether it is reached, counts say, for four activations. Here are the population's ranks, and the smallest batch that reaches them:

# %%
activations = {"linear": Linear(), "u²": square, "u³": cube, "u + u²": Polynomial((0, 1, 1))}
shape, largest = (input_dim, hidden_dim), hidden_dim * (input_dim + 1) + 2
cases = [(name, o) for name in activations for o in sorted({1, 2, output_dim, hidden_dim + 1})]

# %%
sizes = [(activations[name], *shape, o, largest) for name, o in cases]
counted = [count_batch_ranks(*size, rng=rng) for size in sizes]
missed = [c != expected_batch_ranks(*s) for c, s in zip(counted, sizes, strict=True)]
table = pd.DataFrame(cases, columns=["activation", "outputs"])
table["rank"] = [int(counts[-1]) for counts in counted]
table["samples"] = [int(np.argmax(counts == counts[-1])) + 1 for counts in counted]
table.pivot(index="activation", columns="outputs", values=["rank", "samples"])

# %% [markdown]
# For erf the rank is $\min(N, P)$: ball arithmetic proves $\det J \ne 0$ for one teacher and $P$ inputs, hence, $g$ being analytic, for almost all others, and a smaller batch has some of these independent rows.

# %%
erf = TwoLayer.draw(*shape, activation=Erf(), rng=rng)
certified = certify_batch_ranks(erf, rng.standard_normal((erf.parameter_count, input_dim)))

# %% tags=["hide-input"]
results.value("batch_cases", np.size(missed), "batches whose rank was counted")
results.table("batch_ranks", table)
statement = f"batches, of {np.size(missed)}, whose rank is not the formula's"
results.verdict("C5", statement, measured=np.sum(missed), expected=0, tolerance=0)
statement = "erf: batches of every size have full rank (1 if proved)"
results.verdict("C6", statement, measured=int(certified), expected=1, tolerance=0)
results.settled()

# %% [markdown]
# ## Learning is slowest where samples equal the rank
#
# A direction is learned at the speed of its eigenvalue, and the smallest one of $H_N$ that is not zero is $s^2 / N$, with $s$ the smallest nonzero singular value of $J$, here of one output. The rows of $J$ span $R$ dimensions at most. Ask of
# each of $N \le R$ rows how far, $d_n$, it sticks out of the space that all others span. Then $s \le \min d_n \le s \sqrt N$, as the $d_n^{-2}$ are the diagonal of $(J J^\top)^{-1}$: none is above its largest eigenvalue $s^{-2}$,
# and their sum is its trace, $\sum_i s_i^{-2} \ge s^{-2}$. If rows are random in all directions alike, each of 4 in 9 dimensions has 6 components outside the other three: in general $R - N + 1$. At
# $N = R$ a single random number is left of each, and among $R$ of these some is near zero. For $N > R$ the same holds of the $R$ columns of $J$ in a basis of what its rows span, with $N - R + 1$ components. So $s$ is least at $N = R$ (erf's rows are not alike in
# all directions: for them this only suggests it). Checked: the sum; then $s$ of 3, 6, 9, 12 and 27 rows of length 9:

# %%
rows = own.standard_normal((4, 9))
distances, singular = np.diag(np.linalg.inv(rows @ rows.T)) ** -0.5, np.linalg.svd(rows)[1]

# %%
least = [np.linalg.svd(own.standard_normal((N, 9)))[1][-1] for N in (3, 6, 9, 12, 27)]
bool(np.isclose((distances**-2).sum(), (singular**-2).sum())), np.round(least, 2).tolist()

# %% [markdown]
# It is the double descent of least squares, in time instead of error. Now the same for the $J$ of many teachers, each with a list of samples of which the first $N$ are the batch; `exact_rank` counts $R$ modulo a prime.
# For linear $g$ the law of large networks on a batch (`nearopt.laws.coloured`) gives the curve's shape, and its height to a factor of about two at these sizes, if its smallest eigenvalue is taken to be the quantile that has half an eigenvalue below it, not counting zeros (`law.atom`).

# %%
rows, dips, ratios = [], [], np.unique([1, *np.round(np.geomspace(0.3, 6, 25), 3)])
for name, g in {"linear": Linear(), "$u + u^2$": activations["u + u²"], "erf": Erf()}.items():
    R = erf.parameter_count if name == "erf" else exact_rank(g, *shape, rng=rng).value
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
curves = {name: c.set_index("ratio")["median"] for name, c in measured.groupby("activation")}
sizes = np.round(curves["linear"].index * input_dim).astype(int).tolist()
each = [laws.ColouredHessianLaw(np.ones(input_dim), hidden_dim, samples=N) for N in sizes]
theory = [law.ppf(law.atom + 0.5 / input_dim) for law in each]

# %% tags=["hide-input"]
linear = np.array([curves["linear"].index, theory])
results.figure("smallest", figures.smallest_eigenvalues(measured, linear))
dips_at = {name: float(curve.idxmin()) for name, curve in curves.items()}
results.value("dip", dips_at["erf"], "samples over rank where erf's smallest eigenvalue is least")
statement = "share of networks whose smallest eigenvalue dips where samples equal the rank"
results.verdict("C2", statement, measured=np.mean(dips), expected=1, tolerance=0.5)
results.settled()

# %%
later = (curves["erf"] / curves["erf"][1]).map("{:.0e}".format)
two = later.iloc[[0, np.abs(later.index - 2).argmin()]]
dips_at, {round(ratio * erf.parameter_count): factor for ratio, factor in two.items()}

# %% [markdown]
# Above: where the medians are least, in samples over rank; then, for the fewest samples and for about twice the rank, erf's median over that at the rank: so many times later, at one rate, is the slowest direction learned
# at the rank. The figure has medians and quartiles over the teachers. At $N = R$ the smallest eigenvalue is always below that of the first third of the samples, by Cauchy's interlacing theorem: the smaller $J J^\top$ is a
# diagonal block of the larger. That it is also below that of six times as many is no theorem, but likely by the argument above: the verdict's share says in how many networks, and must be at least a half.
#
# **Change this and predict.** Of 28 samples for 28 parameters of erf networks, throw half away. Is the slowest direction that is left learned sooner? What is lost?

# %% tags=["hide-cell"]
# Sooner, in each network, by that theorem. Lost are 14 directions, which stay as they were.
nets = [TwoLayer.draw(6, 4, activation=Erf(), rng=own) for _ in range(20)]
bool((np.diff([smallest_batch_eigenvalues(n, 28, [14, 28], rng=own) for n in nets]) < 0).all())

# %% [markdown]
# ## Descent on a batch
#
# Directions whose eigenvalue on the batch is zero do not move, and where the population sees them, their loss stays. A cubic network of two inputs is as small as this gets: whatever its width, $\sum_k a_k (w_k \cdot x)^3$
# has four coefficients, of $x_1^3, x_1^2 x_2, x_1 x_2^2$ and $x_2^3$. So $R = 4$, and from two samples two combinations of the four can be learned. The prediction moves $\delta$ by the eigenvalues of the
# batch, and asks the population's Hessian for the loss where it has got to. Beside it real, nonlinear gradient flow, from $\delta$, $\delta/2$ and $\delta/4$; time in steps of $1/\lambda_{\max}$.

# %%
own = np.random.default_rng(seed)
teacher = TwoLayer.draw(2, 8, activation=cube, rng=own)
rank = exact_rank(cube, 2, 8, rng=own).value

# %%
delta, shares = epsilon * own.standard_normal(teacher.parameter_count), (1, 1 / 2, 1 / 4)
inputs = {n: own.standard_normal((n, 2)) for n in (rank // 2, rank, 4 * rank)}
students = [teacher.with_parameters(teacher.parameters + share * delta) for share in shares]

# %%
H, steps = population_hessian(teacher), np.geomspace(1, 1e6, 19)
learned, predicted, start = {}, {}, delta @ H @ delta / 2
for n, batch in inputs.items():
    values, Q = np.linalg.eigh(batch_hessian(teacher, batch))
    times = steps / values[-1]
    there = np.exp(-np.outer(times, values)) * (Q.T @ delta) @ Q.T
    predicted[n] = ((there @ H) * there).sum(1) / 2 / start
    on_batch = {"gradient": lambda *pair, x=batch: descent.batch_gradient(*pair, x)}
    on_batch["hessian"] = lambda net, x=batch: batch_hessian(net, x)
    flows = [descent.gradient_flow(student, teacher, times, **on_batch) for student in students]
    learned[n] = np.array([flow.measure(descent.near_loss)[1:] for flow in flows]) / start

# %% tags=["hide-input"]
for n in inputs:
    theory = np.outer(np.square(shares), predicted[n])
    ratios = (learned[n] / theory)[:, theory[0] > 1e-11]
    limit, change = descent.extrapolated(ratios)
    statement = f"loss over prediction less 1, {n} inputs, worst point, as the deviation vanishes"
    numbers = {"measured": np.abs(limit - 1).max(), "expected": 0}
    results.verdict("C1", statement, **numbers, tolerance=change.max() + 1e-4)
few, first = rank // 2, {n: losses[0] for n, losses in learned.items()}
results.figure("batches", figures.batches(steps, first, predicted))
results.value("rank", rank, "rank of the cubic Hessian")
results.value("batch_few", few, "inputs in the smallest batch")
results.value("batch_end", first[few][-1], "its population loss, late / start")
results.value("batch_floor", predicted[few][-1], "the same, predicted")
results.settled(rounding=1e-4)

# %% [markdown]
# Points: real flow. Lines: the prediction. From two samples a part of the loss stays for ever; on the way, other parts of $\delta$ may cancel it for a while. From $N = R$ on nothing stays, though the slowest
# direction may outlast the figure: the dip again (one draw). The verdicts are those of [04_gd_dynamics](04_gd_dynamics.ipynb), by the ratio as $\epsilon \to 0$.
#
# **Change this and predict.** Of the two samples let the second be minus the first. How many combinations of the four coefficients are learned?

# %% tags=["hide-cell"]
# One: an odd network's gradient at -x is minus that at x, the same row again.
one = inputs[few][:1]
int(np.linalg.matrix_rank(batch_hessian(teacher, np.vstack([one, -one])), hermitian=True))

# %% [markdown]
# ## Several outputs: sums of two spectra
#
# Linear $g$, and $H$ of the population. As $W_2 W_1$ changes by $dW_2\, W_1 + W_2\, dW_1$, each eigenvalue of $H$ is one of $W_1^\top W_1$ plus one of $W_2 W_2^\top$. Four outputs, two units:

# %%
W1, W2 = own.standard_normal((2, 3)), own.standard_normal((4, 2))
sums = np.add.outer(np.linalg.eigvalsh(W1.T @ W1), np.linalg.eigvalsh(W2 @ W2.T)).ravel()
values = np.linalg.eigvalsh(population_hessian(TwoLayer(W1, W2, Linear())))
bool(np.allclose(np.sort(sums)[-10:], values[-10:])), int((values > 1e-9).sum())  # above rounding

# %% [markdown]
# **Change this and predict.** Ten of the twelve sums are not zero, because a sum is zero only where both terms are. How many are zero with a single hidden unit?

# %% tags=["hide-cell"]
# Six, three zeros on one side and two on the other: the rank is N_o N_i - (N_o - N_h)+ (N_i - N_h)+.
12 - int(np.linalg.matrix_rank(population_hessian(TwoLayer(W1[:1], W2[:, :1], Linear()))))

# %% [markdown]
# In large networks either spectrum follows a Marchenko-Pastur law, and the sums their convolution. Either's count of eigenvalues is off by at most 1/4, to leading order in the mean over
# teachers ([01](01_linear_asymptotics.ipynb)), and its cdf by that over $N_i$ or $N_o$; in the sums' cdf these at most add. So draws at ten times the sizes above must be within $1/(4 N_i) + 1/(4 N_o)$ of the law, and what chance exceeds in one of a
# thousand runs; their mean eigenvalue, which shows a wrong scale best, the law's up to chance alone. Below the bars, draws minus law, with one standard error; the first, at the law's peak, is off by the finite size.

# %%
n, h, o = (10 * size for size in (*shape, output_dim))
law, draws = laws.OutputsHessianLaw(n, h, o), []
for _ in range(batches):
    net = TwoLayer.draw(n, h, output_dim=o, activation=Linear(), rng=rng)
    inner, outer = (np.linalg.eigvalsh(m) for m in (net.W1.T @ net.W1, net.W2 @ net.W2.T))
    draws.append(np.sort(np.add.outer(inner, outer).ravel()))

# %% tags=["hide-input"]
draws = np.array(draws)
results.figure("outputs", figures.outputs_density(draws, law))
points = law.ppf(law.atom + (1 - law.atom) * np.arange(1, 100) / 100)
share, error = laws.empirical_cdf(draws, points)
numbers = {"measured": np.abs(share - law.cdf(points)).max(), "expected": 0, "error": error.max()}
numbers["tolerance"] = (1 / n + 1 / o) / 4 + laws.largest_difference(error, batches)
results.verdict("C4", "distance of draws and law with several outputs", **numbers)
weights, freedoms = np.array([1 / n, 1 / o]) / batches, np.array([n, o]) * h * batches
numbers = {"measured": draws.mean() / law.mean(), "expected": 1}
numbers["tolerance"] = laws.largest_chi_square(weights, freedoms) / law.mean()
results.verdict("C4", "mean eigenvalue of the draws over the law's, several outputs", **numbers)
results.save()
results.settled()

# %% [markdown]
# ## Limits
#
# - White Gaussian inputs. The rank needs generic ones only, but how deep the smallest eigenvalue dips depends on their law.
# - No noise: with as many samples as the rank all is learned in the end, if slowly. With noise, what is learned there would be wrong as well.
# - The bound with several outputs is a theorem; that it is reached is proved for one output and linear $g$, else counted, at these sizes. Their law is that of large networks and endless samples; a batch's has one output.
