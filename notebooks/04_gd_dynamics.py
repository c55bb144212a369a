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

# %%
parameters = teachers["erf"].parameter_count
results.value("parameters", parameters, "parameters of each network")
ranks

# %% [markdown]
# All students start in the same direction, and once more at half and at a quarter of the deviation. The rate is
# half the critical one, $\eta_c = 2/\lambda_{\max}$, above which even the quadratic diverges.

# %%
direction = rng.standard_normal(parameters)
pairs = {n: Comparison.near(t, ranks[n], epsilon * direction) for n, t in teachers.items()}

# %%
shares = (1, 1 / 2, 1 / 4)
runs = {name: [pair.closer(share) for share in shares] for name, pair in pairs.items()}

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
descents = {name: [one.descend(descent_steps) for one in many] for name, many in runs.items()}
flows = {name: [one.flow(grid) for one in many] for name, many in runs.items()}

# %%
descent, flow = ({name: many[0] for name, many in curves.items()} for curves in (descents, flows))
results.figure("curves", figures_descent.loss_curves(descent, flow))

# %% [markdown]
# Lines are the prediction, dots real descent, crosses real flow; the relative difference is below. The spectrum
# shows in the shapes: with few, similar eigenvalues ($u$) one exponential, with many over a wide range (erf) a
# slow descent that has no time scale of its own.

# %%
for name, key in keys.items():
    differences = np.hstack([descent[name].differences, flow[name].differences])
    results.value(f"difference_{key}", np.median(differences), "median relative difference")
    results.value(f"worst_{key}", differences.max(), "largest relative difference of the loss")

# %%
lowest = min(c.measured[-1] / c.measured[0] for c in (*descent.values(), *flow.values()))
results.value("lowest", lowest, "lowest loss that was followed, as a share of that at the start")
results.value("decades", np.log10(flow["erf"].steps[-1]), "decades of time of erf's descent")

# %% [markdown]
# The prediction leaves out the loss's third order in $\delta$ and all later ones, so measured over predicted
# loss is 1 and a power series in $\epsilon$. Three deviations give its first terms, and Richardson's
# extrapolation takes them off. What is left must be 1 at the worst point of each curve, to what the last term
# changed, and $10^{-4}$ for rounding. A prediction that is wrong by more does not come to 1, however small $\epsilon$.

# %%
from nearopt.descent import extrapolated


# %%
def as_the_deviation_vanishes(ratios, allowed=1e-4):
    limit, change = extrapolated(ratios)
    error = np.abs(limit - 1).max()
    return {"measured": error, "expected": 0, "tolerance": change.max() + allowed}


# %%
for name, key in keys.items():
    both = zip(descents[name], flows[name], strict=True)
    ratios = [np.hstack([c.measured / c.predicted for c in curves]) for curves in both]
    statement = f"{key}: loss over prediction less 1, worst point, as the deviation vanishes"
    print(results.verdict("C1", statement, **as_the_deviation_vanishes(ratios)).passed)

# %% [markdown]
# ## How the agreement fails
#
# First with the deviation: in proportion to it, while it is small. The same direction, at deviations that double:


# %%
def error_at(name, size, steps, share=0.5):
    pair = Comparison.near(teachers[name], ranks[name], size * direction)
    return pair.descend(steps, 2 * share * pair.rate).differences.max()


# %%
epsilons = epsilon / 2.0 ** np.arange(5)
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
# On the right the rate nears $\eta_c$. The steepest direction then hardly decays, it flips its
# sign at each step, and a small change of curvature on the way, of the order of $\epsilon$, is enough to
# spoil its factor. Above $\eta_c$ that direction grows, and there is no agreement to be had: the student leaves
# the neighbourhood of its teacher, and descent says so. It names $\eta_c$, which it found without the matrix,
# from differences of the gradient.

# %%
from nearopt.descent import DivergenceError, critical_rate

# %%
try:
    error_at("$u + u^2$", epsilon, 1000, share=1.5)
except DivergenceError as error:
    print(str(error).split(":")[0])

# %%
pair = pairs["$u + u^2$"]
numbers = {"measured": critical_rate(pair.teacher) * pair.values[-1], "expected": 2}

# %%
statement = "critical rate, from gradients alone, times the largest eigenvalue"
results.verdict("C1", statement, **numbers, tolerance=1e-5).passed

# %% [markdown]
# ## The smallest eigenvalue decides the end
#
# Late in the flow only the slowest mode is left, and $-\tfrac12\, d\ln L/dt$ is its eigenvalue, the smallest that is not zero.
# It is measured between $t = 3/\lambda$ and $4/\lambda$, on small networks whose other modes are then below a hundredth of the slope, and
# whose loss is above the floor of $10^{-11}$; teachers whose smallest eigenvalue is tinier never reach their end in floating point.


# %%
def start_near(name):
    while True:
        teacher = TwoLayer.draw(2, 2, activation=activations[name], rng=rng)
        move = epsilon * rng.standard_normal(teacher.parameter_count)
        pair = Comparison.near(teacher, small_ranks[name], move)
        if pair.reaches_its_end:
            return pair


# %%
small_ranks = {name: rank_of(name, 2, 2) for name in ("$u + u^2$", "erf")}

# %%
starts = {name: [start_near(name) for _ in range(slope_teachers)] for name in small_ranks}

# %%
rates = {
    name: [[pair.closer(share).late_rate() for pair in many] for share in shares]
    for name, many in starts.items()
}

# %%
found = {n: np.array([[p.values[0] for p in starts[n]], rates[n][0]]) for n in starts}
results.figure("late", figures_descent.late_slopes(found))

# %%
ratios = np.hstack([rates[name] / found[name][0] for name in found])
results.value("late_teachers", ratios.shape[1], "teachers that reached their end")
results.value("late_worst", np.abs(ratios[0] - 1).max(), "late rate over eigenvalue less 1, worst")

# %% [markdown]
# As the deviation vanishes, the late rate must be the eigenvalue, up to the hundredth that the other modes may add.

# %%
statement = (
    "late rate over smallest nonzero eigenvalue less 1, worst teacher, as the deviation vanishes"
)
results.verdict("C2", statement, **as_the_deviation_vanishes(ratios, allowed=0.01)).passed

# %% [markdown]
# ## What flat directions do
#
# Where $g$ loses rank, the loss goes to zero and the parameters do not return: what lies in the null space of
# the Hessian stays. For erf there is no flat direction. All of the deviation returns, each part of it at the speed of its
# eigenvalue.

# %%
figure = figures_descent.distances(
    flow, {n: (grid, pair.predict_distance(grid)) for n, pair in pairs.items()}
)
results.figure("distances", figure)

# %% [markdown]
# Crosses: real flow. Lines: the prediction, which must be right as the deviation vanishes, like that of the loss.

# %%
for name, key in keys.items():
    both = zip(flows[name], runs[name], strict=True)
    ratios = [curve.distance / one.predict_distance(curve.steps) for curve, one in both]
    statement = f"{key}: distance over prediction less 1, worst point, as the deviation vanishes"
    print(results.verdict("C2", statement, **as_the_deviation_vanishes(ratios)).passed)

# %% [markdown]
# The distance at the last cross, as a share of that at the start:

# %%
left = {name: curve.distance[-1] / curve.distance[0] for name, curve in flow.items()}

# %%
results.value("left_linear", left["$u$"], "share of the distance that stays, linear")
results.value("left_erf", left["erf"], "share of the distance that is left at the end, erf")

# %%
{name: round(float(share), 2) for name, share in left.items()}

# %% [markdown]
# ## Each teacher falls exponentially, their average like a power
#
# For linear $g$ the mean over teachers is known exactly at any size. Teachers with a small $|W_2|^2$ are rare but slow,
# and they outlive the rest: the mean falls like $t^{-(N_h/2 + 1)}$ if $N_i > N_h$, and for $N_h \ge N_i$
# the smallest eigenvalue of $W_1^\top W_1$ is near zero as well and adds $(N_h - N_i + 1)/2$ to the exponent.
# Here many real students descend, each with a teacher of its own.

# %%
from nearopt.descent import (
    asymptotic_linear_expected_loss,
    descend_linear_students,
    late_exponent,
    linear_expected_loss,
)

# %%
shapes = {"wide": (4, 2), "tall": (2, 3)}

# %%
steps = np.geomspace(10, 800, 14).round()
run = {"rate": 0.01, "steps": steps, "epsilon": epsilon / 100, "rng": rng}
draws = {s: descend_linear_students(*s, mean_teachers, **run) for s in shapes.values()}

# %% [markdown]
# The later, the fewer teachers make the mean. We look as long as they are two hundred or more, counted as
# $(\sum L)^2 / \sum L^2$ (Kish's effective number).

# %%
times, averages = run["rate"] * steps, {}
for s, losses in draws.items():
    enough = losses.sum(0) ** 2 >= 200 * (losses**2).sum(0)
    averages[s] = times[enough], losses[:, enough] / run["epsilon"] ** 2

# %%
results.figure("average", figures_descent.teacher_averages(averages))

# %% [markdown]
# Grey: twelve single teachers. Points: the mean of all, with two standard errors. The law of large networks (orange)
# is off for $N_h > N_i$, for it does not know how near zero the smallest eigenvalue of a small matrix can come. The measured
# mean must be the exact one at all points, up to five standard errors, which chance exceeds in less than one of
# a thousand runs (in simulations: the tail is heavier than Student's), and to the step size: $(1 - \eta\lambda)^{2t/\eta}$ is
# $e^{-2\lambda t}(1 - \eta\lambda^2 t)$ to first order in $\eta$, which takes $\eta t L''/4$ from the mean of the flow.


# %%
def exact_mean(times, shape):
    around = [linear_expected_loss(share * times, *shape) for share in (0.99, 1, 1.01)]
    curvature = np.diff(around, 2, axis=0)[0] / (0.01 * times) ** 2
    slowing = run["rate"] * times * curvature / 4 / around[1]
    return around[1] * (1 - slowing), slowing**2


# %%
for s, (t, losses) in averages.items():
    exact, second_order = exact_mean(t, s)
    error = losses.std(0) / exact / np.sqrt(mean_teachers)
    scores = (np.abs(losses.mean(0) / exact - 1) - second_order) / error
    statement = f"mean over linear teachers of shape {s[0]}, {s[1]}, worst, in standard errors"
    numbers = {"measured": scores.max(), "expected": 0, "tolerance": 5}
    print(results.verdict("C2", statement, **numbers).passed)


# %%
def exponent(losses, times):
    return np.log(losses[-1] / losses[0]) / np.log(times[-1] / times[0])


# %%
for key, s in shapes.items():
    (t, losses), ends = averages[s], averages[s][0][[0, -1]]
    results.value(f"exponent_{key}", exponent(losses.mean(0), t), "of the measured mean")
    results.value(f"expected_{key}", exponent(linear_expected_loss(ends, *s), ends), "of the exact")

# %%
end = averages[shapes["tall"]][0][-1:]
means = [mean(end, 2, 3)[0] for mean in (asymptotic_linear_expected_loss, linear_expected_loss)]
results.value("large_networks", means[0] / means[1], "their mean over the exact one, last point")

# %% [markdown]
# Over these times the exponent is still on its way. The exact mean shows where to:

# %%
end = np.array([1e6, 1e7])

# %%
late = {key: exponent(linear_expected_loss(end, *s), end) for key, s in shapes.items()}
for key, s in shapes.items():
    results.value(f"late_{key}", late[key], "exponent of the exact mean, late")
    results.value(f"limit_{key}", late_exponent(*s), "its limit")

# %%
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

# %% [markdown]
# The student moves as the batch's Hessian $Q \Lambda Q^\top$ says, and the loss of where it is, is
# the population's:


# %%
def predict(pair, batch, times):
    values, Q = np.linalg.eigh(batch_hessian(pair.teacher, batch))
    there = np.exp(-np.outer(times, values)) * (Q.T @ pair.deviation) @ Q.T
    return ((there @ population_hessian(pair.teacher)) * there).sum(1) / 2


# %%
def learn(pair, batch, times):
    gradient, hessian = partial(batch_gradient, inputs=batch), partial(batch_hessian, inputs=batch)
    path = gradient_flow(pair.student, pair.teacher, times, gradient=gradient, hessian=hessian)
    return path.measure(near_loss)[1:]


# %%
steps = np.geomspace(1, 1e6, 19)

# %%
learned, predicted = {}, {}
for n, batch in inputs.items():
    times = steps / np.linalg.eigvalsh(batch_hessian(cubic.teacher, batch))[-1]
    learned[n] = [learn(one, batch, times) for one in runs["$u^3$"]]
    predicted[n] = [predict(one, batch, times) for one in runs["$u^3$"]]

# %%
start = cubic.predict([0.0])
both = ({f"$N = {n}$": c[0] / start for n, c in curves.items()} for curves in (learned, predicted))
results.figure("batches", figures_descent.batches(steps, *both))

# %% [markdown]
# Points: real flow. Lines: the prediction. Where inputs are fewer than the rank, a part of the loss stays for ever; on the
# way, other parts of the deviation may cancel it for a while. From $N = $ rank on nothing stays, though the slowest
# mode of the batch may outlast the figure.

# %%
for n in inputs:
    kept = predicted[n][0] > 1e-11 * start
    ratios = np.divide(learned[n], predicted[n])[:, kept]
    statement = f"loss over prediction less 1, {n} inputs, worst point, as the deviation vanishes"
    print(results.verdict("C1", statement, **as_the_deviation_vanishes(ratios)).passed)

# %%
few = rank // 2

# %%
results.value("rank", rank, "rank of the cubic Hessian")
results.value("batch_few", few, "inputs in the smallest batch")

# %%
results.value("batch_end", learned[few][0][-1] / start[0], "its population loss, late / start")
results.value("batch_floor", predicted[few][0][-1] / start[0], "the same, predicted")

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
# - **Linear:** only $N_i$ eigenvalues count, and in networks much wider than $N_i$ they are nearly equal, which
#   makes descent fast.
# - **Polynomial:** more eigenvalues, spread over more decades, until the rank stops growing with the width; from
#   there on they draw together too.
# - **erf:** each parameter adds an eigenvalue, and most of them are tiny. The loss first falls fast and then ever more
#   slowly, and never stops for lack of directions.
#
# These are observations: no theory says how many steps the median teacher needs, so there is no verdict. From the smallest
# width to the largest, descent has become:

# %%
slower = {name: np.median(many[-1]) / np.median(many[0]) for name, many in needed.items()}
results.value("speed_linear", slower["$u$"], "steps at the largest over the smallest width, linear")
results.value("speed_erf", slower["erf"], "steps at the largest over the smallest width, erf")

# %%
{name: "slower" if number > 1 else "not slower" for name, number in slower.items()}

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
