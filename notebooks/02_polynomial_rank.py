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
# # The rank of a polynomial network's Hessian can be counted exactly, and it is the number of samples that a student needs
#
# **The question.** A network has $P$ parameters. How many does it really have, as seen by the loss near its optimum? And is that number of any use?
#
# **A surprise first.** Five units of $g(u) = u^2$ on three inputs have 20 parameters and a Hessian of rank 6, the number of squares and products of
# the inputs. From 6 noiseless samples a student near its teacher learns the function to rounding, fitting all of the 20; from 5 it does not.
#
# **What you will see.** Ranks counted in exact integers for every width, held against theorems. A count of dimensions gives almost all of them; every
# exception in a large scan is listed, with its cause. Then students that learn from exactly as many samples as the rank.
#
# **What you will learn.** Why only the degrees of a polynomial matter; how an old question decides the rank, of polynomials that are zero at given
# points together with their gradients; and why one does not count ranks in floating point.
#
# **What you need.** Polynomials in several variables, and the rank of a matrix. Half a minute to run. Verdicts carry the label C5 of README's claim
# on the paper ([arXiv:2512.15606](https://arxiv.org/abs/2512.15606)), that this rank is an effective number of parameters.
#
# | symbol | meaning |
# |---|---|
# | $N_i, N_h$ | inputs and hidden units; $P = N_h (N_i + 1)$ parameters |
# | $a_k, w_k$ | outgoing weight and row of incoming weights of unit $k$ |
# | $S, D_S$ | degrees that $g$ has, and the number $\sum_{d\in S}\binom{N_i+d-1}{d}$ of monomials in $x$ that have them |
# | $N$ | samples |
#
# ## Setting
#
# Teacher and student are $y = \sum_k a_k\, g(w_k^\top x)$ with $x \sim \mathcal N(0, I)$, and $g(u) = \sum_{d \in S} c_d u^d$, no $c_d$ zero. The
# gradient of the network with respect to its parameters is a list of $P$ polynomials in $x$. The Hessian $H = \mathbb E[J^\top J]$ is their Gram
# matrix, so its rank is the number of them that are linearly independent.
#
# ## Parameters
#
# Sizes of the maps, of the scan, of the networks whose spectra are drawn, and of the students.

# %% tags=["parameters"]
max_input_dim: int = 6  # Largest number of inputs in the maps of the rank, 2 to 20.
max_hidden_dim: int = 20  # Largest number of hidden units in the maps of the rank, 2 to 200.
scan_degree: int = 4  # Highest degree in the scan for exceptions, 3 to 8.
scan_input_dim: int = 4  # Largest number of inputs in the scan for exceptions, 3 to 6.
scan_output_dim: int = 5  # Largest number of outputs in the scan for exceptions, 1 to 10.
spectrum_input_dim: int = 6  # Inputs of the networks whose spectra are drawn, 2 to 30.
spectrum_hidden_dim: int = 10  # Hidden units of the networks whose spectra are drawn, 2 to 100.
sigma1: float = 0.4  # Standard deviation of the first layer's weights of these networks; that of the second layer is one, 0.03 to 30.
teachers: int = 200  # Teachers drawn for each spectrum, 2 to 100000.
student_input_dim: int = 3  # Inputs of the students that learn from batches, 2 to 10.
student_hidden_dim: int = 5  # Hidden units of the students that learn from batches, 2 to 20.
students: int = 5  # Students for each activation and size of the batch, 5 to 1000.
distance: float = 0.001  # Standard deviation of a student's parameters from its teacher's at the start, 0.0001 to 0.001.
seed: int = 20251218  # Seed of the random numbers, 0 or more.
results_dir: str = ""  # Folder to write results to; empty for none.

# %% tags=["hide-input"]
from nearopt.report import Results

results = Results("02_polynomial_rank", globals(), results_dir)

# %% tags=["hide-input"]
import numpy as np

from nearopt import Polynomial, TwoLayer
from nearopt.figures import rank as figures
from nearopt.hessian import population_hessian, quadratic_null_vectors, spectrum
from nearopt.laws import FiniteLinearHessianLaw
from nearopt.rank import exact_rank, numerical_rank, tabulate_ranks, theoretical_rank
from nearopt.report import style

style.use()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## A rank by hand
#
# The smallest case: $g(u) = u^2$, two inputs, so the monomials are $x_1^2$, $x_1 x_2$ and $x_2^2$. The gradient of one unit,
# $a (w_1 x_1 + w_2 x_2)^2$, is three polynomials, whose coefficients one can write down.


# %%
def gradient(a, w1, w2):
    by_a = [w1**2, 2 * w1 * w2, w2**2]
    by_w1, by_w2 = [2 * a * w1, 2 * a * w2, 0], [0, 2 * a * w1, 2 * a * w2]
    return [by_a, by_w1, by_w2]


# %%
two_units = np.array(gradient(1, 2, -1) + gradient(3, 1, 4))
two_units

# %% [markdown]
# Six parameters, six rows. The first unit alone has rank 2 of 3, as scaling $w$ equals scaling $a$:
# $w_1 \partial_{w_1} + w_2 \partial_{w_2} = 2 a \partial_a$. Both together have rank 3: there are no more monomials.

# %%
[int(np.linalg.matrix_rank(rows)) for rows in (two_units[:3], two_units)]

# %% [markdown]
# **Change this and predict.** Add a third unit, three more rows. And what if the second unit is parallel to the first?

# %% tags=["hide-cell"]
# Still 3, with nine parameters. Parallel units span the same two polynomials: 2.
three_units, parallel = [*two_units, *gradient(1, 1, 1)], gradient(1, 2, -1) + gradient(3, 4, -2)
[int(np.linalg.matrix_rank(rows)) for rows in (three_units, parallel)]

# %% [markdown]
# ## Why only the degrees matter
#
# Let $x^\alpha = \prod_i x_i^{\alpha_i}$, $|\alpha| = \sum_i \alpha_i$ and $\alpha! = \prod_i \alpha_i!$. The coefficient of $x^\alpha$ in
# $g(w^\top x)$ is $c_d\, d!/\alpha!\; w^\alpha$ with $d = |\alpha|$, and those of its derivatives with respect to $w$ have the same factor in front
# of $\partial_i w^\alpha$. Dividing each column by its factor changes no rank. What is left are the numbers $w_k^\alpha$ and $\partial_i w_k^\alpha$:
# values and slopes of monomials at the points $w_k$. In the kernel are the polynomials that *vanish doubly*, in value and slope, at all $w_k$. So
#
# $$\operatorname{rank} H = D_S - \dim\{f \text{ with degrees in } S:\; f(w_k) = 0,\ \nabla f(w_k) = 0 \text{ for all } k\},$$
#
# for every teacher without a zero in $a$. The rank is at most $P$ and at most $D_S$. How much smaller it is, is the old question of how many
# conditions such double points impose on polynomials.
#
# ## Counting
#
# By machine: integers for the weights and the inputs, a Jacobian of integers, and its rank modulo a prime. That is never above the *generic* rank,
# which almost all teachers have. If it meets a bound from above that is a theorem, the generic rank is proved.

# %%
quadratic = Polynomial.of_degrees(frozenset({2}))
rank = exact_rank(quadratic, 5, 3, rng=rng)
rank.value, rank.parameters, rank.proved

# %% [markdown]
# The rank, the number of parameters, and whether the rank is proved. The reasons, from below and from above. Of the polynomials of degree 1 there are
# two dimensions that vanish at all three $w_k$. A product of two such polynomials vanishes doubly: it is one of the $f$. All products span three
# dimensions, so the rank is at most $15 - 3$:

# %%
rank.lower.reason, rank.upper.reason

# %% [markdown]
# Theory, by itself, gives the same number and says where it has it from. A form is a polynomial whose terms all have the same degree.

# %%
theory = theoretical_rank(quadratic, 5, 3)
theory.value, theory.method

# %% [markdown]
# ## Maps
#
# Six activations over the plane of inputs and units.

# %%
choices = [frozenset(S) for S in ({1}, {2}, {1, 2}, {3}, {4}, {1, 3, 5})]
ranks = tabulate_ranks(choices, max_input_dim, max_hidden_dim, rng=rng)
mismatches = int((ranks["rank"] != ranks.theory).sum())

# %% tags=["hide-input"]
results.figure("maps", figures.rank_maps(ranks))

# %% [markdown]
# Below the dashed line each unit adds as much as the first one did. Above it units share what they can describe. Above the full line they add
# nothing: the rank is $D_S$. Where the full line is the lower one, shares of full size add up to $D_S$. Colours are counted, lines are theory.
#
# The same at the largest input size: points are counted, lines are theory, the thinner on top where two coincide. A monomial $g$ never uses more
# than $N_i/(N_i+1)$ of $P$, as scaling $w$ equals scaling $a$.

# %% tags=["hide-input"]
results.figure("compression", figures.compression_curves(ranks))

# %% [markdown]
# **Predict.** Five inputs, $S = \{1, 2\}$, so $D_S = 5 + 15 = 20$. At which width does the rank stop growing? Not at 4, though a unit has 6 parameters.

# %% tags=["hide-cell"]
# At five, as many as inputs: each unit brings one direction less than the one before it.
g = Polynomial.of_degrees(frozenset({1, 2}))
[theoretical_rank(g, 5, width).value for width in range(1, 7)]

# %% tags=["hide-input"]
results.value("map_networks", len(ranks), "networks in the maps")
results.value("map_mismatches", mismatches, "networks in the maps whose rank is not theory's")
statement = f"networks, of {len(ranks)}, whose exact rank is not the theory's"
results.verdict("C5", statement, measured=mismatches, expected=0, tolerance=0)
results.settled()

# %% [markdown]
# ## Where counting dimensions fails
#
# Let $m$ be the highest degree and $S'$ the others. Dimensions alone suggest the least of $P$, of $D_S$ and of $D_{S'} + N_i N_h$: put the $D_{S'}$
# columns of $S'$ aside, and in degree $m$ alone a unit loses its scale and adds at most $N_i$. All three are upper bounds. With $N_o$ outputs and
# outgoing weights $a_{ok}$ they are $P = N_h(N_i + N_o)$, $N_o D_S$ and $N_o D_{S'} + N_h(N_i + N_o - 1)$. For $N_o = 1$ and $m < 3$ the rank is
# smaller in whole families (with closed forms, used in the maps); else the count rarely fails. To see where, scan all networks of
# one output with degrees from 0 to `scan_degree`, one to `scan_input_dim` inputs and every width until the rank stops growing; and those of two to
# `scan_output_dim` outputs that have one degree or two.

# %%
from itertools import chain

from nearopt.rank import scan_cases, scan_ranks

# %%
one = scan_cases(scan_degree, scan_input_dim, 1, max_terms=scan_degree + 1)
several = range(2, scan_output_dim + 1)
more = [scan_cases(scan_degree, scan_input_dim, count, max_terms=2) for count in several]
scan = scan_ranks(chain(one, *more), rng=rng)
len(scan)

# %% [markdown]
# The complete list of exceptions in this range, those of one size and cause on a line; "missing" is the count of dimensions less the rank, and the
# causes are explained below. Then the number of exceptions of each cause:

# %% tags=["hide-input"]
defects = scan[scan["rank"] < scan.dimension_count].drop(columns="proved")
sizes = ["outputs", "inputs", "units"]
words = {"at the origin": "origin", "Segre": "quadrics", "products": "products", "points": "cubic"}
listed = defects.assign(missing=defects.dimension_count - defects["rank"])
listed["cause"] = [next(words[key] for key in words if key in why) for why in defects.reason]
listed["degrees"] = "{" + defects.degrees.str.replace(" ", ", ") + "}"
groups = listed.groupby([*sizes, "missing", "cause"]).degrees.agg("  ".join).reset_index()
print(groups.to_string(index=False))

# %%
listed.cause.value_counts().to_dict()

# %% [markdown]
# **Products.** If $p$ with degrees in $T$ and $q$ with degrees in $U$ vanish at all $w_k$, then $pq$ vanishes doubly there. If $T + U \subset S$ it
# is one of the polynomials $f$ above. There are at least $D_T - N_h$ dimensions of such $p$, and $D_U - N_h$ of such $q$, so the $pq$ span at least
# the sum of both less one. For $S = \{2, 4\}$, $N_i = 3$, $N_h = 5$: one quadratic form vanishes at the five points, two polynomials with degrees 0
# and 2 do, and their products are two dimensions, so the rank is $21 - 2 = 19$ of 20 parameters.
#
# **Cubic.** The exception of Alexander and Hirschowitz, $S = \{3\}$, $(N_i, N_h) = (5, 7)$: seven points in four-dimensional projective space lie on
# a curve whose secants fill a cubic that is singular along it. Polynomials in four variables with the degrees $\{0, 1, 2, 3\}$ are the cubics in
# five, so it shows at $N_i = 4$; and for $\{2, 3\}$ at six units, with a seventh at the origin.
#
# **Quadrics and origin.** With several outputs, $f$ is one polynomial $f_o$ for each, such that $f_o(w_k) = 0$ and
# $\sum_o a_{ok} \nabla f_o(w_k) = 0$ at all $w_k$. For quadrics, exceptions are known (Segre-Veronese) at three and at five outputs, with a constant or
# without. That of five, with one unit put at the origin, causes one more: $S = \{1, 2\}$, four outputs, three inputs and five units, of rank 34 and
# not 35. The manuscript has the proof. Every rank of the scan is met by a bound, so each is proved, not only likely. Not proved are:

# %%
unproved = int((~scan.proved).sum())
unproved

# %% tags=["hide-input"]
results.table("defects", defects)
results.table("exceptions", groups)
results.value("scan_networks", len(scan), "networks in the scan")
results.value("scan_defects", len(defects), "networks whose rank is below the count of dimensions")
results.value("scan_unproved", unproved, "networks of the scan whose rank is not proved")
statement = f"ranks, of {len(scan)} in the scan, that are not proved"
results.verdict("C5", statement, measured=unproved, expected=0, tolerance=0)
results.settled()

# %% [markdown]
# ## The null space of a quadratic network
#
# Where the rank is smaller than $P$, directions $v$ in parameter space change nothing: $Jv = 0$. A monomial has the scale of each unit,
# $(a_k, w_k) \to (a_k s^{-m}, s\, w_k)$, so $v = (-m a_k, w_k)$. For $g(u) = u^2$ there are rotations as well: the network is
# $x^\top W_1^\top \mathrm{diag}(a) W_1 x$, and a map of the rows of $W_1$ that keeps $\mathrm{diag}(a)$ leaves it alone. For a pair of units its
# generator is $\delta w_k = a_l w_l$, $\delta w_l = -a_k w_k$.

# %%
teacher = TwoLayer.draw(5, 4, activation=quadratic, rng=rng)
null = quadratic_null_vectors(teacher)

# %% [markdown]
# They are $N_h + N_h(N_h-1)/2$ directions, the Hessian maps them to zero, and for $N_h \le N_i$ there are no others: together with the rank they make
# up all the parameters.

# %%
H = population_hessian(teacher)
residue = np.abs(H @ null.T).max() / np.abs(H).max() / np.abs(null).max()
independent = int(np.linalg.matrix_rank(null))
rest = exact_rank(quadratic, 5, 4, rng=rng).value
bool(residue < 1e-13), independent, independent + rest == teacher.parameter_count

# %% tags=["hide-input"]
statement = "parameters of a quadratic network that are neither in its rank nor scales or rotations"
measured = teacher.parameter_count - independent - rest
results.verdict("C5", statement, measured=measured, expected=0, tolerance=0)
results.settled()

# %% [markdown]
# ## Where floating point fails
#
# The usual rank counts the eigenvalues above rounding. At degree 9 the smallest eigenvalues are not zero, yet far below that. The exact rank, whether
# it is proved, and that in floats:

# %%
odd = Polynomial.of_degrees(frozenset({1, 3, 5, 7, 9}))
teacher = TwoLayer.draw(2, 12, activation=odd, rng=rng)
exact = exact_rank(odd, 2, 12, rng=rng)
numerical = numerical_rank(teacher)
exact.value, exact.proved, numerical.value

# %% tags=["hide-input"]
results.value("odd_parameters", exact.parameters, "parameters of an odd network of degree 9")
results.value("exact_rank", exact.value, "its exact rank")
results.value("float_rank", numerical.value, "its rank in floating point")

# %% [markdown]
# Better than that count: $H = \Phi \Phi^\top$, where $\Phi$ holds the coefficients of the gradient in Hermite polynomials. Its singular values are
# the square roots of the eigenvalues, so floats reach twice as far down.

# %%
from_factor = spectrum(teacher)[::-1]
from_hessian = np.linalg.eigvalsh(population_hessian(teacher))[::-1]

# %% tags=["hide-input"]
results.figure("floats", figures.float_floor(from_hessian, from_factor, exact.value))

# %% [markdown]
# The factor follows the eigenvalues to the last. That it ends at 30 proves nothing, as only $D_S = 30$ columns of $\Phi$ are not zero; the exact
# count does. Where the Hessian's own level off they are rounding, of either sign: sorted, the negative ones come last, and their sizes rise.
#
# ## Spectra
#
# What sizes do the nonzero eigenvalues have? The population Hessian of many teachers, averaged (points, one standard error over teachers), and of one
# of them (ticks), beside the law of the linear network of the same size (line).

# %%
sizes = (spectrum_input_dim, spectrum_hidden_dim)
spectra = {}
for degrees in [frozenset(S) for S in ({1}, {2}, {3}, {1, 3})]:
    g = Polynomial.of_degrees(degrees)
    drawn = [TwoLayer.draw(*sizes, activation=g, sigma1=sigma1, rng=rng) for _ in range(teachers)]
    values = np.array([spectrum(net)[::-1] for net in drawn])
    spectra[degrees] = values[:, : exact_rank(g, *sizes, rng=rng).value]
law = FiniteLinearHessianLaw(*sizes, sigma1=sigma1)

# %% tags=["hide-input"]
results.figure("spectra", figures.log_spectra(spectra, law))

# %% [markdown]
# The eigenvalues spread further at higher degree (and rank): that a direction counts towards the rank does not mean that it matters much, and the
# smallest eigenvalues decide late learning. From the largest to the smallest, the median teacher has this many decades ("mixed" is $u + u^3$):

# %%
medians = [np.median(np.log10(v[:, 0] / v[:, -1])) for v in spectra.values()]
spread = dict(zip(("linear", "quadratic", "cubic", "mixed"), medians, strict=True))
{name: round(float(decades), 1) for name, decades in spread.items()}

# %% tags=["hide-input"]
for name, decades in spread.items():
    description = "median over teachers of the decades between largest and smallest eigenvalue"
    results.value(f"decades_{name}", decades, description)

# %% [markdown]
# ## The effective number of parameters
#
# The Hessian of a batch of $N$ inputs is a sum of $N$ terms of rank one, so its rank is at most $N$, and at most that of the population. Counted for
# every $N$, it is the smaller of the two.

# %%
from nearopt.rank import exact_batch_ranks, relative_errors

# %%
shape = (student_input_dim, student_hidden_dim)
learned = [frozenset(S) for S in ({2}, {1, 2}, {1, 3})]
batch = {S: exact_batch_ranks(Polynomial.of_degrees(S), *shape, rng=rng) for S in learned}
population = {S: exact_rank(Polynomial.of_degrees(S), *shape, rng=rng).value for S in learned}
samples = np.arange(1, student_hidden_dim * (student_input_dim + 1) + 1)
dict(zip(("u²", "u + u²", "u + u³"), population.values(), strict=True)), len(samples)

# %%
wrong = sum(int((batch[S] != np.minimum(samples, population[S])).sum()) for S in learned)
wrong

# %% [markdown]
# Now let students learn from batches of every size. Each parameter of a student is its teacher's plus a normal number of standard deviation
# `distance`, here 0.001; inputs are standard normal. Gauss-Newton steps of least norm (exact Jacobian) fit the student to the batch, and its
# squared error on 1000 new inputs is divided by that before the fit.

# %%
errors = {}
for degrees in learned:
    g = Polynomial.of_degrees(degrees)
    drawn = [TwoLayer.draw(*shape, activation=g, rng=rng) for _ in range(students)]
    errors[degrees] = np.array([relative_errors(t, distance, samples, rng=rng) for t in drawn])

# %% tags=["hide-input"]
results.figure("samples", figures.sample_curves(batch, errors, population))

# %% [markdown]
# From $N = \operatorname{rank} H$ samples on, the student has the teacher's function to rounding, even where its $P$ parameters are more than the
# samples. In the stored run this last sample takes the median error from above $10^{-6}$ to below $10^{-20}$. Near the teacher the functions form a
# surface of dimension $\operatorname{rank} H$, so that many samples fix one: from there on the error is rounding. By chance a batch may be almost
# singular and amplify rounding, or a start almost right; neither happens to half of the students at once, so it is their median error that must
# be rounding from the rank on, and not before:

# %%
recovered = {S: np.median(errors[S], axis=0) < 1e-12 for S in learned}
exceptions = sum(int((recovered[S] != (samples >= population[S])).sum()) for S in learned)

# %% [markdown]
# **Change this and predict.** The same shape with $g(u) = u^4$. What is the rank?

# %% tags=["hide-cell"]
# 14, at three inputs and five units: 15 monomials, 5 x 3 directions, and yet one is missing, the
# square of the conic through five points, which vanishes doubly at each (Clebsch).
theoretical_rank(Polynomial.of_degrees(frozenset({4})), *shape).value

# %% tags=["hide-input"]
results.value("fits", len(learned) * students * len(samples), "students that were fitted")
results.value("student_parameters", len(samples), "parameters of each student")
statement = "batches whose rank is not the least of N and the rank"
results.verdict("C5", statement, measured=wrong, expected=0, tolerance=0)
statement = "batch sizes below the rank where the median student learns, or above where it does not"
results.verdict("C5", statement, measured=exceptions, expected=0, tolerance=0)
results.save()
results.settled()

# %% [markdown]
# ## Limits
#
# - The ranks are those of generic teachers. Special ones (a zero in $a$, weights that are proportional, points on a curve) can have
#   less, never more.
# - The closed forms and the upper bounds are theorems, and in the scan the least of them is always the rank. That no rank beyond
#   the scan is below that least is only a conjecture; each single case can be proved by a count.
# - A student far from its teacher may stop elsewhere; recovery is shown near the teacher and without noise.
