"""The objective that every solver minimizes.

For n rows with labels Y, logits z_i(theta) and row weights w_i::

    J(theta) = sum_i w_i CE(z_i, y_i) / n + l1 sum|W| + l2/2 sum W^2

The weights w_i (sample weight times class weight) are rescaled by the caller to mean 1 over
the training set. Each mini-batch is averaged over its *row count*; divided by its own sum of
weights, a batch of rare rows with large weights would count no more than any other, and the
mean over the batches would not be J. With weights of mean 1 over the given rows, J is the
weighted mean loss plus the penalty, so the same formula applies to a batch, to all rows
(L-BFGS) and to one partition of many (Dask).

Strengths l1 and l2 mean the same for every batch size and solver. In terms of scikit-learn,
``MLPClassifier(alpha=a)`` has l2 = a / batch_size and ``LogisticRegression(C=c)`` has
l2 = 1 / (n c), or 2 / (n c) for two classes, where it has one logit instead of two.
"""

from dataclasses import dataclass

import numpy as np

from skmlp.core.design import Matrix
from skmlp.core.losses import softmax_cross_entropy
from skmlp.core.network import Network, Workspace
from skmlp.core.penalties import Penalty

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """Cross-entropy of a network plus a penalty, as a function of theta.

    Parameters
    ----------
    network : Network
    penalty : Penalty
    """

    network: Network
    penalty: Penalty

    def value_and_grad(
        self,
        theta: np.ndarray,
        X: Matrix,
        Y: np.ndarray,
        w: np.ndarray | None = None,
        work: Workspace | None = None,
    ) -> tuple[float | np.ndarray, np.ndarray]:
        """Return the value of J and the gradient of its smooth part.

        Parameters
        ----------
        theta : ndarray of shape (..., n_params)
        X : ndarray of shape (..., n, n_features) or sparse (n, n_features), in theta's dtype
        Y : ndarray of shape (..., n, n_classes)
            One-hot rows, or any rows that sum to 1.
        w : ndarray of shape (..., n), default=None
            Row weights of mean 1 over the training set. None means ones.
        work : Workspace, default=None
            Workspace of this theta object and n rows; None allocates one. Its dropout masks,
            if any, are applied.

        Returns
        -------
        value : float or ndarray of shape (...)
            J(theta), the l1 term included.
        grad : ndarray of shape (..., n_params)
            Gradient without the l1 term, which `Penalty.prox_l1` handles. Overwritten by
            the next call with the same workspace.
        """
        if work is None:
            work = Workspace(self.network, theta, X.shape[-2])
        elif work.theta is not theta:
            raise ValueError("work was made for another theta")
        logits = self.network.forward(X, work)
        loss, _ = softmax_cross_entropy(logits, Y, w, out=logits)
        self.network.backward(work)
        penalty = self.penalty.add_gradient(theta, work.grad, work.scratch)
        return loss + penalty, work.grad
