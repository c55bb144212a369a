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
# # The Hessian's spectrum predicts gradient descent over eight decades of time, and its smallest eigenvalues decide the end
#
# **What you will see.** Real, nonlinear gradient descent of students near their teacher, beside
# what the eigenvalues of the Hessian say of it: where the two agree, how the agreement fails, what
# flat directions do, and why a loss that falls exponentially for each teacher falls like a power
# when it is averaged over teachers.
#
# **What you need.** Gradient descent on a quadratic. Two minutes.
#
# ## Setting
#
# A student $\theta_0 = \theta^* + \delta$ starts near its teacher $\theta^*$, with
# $\delta \sim \mathcal N(0, \epsilon^2 I)$, and descends the loss $L = \tfrac12 \mathbb E (y - y^*)^2$
# at the rate $\eta$. To second order in $\delta$, with eigenpairs $(\lambda_i, q_i)$ of the Hessian at the teacher,
#
# $$L(t) = \tfrac12 \sum_i \lambda_i (1 - \eta \lambda_i)^{2t} (q_i \cdot \delta)^2 .$$
#
# Under gradient flow, the limit of small rates, the factor is $e^{-2 \lambda_i t}$.

# %% [markdown]
# ## Parameters
#
# One shape for all activations, so that all have the same number of parameters.

# %% tags=["parameters"]
input_dim: int = 2
hidden_dim: int = 8
epsilon: float = 0.001
descent_steps: int = 1000
slope_teachers: int = 10
mean_teachers: int = 4000
sizes: int = 4
spectra: int = 20
seed: int = 20251217
results_dir: str = ""

# %%
from nearopt.report import Results

results = Results("04_gd_dynamics", globals(), results_dir)

# %%
import numpy as np

from nearopt import TwoLayer
from nearopt.descent import Comparison
from nearopt.figures import descent as figures_descent
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## Four activations, four teachers

# %%
from nearopt import Erf, Polynomial
from nearopt.rank import exact_rank

# %%
polynomials = {"$u$": (0.0, 1.0), "$u + u^2$": (0.0, 1.0, 1.0), "$u^3$": (0.0, 0.0, 0.0, 1.0)}
activations = {name: Polynomial(numbers) for name, numbers in polynomials.items()}
activations["erf"] = Erf()
keys = dict(zip(activations, ("linear", "quadratic", "cubic", "erf"), strict=True))

# %% [markdown]
# Three of them lose rank, erf does not. The rank is counted exactly, and only as many
# eigenpairs are kept: what floating point leaves of the others is rounding.


# %%
def rank_of(name, n, h):
    return h * (n + 1) if name == "erf" else exact_rank(activations[name], n, h, rng=rng).value


# %%
shape = (input_dim, hidden_dim)
teachers = {n: TwoLayer.draw(*shape, activation=g, rng=rng) for n, g in activations.items()}
ranks = {name: rank_of(name, *shape) for name in activations}
parameters = teachers["erf"].parameter_count
results.value("parameters", parameters, "parameters of each network")
ranks

# %% [markdown]
# All students start in the same direction. The rate is half the critical one, $\eta_c = 2/\lambda_{\max}$,
# above which even the quadratic diverges.

# %%
direction = rng.standard_normal(parameters)
pairs = {n: Comparison.near(t, ranks[n], epsilon * direction) for n, t in teachers.items()}

# %% [markdown]
# How far the nonzero eigenvalues spread is what will make descent slow:

# %%
{name: f"1 : {pair.values[0] / pair.values[-1]:.0e}" for name, pair in pairs.items()}

# %% [markdown]
# ## Measured against predicted
#
# A loss that falls by many decades cannot be had as a difference of numbers of order one. It is
# measured as $\tfrac12 \mathbb E\,|\!\int_0^1 J(\theta^* + s\delta)\,\delta\, ds|^2$, with Gauss-Legendre nodes in $s$
# and closed forms for the expectation: no numbers of order one cancel, and nothing is sampled. Descent is run step
# by step; beyond, gradient flow takes over, integrated exactly where it is linear and in small steps
# where it is not, to $10^8$ steps' worth of time. Both stop where the loss is $10^{-11}$ of the initial one: below, the rounding
# of the parameters begins to count.

# %%
grid = np.geomspace(1, 1e8, 49)
descents = {name: pair.descend(descent_steps) for name, pair in pairs.items()}
flows = {name: pair.flow(grid) for name, pair in pairs.items()}

# %%
figure = figures_descent.loss_curves(descents, flows)
results.figure("curves", figure)

# %% [markdown]
# Lines are the prediction, dots real descent, crosses real flow. All losses lie on their lines, over all
# the decades that they have; the relative difference below stays near the order of $\epsilon$. The spectrum shows in
# the shapes: with few, similar eigenvalues ($u$) one exponential, with many over a wide range (erf) a
# slow descent that has no time scale of its own.

# %%
typical = {n: np.median([*descents[n].differences, *flows[n].differences]) for n in pairs}
for name, key in keys.items():
    results.value(f"difference_{key}", typical[name], "median relative difference of the loss")
results.value("decades", np.log10(flows["erf"].steps[-1]), "decades of time of erf's descent")
{name: bool(difference < 10 * epsilon) for name, difference in typical.items()}

# %% [markdown]
# ## How the agreement fails
#
# First with the deviation. The prediction leaves out the cubic term of the loss, so its relative
# error should be of the order of $\epsilon$. The same direction, at deviations that double:


# %%
def error_at(name, size, steps, share=0.5):
    pair = Comparison.near(teachers[name], ranks[name], size * direction)
    return pair.descend(steps, 2 * share * pair.rate).differences.max()


# %%
epsilons = epsilon / 10 * 2.0 ** np.arange(7)
errors = {n: np.array([error_at(n, size, 6) for size in epsilons]) for n in pairs}

# %% [markdown]
# Then with the rate, as a share of the critical one.

# %%
closeness = 2.0 ** -np.arange(1, 10)
by_rate = {n: [error_at(n, epsilon, 100, 1 - c) for c in closeness] for n in pairs}

# %%
figure = figures_descent.failures(
    {name: (epsilons, error) for name, error in errors.items()},
    {name: (closeness, error) for name, error in by_rate.items()},
    epsilon,
)
results.figure("failures", figure)

# %% [markdown]
# The exponent between the two smallest deviations must be 1, but for the next order in the deviation.
# Its coefficient differs from teacher to teacher, so we allow ten times the deviation $|\delta|$ at `epsilon`,
# which is itself ten times the smallest.

# %%
shift = epsilon * direction
for name, key in keys.items():
    first = np.log2(errors[name][1] / errors[name][0])
    numbers = {"measured": first, "expected": 1, "tolerance": 10 * np.linalg.norm(shift)}
    statement = f"exponent of the prediction's error in the deviation, {key}"
    print(results.verdict("C1", statement, **numbers).passed)

# %% [markdown]
# On the right the rate nears $\eta_c$. The steepest direction then hardly decays, it flips its
# sign at each step, and a small change of curvature on the way, of the order of $\epsilon$, is enough to
# spoil its factor. Above $\eta_c$ that direction grows, and there is no agreement to be had: the student leaves
# the neighbourhood of its teacher, and descent says so. It names $\eta_c$, which it found without the matrix,
# from differences of the gradient; times $\lambda_{\max}$ it is 2.

# %%
from nearopt.descent import DivergenceError, critical_rate

# %%
try:
    error_at("$u + u^2$", epsilon, 1000, share=1.1)
except DivergenceError as error:
    print(str(error).split(":")[0])
pair = pairs["$u + u^2$"]
round(critical_rate(pair.teacher) / pair.rate, 4)

# %% [markdown]
# ## The smallest eigenvalue decides the end
#
# Late in the flow only the slowest mode is left, and $-\tfrac12\, d\ln L/dt$ is its eigenvalue, the smallest that is not zero.
# It is measured between $t = 3/\lambda$ and $4/\lambda$ on small networks, and only where the loss is then
# above the floor of $10^{-11}$; teachers whose smallest eigenvalue is tinier never reach their end in floating point.


# %%
def start_near(name, n, h):
    teacher = TwoLayer.draw(n, h, activation=activations[name], rng=rng)
    move = epsilon * rng.standard_normal(teacher.parameter_count)
    return Comparison.near(teacher, rank_of(name, n, h), move)


# %%
starts = {n: [start_near(n, 2, 2) for _ in range(slope_teachers)] for n in ("$u + u^2$", "erf")}
found = {n: np.array([(p.values[0], p.late_rate()) for p in many]) for n, many in starts.items()}
found = {name: rows[np.isfinite(rows[:, 1])].T for name, rows in found.items()}

# %%
figure = figures_descent.late_slopes(found)
results.figure("late", figure)

# %%
from scipy.stats import linregress

# %%
fit = linregress(*np.log(np.hstack([*found.values()])))
results.value(
    "late_teachers",
    sum(rows.shape[1] for rows in found.values()),
    "teachers that reached their end",
)
results.value("late_exponent", fit.slope, "exponent of the late rate", fit.stderr)
statement = "exponent of the late rate of decay against the smallest nonzero eigenvalue"
numbers = {"measured": fit.slope, "expected": 1, "tolerance": 4 * fit.stderr}
results.verdict("C2", statement, **numbers, error=fit.stderr).passed

# %% [markdown]
# ## What flat directions do
#
# Where $g$ loses rank, the loss goes to zero and the parameters do not return: what lies in the null space of
# the Hessian stays. For erf there is no flat direction. All of the deviation returns, but its last part takes
# hundreds of millions of times as long as the first.

# %%
figure = figures_descent.distances(
    flows, {n: (grid, pair.predict_distance(grid)) for n, pair in pairs.items()}
)
results.figure("distances", figure)

# %% [markdown]
# Crosses: real flow. Lines: the prediction. The distance at the last cross, as a share of that at the start:

# %%
left = {name: curve.distance[-1] / curve.distance[0] for name, curve in flows.items()}
results.value("left_linear", left["$u$"], "share of the distance that stays, linear")
results.value("left_erf", left["erf"], "share of the distance that is left at the end, erf")
{name: round(float(share), 2) for name, share in left.items()}

# %% [markdown]
# ## Each teacher falls exponentially, their average like a power
#
# For linear $g$ the mean over teachers is known exactly at any size. Teachers with a small $|W_2|^2$ are rare but slow,
# and they outlive the rest: the mean falls like $t^{-(N_h/2 + 1)}$ if $N_i > N_h$, and for $N_h \ge N_i$
# the smallest eigenvalue of $W_1^\top W_1$ is near zero as well and adds $(N_h - N_i + 1)/2$ to the exponent.
# Here many real students descend, each with a teacher of its own.

# %%
from nearopt.descent import descend_linear_students, late_exponent, linear_expected_loss

# %%
shapes = {"wide": (4, 2), "tall": (2, 3)}
steps = np.geomspace(25, 800, 13).round()
run = {"rate": 0.02, "steps": steps, "epsilon": epsilon, "rng": rng}
draws = {s: descend_linear_students(*s, mean_teachers, **run) for s in shapes.values()}

# %%
times = run["rate"] * steps
figure = figures_descent.teacher_averages(
    {s: losses / epsilon**2 for s, losses in draws.items()}, times
)
results.figure("average", figure)

# %% [markdown]
# Grey: twelve single teachers. Points: the mean of all, with two standard errors. The law of large networks (orange)
# is off late, for it does not know how near zero the smallest eigenvalue of a small matrix can come. The exponent of
# the measured mean between the third and the ninth point must be that of the exact mean, within four
# standard errors and what the step size does. Where a loss falls like $t^{-q}$ under flow, descent at the rate $\eta$
# multiplies it by $1 - \eta\, q (q + 1) / (4 t)$, to first order in $\eta$:


# %%
def exponent(losses, times):
    return np.log(losses[-1] / losses[0]) / np.log(times[-1] / times[0])


# %%
window = times[[2, 8]]
for key, s in shapes.items():
    ends = draws[s][:, [2, 8]]
    score = np.diff(ends / ends.mean(0)) / np.log(window[1] / window[0])
    numbers = {"error": score.std() / np.sqrt(mean_teachers)}
    numbers["measured"] = exponent(ends.mean(0), window)
    numbers["expected"] = exponent(linear_expected_loss(window, *s), window)
    results.value(f"exponent_{key}", numbers["measured"], "of the measured mean", numbers["error"])
    results.value(f"expected_{key}", numbers["expected"], "of the exact mean, same times")
    statement = f"exponent of the mean loss over linear teachers of shape {s[0]}, {s[1]}"
    q, span = -numbers["expected"], np.log(window[1] / window[0])
    tolerance = 4 * numbers["error"] + run["rate"] * q * (q + 1) / (4 * window[0] * span)
    print(results.verdict("C2", statement, **numbers, tolerance=tolerance).passed)

# %% [markdown]
# Over these times the exponent is still on its way. The exact mean shows where to:

# %%
end = np.array([1e6, 1e7])
late = {key: exponent(linear_expected_loss(end, *s), end) for key, s in shapes.items()}
for key, s in shapes.items():
    results.value(f"late_{key}", late[key], "exponent of the exact mean, late")
    results.value(f"limit_{key}", late_exponent(*s), "its limit")
[late_exponent(*s) for s in shapes.values()]

# %% [markdown]
# ## A finite batch
#
# The Hessian of a batch of $N$ inputs has at most $N$ nonzero eigenvalues. Fewer inputs than the rank leave flat
# directions that the population does not have, and the population's loss stays where they are. Half as many,
# as many, and four times as many inputs as the rank, for $u^3$:

# %%
cubic, rank = pairs["$u^3$"], ranks["$u^3$"]
inputs = {n: rng.standard_normal((n, input_dim)) for n in (rank // 2, rank, 4 * rank)}


# %%
from functools import partial

from nearopt.descent import batch_gradient, gradient_flow, near_loss
from nearopt.hessian import batch_hessian, population_hessian


# %%
def learn(batch):
    gradient, hessian = partial(batch_gradient, inputs=batch), partial(batch_hessian, inputs=batch)
    unit = critical_rate(cubic.teacher, gradient) / 2
    times = np.geomspace(1, 1e6, 19) * unit
    path = gradient_flow(cubic.student, cubic.teacher, times, gradient=gradient, hessian=hessian)
    losses = path.measure(near_loss)
    return path.times / unit, losses / losses[0]


# %%
learned = {f"$N = {n}$": learn(batch) for n, batch in inputs.items()}

# %% [markdown]
# What must stay is the part of the deviation that the smallest batch does not see, as the population's Hessian weighs it:

# %%
jacobian = cubic.teacher.jacobian(inputs[rank // 2])[:, 0]
unseen = cubic.deviation - np.linalg.pinv(jacobian) @ (jacobian @ cubic.deviation)
floor = unseen @ population_hessian(cubic.teacher) @ unseen / 2 / cubic.predict([0.0])[0]

# %%
figure = figures_descent.batches(learned, floor)
results.figure("batches", figure)

# %% [markdown]
# The smallest batch ends on the dotted line; on the way, other parts of the deviation may cancel what
# stays. From $N = $ rank on the loss goes to zero.

# %%
results.value("rank", rank, "rank of the cubic Hessian")
results.value("batch_few", rank // 2, "inputs in the smallest batch")
results.value(
    "batch_end", learned[f"$N = {rank // 2}$"][1][-1], "its population loss, late / start"
)
results.value("batch_floor", floor, "what the null space of that batch leaves")

# %% [markdown]
# ## How do the number of parameters and the activation shape the loss?
#
# The prediction is right, so it can answer for more sizes than descent could. The mean over deviations needs
# eigenvalues only. Left: the mean loss at the largest size, rate $1/\lambda_{\max}$, over many teachers.
# Right: the steps until it has fallen to a thousandth.

# %%
from nearopt.descent import expected_loss
from nearopt.hessian import spectrum

# %%
widths, steps = 2 ** np.arange(1, sizes + 1), np.append(0, np.geomspace(1, 1e8, 200))


def mean_losses(name, width):
    draws = [
        TwoLayer.draw(input_dim, width, activation=activations[name], rng=rng)
        for _ in range(spectra)
    ]
    values = [spectrum(draw) for draw in draws]
    losses = np.stack([expected_loss(v, steps, rate=1 / v[-1]) for v in values])
    return losses / losses[:, :1]


# %%
losses = {n: [mean_losses(n, width) for width in widths] for n in activations}
needed = {n: np.array([steps[(one > 1e-3).sum(1)] for one in many]) for n, many in losses.items()}

# %%
ends = {name: (steps, many[-1].mean(0)) for name, many in losses.items()}
figure = figures_descent.shapes_of_loss(ends, needed, (input_dim + 1) * widths)
results.figure("answer", figure)

# %% [markdown]
# - **Linear:** only $N_i$ eigenvalues count, and in wide networks they are nearly equal. More parameters make descent
#   faster, in the median.
# - **Polynomial:** more eigenvalues, spread over more decades; when the rank stops growing with the width, wide
#   networks again become faster.
# - **erf:** each parameter adds an eigenvalue, and most of them are tiny. The loss first falls fast and then ever more
#   slowly, and never stops for lack of directions.

# %%
slower = {name: np.median(many[-1]) / np.median(many[0]) for name, many in needed.items()}
results.value("speed_linear", slower["$u$"], "steps at the largest over the smallest width, linear")
results.value("speed_erf", slower["erf"], "steps at the largest over the smallest width, erf")
{name: bool(slower[name] > 1) for name in ("$u$", "erf")}

# %%
results.save()

# %% [markdown]
# ## Limits
#
# - Descent was run step by step for `descent_steps` steps only; later times are those of the gradient flow, which is
#   its limit of small rates and which late descent cannot be told from.
# - The prediction is of second order. Its relative error grows with $\epsilon$, and near the critical rate it fails at
#   any $\epsilon$ that is not tiny.
# - Losses below $10^{-11}$ of the initial one are not shown, for there the rounding of the parameters begins to count.
# - One output and white inputs; the exact mean over teachers is for linear $g$ only.
