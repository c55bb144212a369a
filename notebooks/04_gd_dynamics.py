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
# # The Hessian's spectrum predicts gradient descent over decades of time, and its smallest eigenvalues decide the end
#
# **The question.** A network starts close to the best one there is. Can one matrix, known before the first step, say what its loss will be after $10^8$ steps' worth of time?
#
# **What you will see.** Real, nonlinear descent and gradient flow, laid over what eigenvalues predict, here down to $4 \cdot 10^{-11}$ of the initial loss for linear $g$, $10^{-9}$ for erf. Then where this stops: large deviations or rates, flat directions.
#
# **What you will learn.** Why each eigenvalue is a clock, and why the smallest one that is not zero decides the end.
#
# **What you need.** Gradient descent on a quadratic. Two minutes to run. Verdicts carry the labels of README's claims: C1 is the loss, C2 its end.
#
# | symbol | meaning |
# |---|---|
# | $\theta^*$, $\delta \sim \mathcal N(0, \epsilon^2 I)$ | the teacher's parameters; the student starts at $\theta^* + \delta$, and later is at $\theta^* + \delta_t$ |
# | $N_i, N_h, P$ | inputs, hidden units, and the $N_h(N_i+1)$ parameters of a network $y = W_2\, g(W_1 x)$ with activation $g$ |
# | $L, \eta, t$ | loss $\tfrac12 \mathbb E (y - y^*)^2$ over white inputs, $y^*$ the teacher's output; rate, and steps; or time of gradient flow, drawn in units of $1/\lambda_{\max}$ |
# | $J, H$ | derivative of the output $y$ by the parameters, and the Hessian $\mathbb E[J^\top J]$ at the teacher |
# | $\lambda_i, v_i$ | eigenpairs of $H$; $\eta_c = 2/\lambda_{\max}$ is the critical rate |

# %% tags=["parameters"]
input_dim: int = 2  # Inputs of all networks whose descent is followed, 2 to 10.
hidden_dim: int = 8  # Hidden units of these networks, 2 to 12.
epsilon: float = 0.001  # Standard deviation of each parameter's initial deviation from the teacher, 0.0001 to 0.01.
descent_steps: int = 1000  # Steps of gradient descent that are run one by one, before gradient flow alone goes on, 100 to 1000000.
slope_teachers: int = 10  # Teachers of each activation whose late decay is measured, 5 to 10000.
sizes: int = 4  # Network sizes compared at the end, each twice as wide as the last, 2 to 8.
spectra: int = 20  # Teachers drawn for each of these sizes, 5 to 100000.
activation: str = ""  # One activation more: a name, or file.py:name with a file of yours, relative to the checkout, whose code is run; empty for none.
seed: int = 20251217  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("04_gd_dynamics", globals(), results_dir)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

from nearopt import Erf, Linear, Polynomial, TwoLayer, descent
from nearopt.figures import descent as figures
from nearopt.hessian import population_hessian, spectrum
from nearopt.rank import exact_rank, numerical_rank
from nearopt.report import style
from nearopt.report.activations import load_activation

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## Gradient descent is a loop, its prediction a sum
#
# A linear network is the row $W_2 W_1$, its loss $\tfrac12 |W_2 W_1 - W_2^* W_1^*|^2$: quartic in the parameters, so descent is not linear. A teacher, a student, and the gradient by hand:

# %%
own = np.random.default_rng(1)
W1, W2 = own.standard_normal((2, 3)), own.standard_normal((1, 2))
starts = W1 + 1e-3 * own.standard_normal(W1.shape), W2 + 1e-3 * own.standard_normal(W2.shape)


# %%
def loop(A, B, rate, steps):
    for _ in range(steps):
        error = B @ A - W2 @ W1
        yield (error**2).sum() / 2
        A, B = A - rate * B.T @ error, B - rate * error @ A.T


# %% [markdown]
# Inputs are white, so the Hessian at the teacher is $J^\top J$ with $J$ the derivative of the row $W_2 W_1$. To first order a step multiplies $\delta$ by $I - \eta H$, its part along $v_i$ by $1 - \eta \lambda_i$; under gradient
# flow, the limit of small rates, by $e^{-\lambda_i t}$ in a time $t$. So, to second order in $\delta$,
#
# $$L(t) = \tfrac12 \sum_i \lambda_i (1 - \eta \lambda_i)^{2t} (v_i \cdot \delta)^2 . $$

# %%
J = np.hstack([W1.T, np.kron(W2, np.eye(3))])
values, vectors = np.linalg.eigh(J.T @ J)
delta = np.hstack([(starts[1] - W2).ravel(), (starts[0] - W1).ravel()])

# %%
steps, rate = np.arange(60), 1 / values[-1]
line = (1 - rate * values) ** (2 * steps[:, None]) @ (values * (vectors.T @ delta) ** 2) / 2
losses = [*loop(*starts, rate, 60)]
axes = plt.subplots(figsize=(style.HALF, 2))[1]
axes.semilogy(steps, losses, ".", steps, line, "-")
_ = axes.set(xlabel="steps", ylabel="loss")

# %% [markdown]
# Dots: the loop. Line: the sum, which saw no step. The library has gradient, loss and Hessian in closed form for polynomials and erf; they agree with the above:

# %%
teacher, student = (TwoLayer(*pair, activation=Linear()) for pair in ((W1, W2), starts))
path = descent.gradient_descent(student, teacher, rate=rate, steps=59).measure(descent.near_loss)
np.allclose(path[-1], losses[-1]), np.allclose(population_hessian(teacher), J.T @ J)

# %% [markdown]
# **Change this and predict.** Set the rate to $2.1/\lambda_{\max}$, just above $\eta_c$. What does the loss do, though slower modes decay?

# %% tags=["hide-cell"]
# It grows: the steepest mode is multiplied by -1.1 at each step.
start, *_, end = loop(*starts, 2.1 * rate, 60)
"grows" if end > start else "falls"

# %% [markdown]
# ## Four activations, measured and predicted
#
# All have one shape, so the same number of parameters. Three lose rank, erf does not (notebook 03). Polynomials' rank is counted exactly, that of an `activation` of yours in floats, which proves nothing. As many eigenpairs are kept; what floats leave of the
# others is rounding. All students start in the same direction, at the full deviation, half and a quarter of it, and descend at the rate $\eta_c / 2$. The ranks, and how far the nonzero eigenvalues spread, which makes descent slow:

# %%
activations = {"$u$": Polynomial((0.0, 1.0)), "$u + u^2$": Polynomial((0.0, 1.0, 1.0))}
activations |= {"$u^3$": Polynomial((0.0, 0.0, 0.0, 1.0)), "erf": Erf()}
activations |= {"own": load_activation(activation)} if activation else {}

# %%
shape, shares, near = (input_dim, hidden_dim), (1, 1 / 2, 1 / 4), descent.Comparison.near
teachers = {n: TwoLayer.draw(*shape, activation=g, rng=rng) for n, g in activations.items()}
polynomials = {n: g for n, g in activations.items() if isinstance(g, Polynomial)}
ranks = {"own": numerical_rank(teachers["own"]).value} if activation else {}
ranks |= {n: exact_rank(g, *shape, rng=rng).value for n, g in polynomials.items()}

# %%
direction = rng.standard_normal(teachers["erf"].parameter_count)
pairs = {n: near(t, ranks.get(n, len(direction)), epsilon * direction) for n, t in teachers.items()}
runs = {name: [pair.closer(share) for share in shares] for name, pair in pairs.items()}
{n: f"{len(p.values)}, over a range of {p.values[-1] / p.values[0]:.0e}" for n, p in pairs.items()}

# %% [markdown]
# Subtracting outputs of order one would lose the digits of a small loss. So it is measured as $\tfrac12 \mathbb E\,|\!\int_0^1 J(\theta^* + s\delta_t)\,\delta_t\, ds|^2$, where nothing cancels and nothing is sampled. Descent runs step by step; gradient
# flow, from the same start, to $10^8$ steps' worth of time or to $10^{-11}$ of the initial loss, where the rounding of the parameters begins to count. `descend` and `flow` return the run and its prediction.

# %%
grid = np.geomspace(1, 1e8, 49)
descents = {name: [one.descend(descent_steps) for one in many] for name, many in runs.items()}
flows = {name: [one.flow(grid) for one in many] for name, many in runs.items()}

# %% tags=["hide-input"]
first, flow = ({name: many[0] for name, many in curves.items()} for curves in (descents, flows))
results.figure("curves", figures.loss_curves(first, flow))
{n: f"{max(run[n].differences.max() for run in (first, flow)):.1%}" for n in first}

# %% [markdown]
# Lines are the prediction, dots real descent, crosses real flow, which parts from descent where $\eta \lambda$ is not small ($u$); the relative difference is below, its largest value in numbers. The spectrum shows in the shapes: with few, similar eigenvalues ($u$) one exponential,
# with many over a wide range (erf) a slow descent that has no time scale of its own.
#
# What the sum leaves out is the loss's third order in $\delta$ and all later ones, so measured over predicted loss is 1 plus a power series in $\epsilon$. Three deviations give its first terms, and Richardson's extrapolation
# takes them off. What is left must be 1 at the worst point of each curve, up to the size of the last term taken off and $10^{-4}$ for rounding. A prediction that is wrong by more does not come to 1, however small $\epsilon$.


# %%
def as_the_deviation_vanishes(ratios, allowed=1e-4):
    limit, change = descent.extrapolated(ratios)
    return {"measured": np.abs(limit - 1).max(), "expected": 0, "tolerance": change.max() + allowed}


# %% tags=["hide-input"]
keys = dict(zip(activations, ("linear", "quadratic", "cubic", "erf", "own"), strict=False))
for name, key in keys.items():
    both = zip(descents[name], flows[name], strict=True)
    ratios = [np.hstack([c.measured / c.predicted for c in curves]) for curves in both]
    statement = f"{key}: loss over prediction less 1, worst point, as the deviation vanishes"
    results.verdict("C1", statement, **as_the_deviation_vanishes(ratios))
    differences = np.hstack([first[name].differences, flow[name].differences])
    results.value(f"difference_{key}", np.median(differences), "median relative difference")
    results.value(f"worst_{key}", differences.max(), "largest relative difference of the loss")
lowest = min(c.measured[-1] / c.measured[0] for c in (*first.values(), *flow.values()))
results.value("lowest", lowest, "lowest loss that was followed, as a share of that at the start")
results.value("decades", np.log10(flow["erf"].steps[-1]), "decades of time of erf's descent")
results.value("parameters", len(direction), "parameters of each network")
results.settled(rounding=1e-4)

# %% [markdown]
# ## How the agreement fails
#
# The error grows with the deviation (left, within 6 steps): in proportion to it, while it is small, for the first neglected term is one order higher. With time, for $u + u^2$ and $u^3$ in the figure above. With the rate, towards $\eta_c$ (right): there the steepest direction hardly decays, it flips its sign
# at each step, and a small change of curvature on the way, of the order of $\epsilon$, is enough to spoil its factor. Above $\eta_c$ the student leaves its teacher. The library finds $\eta_c$ from
# gradients alone, without the matrix; is it $2/\lambda_{\max}$? Rates are shares of $\eta_c$, and `pair.rate` is $\eta_c / 2$:


# %%
def error_at(name, size, steps, share=0.5):
    pair = pairs[name].closer(size / epsilon)
    return pair.descend(steps, 2 * share * pair.rate).differences.max()


# %%
epsilons, closeness = epsilon / 2.0 ** np.arange(5), 2.0 ** -np.arange(1, 10)
errors = {n: (epsilons, np.array([error_at(n, size, 6) for size in epsilons])) for n in pairs}
by_rate = {n: (closeness, [error_at(n, epsilon, 100, 1 - c) for c in closeness]) for n in pairs}

# %% tags=["hide-input"]
results.figure("failures", figures.failures(errors, by_rate, epsilon))
measured = descent.critical_rate(teachers["$u + u^2$"]) * pairs["$u + u^2$"].values[-1]
statement = "critical rate, from gradients alone, times the largest eigenvalue"
results.verdict("C1", statement, measured=measured, expected=2, tolerance=1e-5)
results.settled()

# %% [markdown]
# ## The smallest eigenvalue decides the end
#
# Late in the flow only the slowest mode is left, and $-\tfrac12\, d\ln L/dt$, between $t = 3/\lambda$ and $4/\lambda$, is its eigenvalue $\lambda$, the smallest that is not zero. A flow has reached its end if other modes then add under a hundredth to
# this slope and the loss is above $10^{-11}$ of its start. Wide erf networks do not get there in floats, so what the title says of the end is tested at $N_h = 2$, on teachers that do. In numbers, how far the worst is from its eigenvalue:


# %%
def start_near(name, rank):
    while True:
        teacher = TwoLayer.draw(2, 2, activation=activations[name], rng=rng)
        pair = near(teacher, rank, epsilon * rng.standard_normal(6))
        if pair.reaches_its_end:
            return pair


small = {"$u + u^2$": exact_rank(activations["$u + u^2$"], 2, 2, rng=rng).value, "erf": 6}
starts = {n: [start_near(n, rank) for _ in range(slope_teachers)] for n, rank in small.items()}
rates = {n: [[p.closer(s).late_rate() for p in many] for s in shares] for n, many in starts.items()}

# %% tags=["hide-input"]
found = {n: np.array([[p.values[0] for p in starts[n]], rates[n][0]]) for n in starts}
results.figure("late", figures.late_slopes(found))
{name: f"{np.abs(slope / value - 1).max():.1%}" for name, (value, slope) in found.items()}

# %% [markdown]
# **Flat directions.** Where $g$ loses rank, the loss goes to zero and the parameters do not return: what lies in the null space stays. For erf all of the deviation vanishes in the end, each part at the speed of its
# eigenvalue; 0.1 is left at $10^8$ steps. Lines: prediction; crosses: real flow; in numbers, the share left at its end. In the verdicts the late rate must be the eigenvalue, up to the hundredth of other modes, and the distance as predicted.

# %% tags=["hide-input"]
distances = {name: (grid, pair.predict_distance(grid)) for name, pair in pairs.items()}
results.figure("distances", figures.distances(flow, distances))
left = {name: curve.distance[-1] / curve.distance[0] for name, curve in flow.items()}
{name: round(float(share), 2) for name, share in left.items()}

# %% tags=["hide-input"]
ratios = np.hstack([rates[name] / found[name][0] for name in found])
results.value("late_teachers", ratios.shape[1], "teachers that reached their end")
results.value("late_worst", np.abs(ratios[0] - 1).max(), "late rate over eigenvalue less 1, worst")
late = "late rate over smallest nonzero eigenvalue less 1, worst teacher, as the deviation vanishes"
results.verdict("C2", late, **as_the_deviation_vanishes(ratios, allowed=0.01))
for name, key in keys.items():
    both = zip(flows[name], runs[name], strict=True)
    ratios = [curve.distance / one.predict_distance(curve.steps) for curve, one in both]
    statement = f"{key}: distance over prediction less 1, worst point, as the deviation vanishes"
    results.verdict("C2", statement, **as_the_deviation_vanishes(ratios))
results.value("left_linear", left["$u$"], "share of the distance that stays, linear")
results.value("left_erf", left["erf"], "share of the distance that is left at the end, erf")
results.settled(rounding=1e-4)

# %% [markdown]
# **Change this and predict.** For linear $g$ a share of the distance stays. Does it grow or fall with $N_h$?

# %% tags=["hide-cell"]
# It grows: the rank is N_i of P = N_h (N_i + 1), so about sqrt(1 - N_i / P) stays.
{h: round(float(np.sqrt(1 - input_dim / (h * (input_dim + 1)))), 2) for h in (2, 4, 8, 16)}

# %% [markdown]
# ## How do the number of parameters and the activation shape the loss?
#
# The prediction is right, so it can answer for more sizes than descent could. The mean over deviations needs eigenvalues only, as every $(v_i \cdot \delta)^2$ has the mean $\epsilon^2$. Left: the mean loss at the largest size, rate
# $1/\lambda_{\max}$, over many teachers. Right: the steps until it has fallen to a thousandth, the median over teachers in a band from the first quartile to the third. No theory says how many the median teacher needs, so there is no verdict.

# %%
widths, steps = 2 ** np.arange(1, sizes + 1), np.append(0, np.geomspace(1, 1e8, 200))


def mean_losses(g, width):
    nets = [TwoLayer.draw(input_dim, width, activation=g, rng=rng) for _ in range(spectra)]
    losses = [descent.expected_loss(v, steps, rate=1 / v[-1]) for v in map(spectrum, nets)]
    return np.divide(losses, np.array(losses)[:, :1])


# %%
losses = {n: [mean_losses(g, width) for width in widths] for n, g in activations.items()}
needed = {n: np.array([steps[(one > 1e-3).sum(1)] for one in many]) for n, many in losses.items()}
ends = {name: (steps, many[-1].mean(0)) for name, many in losses.items()}

# %% tags=["hide-input"]
results.figure("answer", figures.shapes_of_loss(ends, needed, (input_dim + 1) * widths))
slower = {name: np.median(many[-1]) / np.median(many[0]) for name, many in needed.items()}
results.value("speed_linear", slower["$u$"], "steps at the largest over the smallest width, linear")
results.value("speed_erf", slower["erf"], "steps at the largest over the smallest width, erf")
results.save()

# %% [markdown]
# - **Linear:** only $N_i$ eigenvalues count, and descent gets fast as the width grows, which fits eigenvalues that are nearly equal.
# - **Polynomial:** more eigenvalues, over more decades, until the rank stops growing; in wider networks descent gets faster too, which fits that eigenvalues draw together.
# - **erf:** each parameter adds an eigenvalue (03). The loss falls fast, then ever more slowly, and never stops for lack of directions.

# %% [markdown]
# ## Limits
#
# - Steps are run for `descent_steps` only; later times are those of the gradient flow, its limit of small rates, which descent cannot be told from once $\eta \lambda \ll 1$ for all modes that are left.
# - The prediction is of second order. Its relative error grows with $\epsilon$, and near the critical rate it fails at any $\epsilon$ that is not tiny.
# - One teacher at a time, with one output and white inputs. The average over teachers ends otherwise, like a power (notebook 08).
