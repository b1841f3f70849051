"""The network and its training: functions of NumPy arrays, independent of scikit-learn.

Input: rows X (dense, CSR or a `Table`), target rows Y, row weights, and frozen objects that hold
the configuration (network, penalty, optimizer, dropout). Output: the parameters theta and the
optimizer's state, updated in place, and one `EpochRecord` for each epoch. All functions of
theta accept leading axes, so a population of networks is trained by the same code as one;
only training on sparse X and L-BFGS are limited to a single network.

Reading order; for dense rows of numbers, the files up to minibatch are enough:

==============  ========================================================================
activations     activation functions and their derivatives
network         the flat parameter vector, forward and backward pass
losses          log-softmax, cross-entropy and its gradient
penalties       l1 and l2: value, gradient and proximal step
objective       value and gradient of the objective as a function of theta
initializers    initial weights
optimizers      SGD and Adam
schedules       factors on the learning rate
dropout         random masks of the layers' inputs
minibatch       mini-batches and one epoch of training
patience        counting of epochs without improvement
moving_average  moving average of the parameters over the steps
lbfgs           full-batch training by L-BFGS-B; it, levels and temperature import SciPy
targets         one-hot and smoothed target rows, generated for each batch
levels          categorical columns: one-hot columns that are not made
encoding        from columns to inputs: missing values, levels and bins
design          operations on X that differ between dense, sparse and mixed
batch_reader    rows of X as a batch: cast, encoded and standardized
scaling         standardization of X, and folding it into the first layer
temperature     temperature scaling of the logits by held-out rows
mixture         mean of the probabilities of several networks, and its uncertainty
averaging       averaging of parameters that were trained on different rows
==============  ========================================================================
"""
