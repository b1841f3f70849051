"""The network in plain NumPy; knows nothing of scikit-learn.

Read it in this order: activations, features, network, losses, penalties, objective,
initializers, optimizers, schedules, training; then dropout, scaling, stopping and lbfgs.
Every function works over leading axes: one network or a whole population of them, in the
same lines. Only sparse X and lbfgs are for one.
"""
