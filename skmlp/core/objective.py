"""The objective: what training minimises, written down once.

For n rows with labels Y, logits z_i(theta) and row weights w_i::

    J(theta) = sum_i w_i CE(z_i, y_i) / n + l1 sum|W| + l2/2 sum W^2

The weights w_i (sample weight times class weight) are rescaled by the caller to mean 1 over
the whole training set. Each mini-batch is then averaged over its *row count*: divided by its
own sum of weights, a batch of rare heavy rows would count no more than one of light rows,
and the mean over the batches would not be J. With weights of mean 1 over the rows given, J
is the weighted mean loss plus the penalty, so the same line serves one batch, all rows
(L-BFGS) and one partition of many (Dask).

Strengths l1 and l2 mean the same for every batch size and solver. In terms of scikit-learn:
``MLPClassifier(alpha=a)`` has l2 = a / batch_size, ``LogisticRegression(C=c)`` has
l2 = 1 / (n c), or 2 / (n c) for two classes, where it has one logit and we have two.
"""

from dataclasses import dataclass

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

    def value_and_grad(self, theta, X, Y, w=None, work=None):
        """Value of J and the gradient of its smooth part, in one pass.

        Parameters
        ----------
        theta : ndarray of shape (..., n_params)
        X : ndarray of shape (..., n, n_features) or sparse (n, n_features), in theta's dtype
        Y : ndarray of shape (..., n, n_classes)
            One-hot rows, or any rows that sum to 1.
        w : ndarray of shape (..., n), default=None
            Row weights of mean 1 over the training set; None stands for ones.
        work : Workspace, default=None
            Made for this very theta, which may have changed in place, and for n rows. If it
            has dropout masks, they are applied.

        Returns
        -------
        value : float or ndarray of shape (...)
            J(theta), the l1 term included.
        grad : ndarray of shape (..., n_params)
            Of everything but the l1 term, which `Penalty.shrink` handles. The next call
            with the same workspace overwrites it.
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
