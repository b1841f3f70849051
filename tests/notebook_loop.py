"""The training loop of the tutorial notebook, as a reference: one hidden layer of logistic
units, softmax, mini-batches, float64.

The notebook sums the gradient of the output biases over all axes, also over the classes. The rows
of softmax - y sum to 0, so this gradient is 0 and the output biases are never trained. The option
``corrected`` sums over the rows only.
"""

import numpy as np


def initial_weights(n_features, n_units, n_classes, rng):
    """Return W1, b1, W2, b2, drawn as in the notebook."""
    W1 = rng.normal(0, 1, (n_features, n_units))
    W2 = rng.normal(0, 1, (n_units, n_classes))
    return [W1, np.zeros(n_units), W2, np.zeros(n_classes)]


def hidden_and_output(X, weights):
    """Return the activations of both layers."""
    W1, b1, W2, b2 = weights
    hidden = 1 / (1 + np.exp(-(X @ W1 + b1)))
    exponentials = np.exp(hidden @ W2 + b2)
    return hidden, exponentials / exponentials.sum(axis=1, keepdims=True)


def steps(X, Y, *, units, batch_size, learning_rate, epochs, seed, corrected):
    """Train, yielding the weights after every step; they change in place."""
    rng = np.random.RandomState(seed)
    weights = initial_weights(X.shape[1], units, Y.shape[1], rng)
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            X_batch, m = X[rows], len(rows)
            hidden, output = hidden_and_output(X_batch, weights)
            error = output - Y[rows]
            hidden_error = (error @ weights[2].T) * hidden * (1 - hidden)
            gradients = (
                X_batch.T @ hidden_error / m,
                hidden_error.sum(axis=0) / m,
                hidden.T @ error / m,
                error.sum(axis=0 if corrected else None) / m,
            )
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= learning_rate * gradient
            yield weights
