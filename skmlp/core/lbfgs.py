"""Full-batch training by SciPy's L-BFGS-B.

The objective J_k of a batch is averaged over its n_k rows and includes the full penalty, so
the objective of all n rows and its gradient are weighted means over batches, on one machine or
many. No more than a batch is cast at a time::

    J(theta) = sum_k n_k/n J_k(theta)        dJ/dtheta = sum_k n_k/n dJ_k/dtheta

L-BFGS-B needs a smooth function but supports bounds. Each weight with an l1 penalty is
therefore split into two variables, W = p - q, which makes the l1 term linear::

    minimize  S(p - q) + l1 sum (p + q)   over p >= 0, q >= 0       S: J without the l1 term

With g = dS/dW the derivatives are l1 + g for p and l1 - g for q. Their sum is 2 l1 > 0, so
where p and q are both positive, subtracting the same amount from both decreases the value.
Hence min(p, q) = 0 and p + q = |W| at a minimum, and both problems have the same solutions.
The Karush-Kuhn-Tucker conditions there say that 0 is a subgradient of J::

    p > 0:  g = -l1        q > 0:  g = l1        p = q = 0:  |g| <= l1

Zeros are exact: where |g| < l1 both derivatives are positive, and L-BFGS-B projects p and q
on their bounds. Only a step shortened by the line search may leave a variable slightly above
its bound. Such a distance is within the tolerance of L-BFGS-B, which stops when
max |x - max(x - dJ/dx, 0)| <= tol (for variables without a bound, max |dJ/dx|). After each
iteration, variables that are not above min(tol, dJ/dx) are therefore set to their bound.

References: Byrd, Lu, Nocedal & Zhu 1995 ("A limited memory algorithm for bound constrained
optimization"); Zhu, Byrd, Lu & Nocedal 1997 (algorithm 778); Morales & Nocedal 2011 (the
projection). The splitting: Figueiredo, Nowak & Wright 2007 ("Gradient projection for sparse
reconstruction"); Andrew & Gao 2007 avoid it in OWL-QN, which SciPy lacks.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
from scipy.optimize import Bounds, OptimizeResult, minimize

from skmlp.core.minibatch import Batches, EpochRecord
from skmlp.core.network import Workspace
from skmlp.core.objective import Objective

__all__ = ["minimize_lbfgs", "value_and_grad_over"]

ValueAndGrad = Callable[[Objective, np.ndarray], tuple[float, np.ndarray]]  # over all rows


def value_and_grad_over(
    batches: Batches, objective: Objective, theta: np.ndarray, work: Workspace | None = None
) -> tuple[float, np.ndarray]:
    """Return value and gradient of the objective over all rows, summed in double precision.

    Parameters
    ----------
    batches : Batches
        Their size and order have no effect on the result, up to rounding.
    objective : Objective
    theta : ndarray of shape (n_params,)
    work : Workspace, default=None
        Workspace of this theta object, for ``batches.batch_size`` rows; None allocates one.

    Returns
    -------
    value : float
        J(theta), the l1 term included.
    grad : ndarray of float64 of shape (n_params,)
        Gradient without the l1 term.
    """
    if work is None:
        work = Workspace(objective.network, theta, batches.batch_size)
    value, grad = 0.0, np.zeros(theta.shape)
    with np.errstate(all="ignore"):  # a step of the line search may be too long
        for X, Y, w in batches:
            n_rows = X.shape[-2]
            share = n_rows / batches.n_rows
            part, part_grad = objective.value_and_grad(theta, X, Y, w, work.head(n_rows))
            value += share * float(part)
            part_grad *= share
            grad += part_grad
    return value, grad


def minimize_lbfgs(
    objective: Objective,
    theta: np.ndarray,
    value_and_grad: ValueAndGrad,
    *,
    epochs: int,
    tol: float,
    on_epoch_end: Callable[[EpochRecord], bool | None],
) -> bool:
    """Minimize the objective by L-BFGS-B; theta changes in place after each iteration.

    Parameters
    ----------
    objective : Objective
        That of one network. Computed in theta's dtype; SciPy works in double precision.
    theta : ndarray of shape (n_params,), C-contiguous
    value_and_grad : callable (Objective, theta) -> (value, grad)
        Returns those over all rows: `value_and_grad_over` their batches, or of rows on several
        machines. Called with the same array as theta each time, changed in place.
    epochs : int
        Maximum number of iterations, >= 1.
    tol : float
        Stop when no entry of the (projected) gradient is larger.
    on_epoch_end : callable (EpochRecord) -> bool
        Called after each iteration with J(theta) as the loss and None as the learning rate;
        True stops the search. Called once if theta was a minimum at the start. A loss that
        is not finite ends the search with theta at the iterate before.

    Returns
    -------
    converged : bool
        Whether the search ended within tol, or at a point from which no step decreases the
        objective (due to rounding or the kinks of relu). False if it was ended by epochs,
        by on_epoch_end or by an overflow.
    """
    search = _Search(objective, theta, value_and_grad, tol, on_epoch_end)
    best = np.inf
    try:
        while True:
            search.run(max_iterations=epochs - search.n_iterations)
            if search.stopped or search.n_iterations == epochs:
                return False
            if not search.loss < best:
                break
            # L-BFGS-B may have stalled at bounds, in particular in float32: restart it without
            # its history. If theta is within tol, this costs one evaluation.
            best = search.loss
        if search.n_iterations == 0:
            search.report(search.value_and_grad(search.split(theta))[0])
    except _NotFinite:
        search.report(search.value)
        return False
    return not search.stopped


class _NotFinite(Exception):
    """The value or a derivative is inf or NaN, which SciPy may report as convergence."""


class _Search:
    """The smooth problem in x = [theta | q], with p in place of the split weights in theta.

    Attributes
    ----------
    lower : ndarray
        The lower bound of each variable: 0 or -inf.
    value, grad : float, ndarray
        At the last point evaluated.
    loss : float
        The last loss reported.
    n_iterations : int
    stopped : bool
        Whether on_epoch_end has returned True.
    """

    value: float
    grad: np.ndarray

    def __init__(
        self,
        objective: Objective,
        theta: np.ndarray,
        value_and_grad: ValueAndGrad,
        tol: float,
        on_epoch_end: Callable[[EpochRecord], bool | None],
    ) -> None:
        penalty = objective.penalty
        l1 = np.broadcast_to(penalty.l1, penalty.n_weights)
        self._p, self._q = np.flatnonzero(l1), slice(len(theta), None)
        self._l1 = l1[self._p].astype(np.float64)
        self._smooth = replace(objective, penalty=replace(penalty, l1=0.0))
        # Evaluate at a copy, so that after an interrupt theta is the last iterate.
        self._theta, self._trial = theta, theta.copy()
        self._over_rows, self._tol, self._on_epoch_end = value_and_grad, tol, on_epoch_end
        self.lower = np.full(len(theta) + len(self._p), -np.inf)
        self.lower[self._p] = self.lower[self._q] = 0.0
        self.loss, self.n_iterations, self.stopped = np.inf, 0, False
        self._started = perf_counter()

    def run(self, max_iterations: int) -> None:
        """Minimize, starting at theta."""
        minimize(
            self.value_and_grad,
            self.split(self._theta),
            method="L-BFGS-B",
            jac=True,
            bounds=Bounds(self.lower, np.inf) if len(self._p) else None,  # bounds are slow
            callback=self.end_iteration,
            # With ftol > 0, a step shortened by a bound would be taken for convergence.
            options={
                "maxiter": max_iterations,
                "gtol": self._tol,
                "ftol": 0.0,
                "maxls": 50,
                "maxfun": np.inf,
            },
        )

    def split(self, theta: np.ndarray) -> np.ndarray:
        """Return x for theta, with min(p, q) = 0."""
        W = theta[self._p]
        x = np.concatenate([theta, np.maximum(-W, 0)], dtype=np.float64)
        x[self._p] = np.maximum(W, 0)
        return x

    def _join(self, x: np.ndarray) -> np.ndarray:
        """Return theta for x, in double precision."""
        theta = x[: len(self._theta)].copy()
        theta[self._p] -= x[self._q]
        return theta

    @np.errstate(all="ignore")  # the results are checked instead
    def value_and_grad(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and gradient of S(p - q) + l1 sum (p + q), for SciPy."""
        self._trial[...] = self._join(x)
        value, g = self._over_rows(self._smooth, self._trial)
        self.value = value + self._l1 @ (x[self._p] + x[self._q])
        self.grad = np.concatenate([g, self._l1 - g[self._p]])
        self.grad[self._p] += self._l1
        if not np.isfinite(self.grad).all():
            self.value = np.nan
        if not np.isfinite(self.value):
            raise _NotFinite
        return self.value, self.grad

    def end_iteration(self, intermediate_result: OptimizeResult) -> None:
        """Update theta and report its loss: SciPy's callback, found by the argument's name."""
        x = intermediate_result.x  # value and grad are those at x
        self.n_iterations += 1
        at_bound = x - self.lower <= np.minimum(self.grad, self._tol)
        settled = np.where(at_bound, 0.0, x)
        self._theta[...] = self._join(settled)
        # Correct the loss for the difference between theta and x, which is nearly always 0:
        # exactly for subtracting min(p, q) from both, to first order for setting to bounds.
        excess = np.minimum(settled[self._p], settled[self._q])
        self.report(self.value - (x - settled) @ self.grad - 2 * self._l1 @ excess)
        if self.stopped:
            raise StopIteration

    def report(self, loss: float) -> None:
        """Call on_epoch_end for the iteration that ends here."""
        self.loss = float(loss)
        record = EpochRecord(self.loss, None, perf_counter() - self._started)
        try:
            self.stopped = bool(self._on_epoch_end(record))
        except StopIteration as error:  # SciPy would end the search as if it had succeeded
            raise RuntimeError("StopIteration was raised at the end of an iteration") from error
        self._started = perf_counter()
