"""L-BFGS-B: minimising over all rows at once, by SciPy.

Every batch k is averaged over its n_k rows and has the whole penalty, so the objective of all
n rows is a weighted mean, and its gradient too, also of parts on many machines. No more than a
batch is ever cast::

    J(theta) = sum_k n_k/n J_k(theta)        dJ/dtheta = sum_k n_k/n dJ_k/dtheta

L-BFGS-B wants a smooth function but keeps bounds. So each weight with an l1 penalty is split
into two variables, W = p - q, and the kink of l1 |W| becomes a corner of the domain::

    minimise  S(p - q) + l1 sum (p + q)   over p >= 0, q >= 0       S: J without the l1 term

With g = dS/dW the derivatives are l1 + g for p and l1 - g for q. They add up to 2 l1 > 0:
where p and q are both positive, taking the same amount off both lowers the value. So
min(p, q) = 0 at a minimum, p + q = |W|, and the two problems have the same solutions. What
holds there (Karush, Kuhn & Tucker) says that 0 is a subgradient of J::

    p > 0:  g = -l1        q > 0:  g = l1        p = q = 0:  |g| <= l1

Zeros are exact: where |g| < l1 both derivatives are positive and press p and q on their
bounds, which L-BFGS-B projects on. Only a step that its line search cut short may leave a
variable a hair above. The search itself stops when max |x - max(x - dJ/dx, 0)| <= tol (for
variables without a bound, max |dJ/dx|), where that hair counts as nothing; so a variable not
above min(tol, dJ/dx) is put on its bound.

References: Byrd, Lu, Nocedal & Zhu 1995 ("A limited memory algorithm for bound constrained
optimization"); Zhu, Byrd, Lu & Nocedal 1997 (algorithm 778); Morales & Nocedal 2011 (the
projection). The splitting: Figueiredo, Nowak & Wright 2007 ("Gradient projection for sparse
reconstruction"); Andrew & Gao 2007 avoid it in OWL-QN, which SciPy lacks.
"""

from dataclasses import replace
from time import perf_counter

import numpy as np
from scipy.optimize import Bounds, minimize

from skmlp.core.network import Workspace
from skmlp.core.training import EpochRecord

__all__ = ["AllRows", "minimize_lbfgs"]


class AllRows:
    """Rows in one memory, to compute the objective over all of them.

    Parameters
    ----------
    batches : MiniBatches
        Their size and order change nothing but the memory needed.
    """

    def __init__(self, batches):
        self._batches, self._work = batches, None

    def value_and_grad(self, objective, theta):
        """Value and gradient of the objective over all rows, summed in double precision.

        Parameters
        ----------
        objective : Objective
        theta : ndarray of shape (n_params,)

        Returns
        -------
        value : float
            J(theta), the l1 term included.
        grad : ndarray of float64 of shape (n_params,)
            Of everything but the l1 term.
        """
        batches, work = self._batches, self._work
        if work is None or work.theta is not theta:
            self._work = work = Workspace(objective.network, theta, batches.batch_size)
        value, grad = 0.0, np.zeros(theta.shape)
        for X, Y, w in batches:
            n_rows = X.shape[-2]
            share = n_rows / batches.n_rows
            part, part_grad = objective.value_and_grad(theta, X, Y, w, work.head(n_rows))
            value += share * float(part)
            part_grad *= share
            grad += part_grad
        return value, grad


def minimize_lbfgs(objective, theta, rows, *, epochs, tol, on_epoch_end):
    """Minimise the objective by L-BFGS-B; theta changes in place after each iteration.

    Parameters
    ----------
    objective : Objective
        Of one network. Computed in theta's dtype; SciPy works in double precision.
    theta : ndarray of shape (n_params,), C-contiguous
    rows : AllRows
        Or anything with its method, such as rows spread over many machines. It sees one theta
        that changes in place.
    epochs : int
        Iterations at most, >= 1.
    tol : float
        Stop when no entry of the (projected) gradient is larger.
    on_epoch_end : callable (EpochRecord) -> bool
        Called after each iteration with J(theta) as the loss and no learning rate; True
        stops the search. Called once if theta was a minimum from the start. A loss that is
        not finite ends the search: theta is then the last iterate before.

    Returns
    -------
    converged : bool
        Whether the search ended by itself: within tol, or where no step lowers the objective
        any more, which rounding and the kinks of relu can cause. False if it was ended by
        epochs, by the hook or by numbers out of range.
    """
    search = _Search(objective, theta, rows, tol, on_epoch_end)
    best = np.inf
    try:
        while True:
            search.run(most_iterations=epochs - search.n_iterations)
            if search.stopped or search.n_iterations == epochs:
                return False
            if not search.loss < best:
                break
            # It may have stalled at bounds, more so in float32, and go on with empty memory;
            # if it is within tol, finding that out takes one evaluation.
            best = search.loss
        if search.n_iterations == 0:
            search.report(search.value_and_grad(search.split(theta))[0])
    except _NotFinite:
        search.report(search.value)
        return False
    return not search.stopped


class _NotFinite(Exception):
    """The value or a derivative is inf or NaN, which SciPy may take for convergence."""


class _Search:
    """The smooth problem in x = [theta | q], where p stands in theta for split weights.

    Attributes
    ----------
    lower : ndarray
        The lower bound of each variable: 0 or -inf.
    value, grad : float, ndarray
        At the point that SciPy asked for last.
    loss : float
        As reported last.
    n_iterations : int
    stopped : bool
        Whether the hook asked for it.
    """

    def __init__(self, objective, theta, rows, tol, on_epoch_end):
        penalty = objective.penalty
        l1 = np.broadcast_to(penalty.l1, penalty.n_weights)
        self._p, self._q = np.flatnonzero(l1), slice(len(theta), None)
        self._l1 = l1[self._p].astype(np.float64)
        self._smooth = replace(objective, penalty=replace(penalty, l1=0.0))
        # The caller's theta changes between iterations only, wherever they are interrupted.
        self._theta, self._trial = theta, theta.copy()
        self._rows, self._tol, self._on_epoch_end = rows, tol, on_epoch_end
        self.lower = np.full(len(theta) + len(self._p), -np.inf)
        self.lower[self._p] = self.lower[self._q] = 0.0
        self.loss, self.n_iterations, self.stopped = np.inf, 0, False
        self._started = perf_counter()

    def run(self, most_iterations):
        """Search from theta on, which is changed by the iterations."""
        minimize(
            self.value_and_grad,
            self.split(self._theta),
            method="L-BFGS-B",
            jac=True,
            bounds=Bounds(self.lower, np.inf) if len(self._p) else None,  # slow to set up
            callback=self.end_iteration,
            # With ftol > 0, a step that a bound cut short would pass for convergence.
            options={
                "maxiter": most_iterations,
                "gtol": self._tol,
                "ftol": 0.0,
                "maxls": 50,
                "maxfun": np.inf,
            },
        )

    def split(self, theta):
        """Return x for theta, with p or q zero."""
        W = theta[self._p]
        x = np.concatenate([theta, np.maximum(-W, 0)], dtype=np.float64)
        x[self._p] = np.maximum(W, 0)
        return x

    def _joined(self, x):
        """Return theta for x, in double precision."""
        theta = x[: len(self._theta)].copy()
        theta[self._p] -= x[self._q]
        return theta

    @np.errstate(all="ignore")  # if numbers overflow, the record will tell
    def value_and_grad(self, x):
        """Value and gradient of S(p - q) + l1 sum (p + q), for SciPy."""
        self._trial[...] = self._joined(x)
        value, g = self._rows.value_and_grad(self._smooth, self._trial)
        self.value = value + self._l1 @ (x[self._p] + x[self._q])
        self.grad = np.concatenate([g, self._l1 - g[self._p]])
        self.grad[self._p] += self._l1
        if not np.isfinite(self.grad).all():
            self.value = np.nan
        if not np.isfinite(self.value):
            raise _NotFinite
        return self.value, self.grad

    def end_iteration(self, intermediate_result):
        """Write theta and report it; SciPy's callback, which it knows by the argument's name."""
        x = intermediate_result.x  # where value_and_grad was called last
        self.n_iterations += 1
        at_bound = x - self.lower <= np.minimum(self.grad, self._tol)
        settled = np.where(at_bound, 0.0, x)
        self._theta[...] = self._joined(settled)
        # What theta differs in from x lowers J by this: taking the same off p and q exactly,
        # moving to bounds nearby to first order. Nearly always it is 0.
        excess = np.minimum(settled[self._p], settled[self._q])
        self.report(self.value - (x - settled) @ self.grad - 2 * self._l1 @ excess)
        if self.stopped:
            raise StopIteration

    def report(self, loss):
        """Tell the hook of the iteration that ends here."""
        self.loss = float(loss)
        record = EpochRecord(self.loss, None, perf_counter() - self._started)
        self.stopped = bool(self._on_epoch_end(record))
        self._started = perf_counter()
