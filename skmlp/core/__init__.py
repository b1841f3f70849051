"""The network and its training: functions of NumPy arrays, independent of scikit-learn.

Input: rows X (dense or CSR), target rows Y, row weights, and frozen objects that hold the
configuration (network, penalty, optimizer, dropout). Output: the parameters theta and the
optimizer's state, updated in place, and one `EpochRecord` for each epoch. All functions
accept leading axes, so a population of networks is trained by the same code as one; only
training on sparse X and L-BFGS are limited to a single network.

Reading order:

==============  ========================================================================
activations     activation functions and their derivatives
encoding        piecewise linear encoding of numeric columns
design          operations on X that differ between dense and sparse
targets         one-hot and smoothed target rows, generated for each batch
network         the flat parameter vector, forward and backward pass
losses          log-softmax, cross-entropy and its gradient
penalties       l1 and l2: value, gradient and proximal step
objective       value and gradient of the objective as a function of theta
initializers    initial weights
optimizers      SGD and Adam
schedules       factors on the learning rate
dropout         random masks of the layers' inputs
scaling         standardization of X, and folding it into the first layer
minibatch       mini-batches and one epoch of training
patience        counting of epochs without improvement
moving_average  moving average of the parameters over the steps
temperature     temperature scaling of the logits by held-out rows
mixture         mean of the probabilities of several networks, and its uncertainty
averaging       averaging of parameters that were trained on different rows
lbfgs           full-batch training by L-BFGS-B; it and temperature import SciPy
==============  ========================================================================
"""
