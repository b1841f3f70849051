r"""
Fashion-MNIST from start to finish
==================================

Small grey images of clothes and shoes, in ten classes: from the raw pixels to a network that is
evaluated, inspected, saved and used. The page trains on the 5,000 images in the package, so it runs
anywhere in half a minute. The last section lists steps on all 60,000 images, from the accuracy
0.815 of the tutorial notebook to more than 0.90, and the gain of each step.
"""

# %%
# The images
# ----------
#
# `load_fashion_mnist_sample` reads the images in the package. `fetch_fashion_mnist` has the same
# arguments and returns all 70,000 images; it downloads them once if necessary. An image is a row of
# 28 x 28 pixels, integers from 0 (the background) to 255.

import matplotlib.pyplot as plt
import numpy as np

from skmlp.datasets import load_fashion_mnist_sample
from skmlp.plotting import ImageGridDisplay

sample = load_fashion_mnist_sample("train")
print("rows of pixels", sample.data.shape, sample.data.dtype)
print("as images     ", sample.images.shape, "from", sample.data.min(), "to", sample.data.max())

# %%
# Two images of each class:

names = sample.target_names
shown = np.stack([np.flatnonzero(sample.target == k)[:2] for k in range(10)]).T.ravel()
titles = [names[k] for k in sample.target[shown]]
ImageGridDisplay(sample.images[shown], titles=titles).plot(n_columns=5)
plt.show()

# %%
# At this size, shirts, pullovers and coats are hard to distinguish, and so are T-shirts and
# dresses. This makes the data set more difficult than handwritten digits.
#
# The classes have names in English and in Korean, and equal numbers of images:

counts = np.bincount(sample.target)
for k, (name, name_ko) in enumerate(zip(names, sample.target_names_ko, strict=True)):
    print(f"{k}  {counts[k]}  {name:12} {name_ko}")

# %%
# A stratified split
# ------------------
#
# A fifth of the images is set aside for validation. In a random split, some classes have more
# images in it than others; in a *stratified* split, all have a fifth:

from sklearn.model_selection import train_test_split

for title, stratify in {"at random": None, "stratified": sample.target}.items():
    _, held_out = train_test_split(sample.target, test_size=0.2, stratify=stratify, random_state=42)
    print(f"{title:10}", np.bincount(held_out))

X_train, X_val, y_train, y_val = train_test_split(
    sample.data, sample.target, test_size=0.2, stratify=sample.target, random_state=42
)
print("training", X_train.shape, " validation", X_val.shape)

# %%
# The 1,000 *test* images of the sample are not read yet. If they were used to choose a model, their
# accuracy would no longer be an unbiased estimate for that model.
#
# Scaling
# -------
#
# Initial weights are drawn for inputs of about 1. With pixels up to 255, the sums are in the
# hundreds, where the logistic function is flat: its slope, and therefore the gradient, is 0. So
# divide by 255, in single precision, which is sufficient and takes half the memory:

X_train, X_val = X_train / np.float32(255), X_val / np.float32(255)
print(X_train.dtype, "from", X_train.min(), "to", X_train.max(), " mean", X_train.mean().round(3))

# %%
# The classifier does not need this. By default it standardizes each pixel with its mean and
# standard deviation and folds both into the first layer (`standardize=True`), so it accepts the
# integers.
#
# One-hot rows
# ------------
#
# The network has ten outputs, so the target of a label is a row of ten numbers: :ref:`1 at its
# class and 0 elsewhere <sphx_glr_generated_learn_plot_1_softmax.py>`. Scikit-learn's
# `LabelBinarizer` converts labels to such rows and back:

from sklearn.preprocessing import LabelBinarizer

binarizer = LabelBinarizer().fit(y_train)
Y = binarizer.transform(y_train)
print(y_train[:3], Y[:3], binarizer.inverse_transform(Y[:3]), sep="\n")

# %%
# `fit` does this itself and takes labels (strings, integers or bools). Its binarizer is
# `label_binarizer_`.
#
# Training
# --------
#
# Three networks with one hidden layer of 100 units each, for 40 epochs. The first is that of the
# notebook: logistic units, weights from the standard normal distribution, plain gradient steps. The
# second has relu units, smaller initial weights, and Adam with the default schedule. The third is
# regularized by a penalty on the weights of the first layer and by *dropout*, which sets a random
# tenth of the pixels and three tenths of the hidden units to zero in each step. It does not
# standardize the pixels, so that its weights can be shown as images below. All three are trained to
# the end and keep their last parameters, so that their curves can be compared. By default, training
# stops early and keeps an average of the parameters: that is the fourth network, further below.

from skmlp import LossCurveDisplay, SoftmaxMLPClassifier

to_the_end = {
    "units": 100,
    "epochs": 40,
    "early_stopping": False,
    "averaging": 0.0,
    "label_smoothing": 0.0,
    "random_state": 0,
}
notebook = SoftmaxMLPClassifier(
    **to_the_end,
    activation="logistic",
    init="standard_normal",
    standardize=False,
    solver="sgd",
    momentum=0.0,
    schedule="constant",
    learning_rate=0.1,
    batch_size=256,
)
adam = SoftmaxMLPClassifier(**to_the_end, activation="relu")
regularized = SoftmaxMLPClassifier(
    **to_the_end, activation="relu", standardize=False, l2=(1e-3, 0.0), dropout=(0.1, 0.3)
)
networks = {"the notebook's": notebook, "relu, Adam": adam, "regularized": regularized}
for name, clf in networks.items():
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    right = [clf.score(X_train, y_train), clf.score(X_val, y_val)]
    print(f"{name:15} accuracy: training {right[0]:.3f}, validation {right[1]:.3f}")
assert regularized.score(X_val, y_val) > notebook.score(X_val, y_val) + 0.1

# %%
# With `X_val` and `y_val`, the history has the loss on the training and on the validation images:

fig, axes = plt.subplots(1, 3, figsize=(6.5, 2.8), layout="constrained", sharey=True)
for ax, (name, clf) in zip(axes, networks.items(), strict=True):
    LossCurveDisplay.from_estimator(clf, ax=ax)
    ax.set(title=name, ylim=(0, 1.5), xticks=[1, 20, 40])
plt.show()

# %%
# - *The notebook's*: the loss is still decreasing at the end; training is too slow.
# - *Relu, Adam*: in the end, all training images are classified correctly, and the validation loss
#   has increased after a minimum. This is *overfitting*. (The maximum in the middle is where the
#   steps of the schedule are largest.)
# - *Regularized*: the training loss stays above the validation loss, because it is computed with
#   dropout and includes the penalty. The validation loss continues to decrease.
#
# The history also has the accuracy of each epoch:

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for k, (name, clf) in enumerate(networks.items()):
    epochs = range(1, clf.n_iter_ + 1)
    ax.plot(epochs, clf.history_["validation_score"], color=f"C{k}", label=name)
    ax.plot(epochs, clf.history_["score"], color=f"C{k}", linestyle=":")
ax.set(xlabel="epoch", ylabel="accuracy", title="validation images; dotted: training images")
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# An accuracy on 1,000 images has a standard error of about 0.011, so the difference between the
# second and the third network is hardly significant. Their validation losses, which also measure
# the probabilities, differ clearly:

for name, clf in networks.items():
    p = clf.score(X_val, y_val)
    error = np.sqrt(p * (1 - p) / len(y_val))
    losses = clf.validation_loss_curve_
    print(f"{name:15} {p:.3f} ± {error:.3f}   loss {losses[-1]:.3f}, at best {min(losses):.3f}")

# %%
# The defaults
# ------------
#
# With nothing set but the seed, the network has two hidden layers of 128 silu units. It stops when
# the validation loss has not decreased for 20 epochs, and keeps the parameters of the best epoch.
# Its parameters are averages over the steps, so the validation loss is smoother. At the end, a
# :doc:`temperature <plot_calibration>` is chosen, also on the validation images. (Without `X_val`
# and `y_val`, a tenth of the training images would be set aside for both.)

defaults = SoftmaxMLPClassifier(random_state=0)
defaults.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(f"{defaults.n_iter_} epochs, the best is epoch {defaults.best_epoch_ + 1}: ", end="")
print(f"loss {defaults.validation_loss_curve_[defaults.best_epoch_]:.3f}")
print(f"accuracy on the validation images {defaults.score(X_val, y_val):.3f}")
LossCurveDisplay.from_estimator(defaults)
plt.show()

# %%
# Confusion matrix
# ----------------
#
# The rest of this page uses the regularized network, whose weights can be shown as images. Each row
# of the *confusion matrix* has the images of one true class, each column those of one predicted
# class. Correct predictions are on the diagonal; the colour is the share of the true class.

from sklearn.metrics import classification_report

from skmlp.plotting import ConfusionDisplay

clf = regularized
y_pred = clf.predict(X_val)
ConfusionDisplay.from_predictions(y_val, y_pred, display_labels=names)
plt.show()
print(classification_report(y_val, y_pred, target_names=names, digits=3))

# %%
# Trousers, bags and ankle boots are almost always classified correctly, and shoes are confused
# almost only with other shoes. Most errors are between shirts and similar clothes: the recall of
# shirts is little more than one half.
#
# The most confident errors
# -------------------------
#
# Errors with the highest probabilities. High sneakers are classified as ankle boots, wide shirts as
# bags, and some of the labels are doubtful:

proba = clf.predict_proba(X_val)
ImageGridDisplay.from_predictions(
    X_val, y_val, y_pred, target_names=names, proba=proba, max_images=15, n_columns=5
)
plt.show()

# %%
# First-layer weights
# -------------------
#
# A hidden unit has one weight for each pixel, so its weights can be drawn as an image. Red weights
# are positive, blue weights are negative:

ImageGridDisplay.from_weights(clf, max_images=18, n_columns=6)
plt.show()

# %%
# The weights show necklines, sleeves and the gap between trouser legs, which the network has
# learnt from the labels alone. In the corners, where pixels are almost always 0, the penalty has
# reduced the weights to nearly zero.
#
# Now the notebook's network. Its initial weights are large random numbers, and 40 epochs of small
# steps have hardly changed them. Almost all that it has learnt is in the second layer, which
# combines 100 random projections of an image:

ImageGridDisplay.from_weights(notebook, max_images=6, n_columns=6)
plt.show()

# %%
# The test images
# ---------------
#
# The model is chosen, so the test images can now be used, once:

test = load_fashion_mnist_sample("test")
print(f"test accuracy {clf.score(test.data / np.float32(255), test.target):.3f}")

# %%
# Saving, loading, predicting
# ---------------------------

import tempfile
from pathlib import Path

from skmlp import load, save

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "clothes.npz")
    save(clf, path)
    print(f"{path.stat().st_size:,} bytes for {clf.theta_.size:,} parameters")
    loaded = load(path)

pixels = test.data[:5] / np.float32(255)
assert (loaded.predict_proba(pixels) == clf.predict_proba(pixels)).all()
for proba, label in zip(loaded.predict_proba(pixels), test.target[:5], strict=True):
    guess = proba.argmax()
    verdict = "correct" if guess == label else f"wrong, it is {names[label]}"
    print(f"{proba[guess]:6.1%} {names[guess]:12} {verdict:25} {test.target_names_ko[guess]}")

# %%
# .. _fashion-mnist-steps:
#
# From 0.815 to more than 0.90
# ----------------------------
#
# On all images, with the notebook's split of 48,000 training and 12,000 validation images, the
# notebook's network has an accuracy of 0.815. Each step keeps the changes of the steps before it
# and adds one, in two cases together with a new learning rate. All train for 40 epochs.
#
# .. include:: /benchmarks/steps.txt
#
# *validation*, *training*
#    Accuracy after the last epoch, on the validation images and on 10,000 of the training images.
# *gain*
#    The difference from the step before, on the validation images.
#
# .. include:: /benchmarks/steps_notes.txt
#
# The steps:
#
# *initialization*
#    Sums of many weights of size 1 are in the tens, where the logistic function is flat and the
#    gradient almost 0. `init="auto"` draws smaller weights for layers with more inputs.
# *activation*
#    The slope of the logistic function is at most a quarter. That of relu is 1 or 0.
# *standardized pixels*
#    Every pixel has mean 0 and standard deviation 1 over the training images, so that the weights
#    of pixels near the edges, which are rarely other than 0, are learnt as fast as those in the
#    middle.
# *Adam*
#    A step size for each weight: smaller for weights with larger gradients.
# *schedule*
#    The rate rises, then falls to 0: large steps at first, small steps at the end. The accuracy on
#    the training images increases more than that on the validation images.
# *width and depth*
#    Seven times as many weights, in two hidden layers.
# *dropout*
#    Inputs of a layer are set to zero at random, so that the network does not depend on any single
#    one of them. This reduces overfitting.
# *silu, smoothing, l1*
#    A smooth variant of relu, targets slightly different from 0 and 1, and first-layer weights that
#    are exactly 0 unless they reduce the loss enough.
#
# The gain of a step depends on the steps before it, and the best value for one network may not be
# the best for the next: the rate here was chosen for 100 units without dropout. The recipe `best`
# of the command below has all these steps, the rate 0.003 and two more epochs; :doc:`/benchmarks`
# has its accuracy after training on all 60,000 images.
#
# .. code-block:: shell
#
#    python -m skmlp --recipe best
