"""What a user would pick instead: each tool as its documentation has it, on the same batch.

Each function takes a `Case`, prepares, and returns the call that is timed. A tool is imported by
the one function that needs it, in a process of its own. All compute the Hessian of
sum_n (y_n - y*_n)^2 / (2 N) at y = y*, in the parameter order of `TwoLayer.parameters`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cases import Array, Case

Call = Callable[[], Array]

ROWS = 2000  # samples of a Jacobian that are formed at once
TANGENTS = 10  # rows of a Hessian that are formed at once


def _torch_weights(case: Case, vector: Array) -> tuple[Any, Any]:
    """Return a vector of parameters as the tensors (W2, W1)."""
    import torch

    W2, W1 = np.split(vector, [case.hidden_dim])
    return (
        torch.tensor(W2.reshape(1, -1)),
        torch.tensor(W1.reshape(case.hidden_dim, case.input_dim)),
    )


def _torch_problem(case: Case) -> tuple[Callable[..., Any], Callable[..., Any], Any, Any]:
    """Return the network, its loss on the batch, its weights and the tangent."""
    import torch

    def network(weights: Any, inputs: Any) -> Any:
        W2, W1 = weights
        return torch.erf(inputs @ W1.T / math.sqrt(2)) @ W2.T

    weights = _torch_weights(case, case.net.parameters)
    inputs = torch.tensor(case.inputs)
    targets = network(weights, inputs)

    def loss(weights: Any) -> Any:
        return ((network(weights, inputs) - targets) ** 2).mean() / 2

    return network, loss, weights, _torch_weights(case, case.vector)


def _flat(tensors: Any) -> Array:
    """Return (W2, W1) of any tool as one array (P,)."""
    return np.concatenate([np.asarray(tensor, dtype=float).ravel() for tensor in tensors])


def torch_func(case: Case) -> Call:
    """Return torch.func's forward-over-reverse product."""
    from torch.func import grad, jvp

    _, loss, weights, tangent = _torch_problem(case)
    return lambda: _flat(jvp(grad(loss), (weights,), (tangent,))[1])


def torch_double_backward(case: Case) -> Call:
    """Return the product by differentiating a gradient, whose graph is built once."""
    import torch

    _, loss, weights, tangent = _torch_problem(case)
    weights = [weight.requires_grad_() for weight in weights]
    gradient = torch.autograd.grad(loss(weights), weights, create_graph=True)
    return lambda: _flat(torch.autograd.grad(gradient, weights, tangent, retain_graph=True))


def torch_hessian(case: Case) -> Call:
    """Return torch.func's Hessian: its forward-over-reverse products with the identity."""
    import torch
    from torch.func import grad, jvp, vmap

    _, loss, weights, _ = _torch_problem(case)
    shapes = [weight.shape for weight in weights]
    sizes = [weight.numel() for weight in weights]

    def row(tangent: Any) -> Any:
        parts = zip(tangent.split(sizes), shapes, strict=True)
        product = jvp(grad(loss), (weights,), (tuple(p.view(s) for p, s in parts),))[1]
        return torch.cat([part.flatten() for part in product])

    identity = torch.eye(sum(sizes), dtype=torch.float64)
    return lambda: vmap(row, chunk_size=TANGENTS)(identity).numpy()


def torch_jacobian(case: Case) -> Call:
    """Return J^T J / N, the Jacobian of each sample by torch.func."""
    import torch
    from torch.func import grad, vmap

    network, _, weights, _ = _torch_problem(case)
    inputs = torch.tensor(case.inputs)
    rows = vmap(grad(lambda weights, x: network(weights, x)[0]), (None, 0))

    def run() -> Array:
        hessian = torch.zeros(2 * (case.parameter_count,), dtype=torch.float64)
        for chunk in inputs.split(ROWS):
            jacobian = torch.cat([part.flatten(1) for part in rows(weights, chunk)], 1)
            hessian.addmm_(jacobian.T, jacobian)
        return (hessian / case.samples).numpy()

    return run


def _module(case: Case) -> tuple[Any, Any, Any]:
    """Return the network as a torch module, with the batch's inputs and targets."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            W2, W1 = _torch_weights(case, case.net.parameters)
            self.W2, self.W1 = torch.nn.Parameter(W2), torch.nn.Parameter(W1)

        def forward(self, inputs: Any) -> Any:
            return torch.erf(inputs @ self.W1.T / math.sqrt(2)) @ self.W2.T

    model, inputs = Network(), torch.tensor(case.inputs)
    return model, inputs, model(inputs).detach()


def pyhessian(case: Case) -> Call:
    """Return PyHessian's product."""
    from pyhessian import hessian
    from pyhessian.utils import hessian_vector_product

    model, *batch = _module(case)
    tool = hessian(model, lambda y, t: ((y - t) ** 2).mean() / 2, data=tuple(batch), cuda=False)
    tangent = _torch_weights(case, case.vector)
    return lambda: _flat(hessian_vector_product(tool.gradsH, tool.params, tangent))


def _curvlinops_operator(case: Case) -> Any:
    """Return curvlinops' Gauss-Newton operator of twice the loss."""
    import torch
    from curvlinops import GGNLinearOperator

    model, *batch = _module(case)
    weights = list(model.parameters())
    loss = torch.nn.MSELoss()
    return GGNLinearOperator(model, loss, weights, [tuple(batch)], check_deterministic=False)


def curvlinops(case: Case) -> Call:
    """Return curvlinops' product."""
    import torch

    operator, tangent = _curvlinops_operator(case), torch.tensor(case.vector)
    return lambda: (operator @ tangent).numpy() / 2


def curvlinops_lanczos(case: Case) -> Call:
    """Return the smallest Ritz value of curvlinops' stochastic Lanczos, 100 steps."""
    import torch
    from curvlinops.papyan2020traces.spectrum import fast_lanczos

    operator = _curvlinops_operator(case)
    torch.manual_seed(0)
    return lambda: np.array([float(fast_lanczos(operator, 100)[0].min()) / 2])


def _jax_problem(case: Case, dtype: str) -> tuple[Any, ...]:
    """Return the network as a function, and weights, tangent and inputs as arrays."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def network(weights: Any, inputs: Any) -> Any:
        W2, W1 = weights
        return jax.scipy.special.erf(inputs @ W1.T / math.sqrt(2)) @ W2

    def tensors(vector: Array) -> Any:
        W2, W1 = np.split(vector.astype(dtype), [case.hidden_dim])
        return jnp.asarray(W2), jnp.asarray(W1.reshape(case.hidden_dim, case.input_dim))

    inputs = jnp.asarray(case.inputs.astype(dtype))
    return network, tensors(case.net.parameters), tensors(case.vector), inputs


def jax_hvp(case: Case, dtype: str = "float64") -> Call:
    """Return JAX's compiled forward-over-reverse product."""
    import jax

    network, weights, tangent, inputs = _jax_problem(case, dtype)
    targets = network(weights, inputs)

    def loss(weights: Any, inputs: Any, targets: Any) -> Any:
        return ((network(weights, inputs) - targets) ** 2).mean() / 2

    @jax.jit
    def product(weights: Any, tangent: Any, *batch: Any) -> Any:
        return jax.jvp(lambda w: jax.grad(loss)(w, *batch), (weights,), (tangent,))[1]

    return lambda: _flat(product(weights, tangent, inputs, targets))


def jax_hvp_single(case: Case) -> Call:
    """Return the same in single precision."""
    return jax_hvp(case, "float32")


def jax_gauss_newton(case: Case) -> Call:
    """Return JAX's compiled product J^T (J v) / N, which is the Hessian's at the optimum."""
    import jax

    network, weights, tangent, inputs = _jax_problem(case, "float64")

    @jax.jit
    def product(weights: Any, tangent: Any, inputs: Any) -> Any:
        slopes = jax.jvp(lambda w: network(w, inputs), (weights,), (tangent,))[1]
        return jax.vjp(lambda w: network(w, inputs), weights)[1](slopes / len(inputs))[0]

    return lambda: _flat(product(weights, tangent, inputs))


def jax_jacobian(case: Case) -> Call:
    """Return J^T J / N, the Jacobian of each sample by JAX, compiled."""
    import jax
    import jax.numpy as jnp

    network, weights, _, inputs = _jax_problem(case, "float64")
    rows = jax.vmap(jax.grad(network), (None, 0))

    @jax.jit
    def hessian(weights: Any, inputs: Any) -> Any:
        parts = [part.reshape(len(inputs), -1) for part in rows(weights, inputs)]
        jacobian = jnp.concatenate(parts, axis=1)
        return jacobian.T @ jacobian / len(inputs)

    return lambda: np.asarray(hessian(weights, inputs))
