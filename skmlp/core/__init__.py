"""The network in plain NumPy; knows nothing of scikit-learn.

Read it in this order: activations, network, losses, penalties, objective, initializers,
optimizers, schedules, training. Every function works over leading axes: one network or a
whole population of them, in the same lines.
"""
