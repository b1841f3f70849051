r"""
Fashion-MNIST from start to finish
==================================

Small grey images of clothes and shoes, in ten classes: from the raw pixels to a network that is
scored, looked into, saved and used. The page trains on 5,000 images that come with the package, so
it runs anywhere in half a minute. At its end stand steps taken on all 60,000 images, from the 0.815
of the notebook that the package grew out of to more than 0.90, each with what it gains.
"""

# %%
# Looking at the images
# ---------------------
#
# `load_fashion_mnist_sample` reads the packaged images; `fetch_fashion_mnist` has the same
# arguments and returns all 70,000, which it downloads once if it has to. An image is a row of 28 x
# 28 pixels, whole numbers from 0, the background, to 255.

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
# A shirt, a pullover and a coat are hard to tell apart at this size, a T-shirt and a dress too.
# That is what makes these images worth more than handwritten digits.
#
# The classes have names in English and in Korean, and there are equally many of each:

counts = np.bincount(sample.target)
for k, (name, name_ko) in enumerate(zip(names, sample.target_names_ko, strict=True)):
    print(f"{k}  {counts[k]}  {name:12} {name_ko}")

# %%
# A split that keeps the classes equal
# ------------------------------------
#
# A fifth of the images is set aside to judge by. Drawn at random, some classes would have more
# images in it than others; *stratified*, each has its fifth:

from sklearn.model_selection import train_test_split

for title, stratify in {"at random": None, "stratified": sample.target}.items():
    _, held_out = train_test_split(sample.target, test_size=0.2, stratify=stratify, random_state=42)
    print(f"{title:10}", np.bincount(held_out))

X_train, X_val, y_train, y_val = train_test_split(
    sample.data, sample.target, test_size=0.2, stratify=sample.target, random_state=42
)
print("to train on", X_train.shape, " to judge by", X_val.shape)

# %%
# The 1,000 *test* images of the sample are not read yet. They are for the end: whoever chooses by
# them can no longer be told by them how good the choice is.
#
# Scaling
# -------
#
# Weights are drawn for inputs of about 1. Pixels of up to 255 make sums of hundreds, for which the
# logistic function is flat: its slope, and so every gradient that goes through it, is 0. So divide
# by 255, in single precision, which is exact enough and half the memory:

X_train, X_val = X_train / np.float32(255), X_val / np.float32(255)
print(X_train.dtype, "from", X_train.min(), "to", X_train.max(), " mean", X_train.mean().round(3))

# %%
# The classifier would have done without. By default it learns each pixel's mean and spread and
# folds them into the first layer (`standardize=True`), so it takes the whole numbers as they are.
#
# One-hot rows
# ------------
#
# The network has ten outputs, so a label becomes a row of ten numbers: :ref:`1 at its class and 0
# elsewhere <sphx_glr_generated_learn_plot_1_softmax.py>`. Scikit-learn's `LabelBinarizer` makes
# these rows, and reads them back:

from sklearn.preprocessing import LabelBinarizer

binarizer = LabelBinarizer().fit(y_train)
Y = binarizer.transform(y_train)
print(y_train[:3], Y[:3], binarizer.inverse_transform(Y[:3]), sep="\n")

# %%
# `fit` does this itself and takes labels, whatever they are; its binarizer is `label_binarizer_`.
#
# Training
# --------
#
# Three networks with one hidden layer of 100 units each, for 40 epochs. The first is the
# notebook's: logistic units, weights from the standard normal distribution, plain gradient steps.
# The second is what you get without setting anything. The third is kept from learning the images by
# heart: by a penalty on the weights of the first layer, and by *dropout*, which hides a tenth of
# the pixels and three tenths of the hidden units in every step, others each time. It has the pixels
# as they are, so that we can look at its weights later.

from skmlp import LossCurveDisplay, SoftmaxMLPClassifier

notebook = SoftmaxMLPClassifier(
    units=100,
    activation="logistic",
    init="standard_normal",
    standardize=False,
    solver="sgd",
    momentum=0.0,
    schedule="constant",
    learning_rate=0.1,
    batch_size=256,
    epochs=40,
    l2=0.0,
    label_smoothing=0.0,
    random_state=0,
)
defaults = SoftmaxMLPClassifier(random_state=0)
regularized = SoftmaxMLPClassifier(
    standardize=False, epochs=40, l2=(1e-3, 0.0), dropout=(0.1, 0.3), random_state=0
)
networks = {"the notebook's": notebook, "defaults": defaults, "regularized": regularized}
for name, clf in networks.items():
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    right = [clf.score(X_train, y_train), clf.score(X_val, y_val)]
    print(f"{name:15} accuracy: training {right[0]:.3f}, validation {right[1]:.3f}")
assert regularized.score(X_val, y_val) > notebook.score(X_val, y_val) + 0.1

# %%
# With `X_val` and `y_val` the history has both curves, the loss of the training images and that of
# the images set aside:

fig, axes = plt.subplots(1, 3, figsize=(8, 3.2), layout="constrained", sharey=True)
for ax, (name, clf) in zip(axes, networks.items(), strict=True):
    LossCurveDisplay.from_estimator(clf, ax=ax)
    ax.set(title=name, ylim=(0, 1.5))
plt.show()

# %%
# - *The notebook's* loss is still falling when the epochs are over: it learns too slowly.
# - *The defaults* know every training image in the end, and their validation loss has turned and
#   risen: what they learn late is true of these images and not of others. That is *overfitting*.
#   (The hump in the middle is the schedule's, whose steps are largest there.)
# - *Regularized*, the training loss stays above the validation loss, as it is measured with parts
#   of the network hidden and has the penalty in it, and the validation loss goes on falling.
#
# The accuracy of each epoch is in the history too:

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for k, (name, clf) in enumerate(networks.items()):
    epochs = range(1, clf.n_iter_ + 1)
    ax.plot(epochs, clf.history_["validation_score"], color=f"C{k}", label=name)
    ax.plot(epochs, clf.history_["score"], color=f"C{k}", linestyle=":")
ax.set(xlabel="epoch", ylabel="accuracy", title="validation images; dotted: training images")
ax.legend(frameon=False, loc="lower right")
plt.show()

# %%
# How sure is such a number? It is a share of 1,000 images, and so has a standard error of about
# 0.011. Between the second network and the third that decides little. Their validation losses,
# which count how sure every answer was, are clearly apart:

for name, clf in networks.items():
    p = clf.score(X_val, y_val)
    error = np.sqrt(p * (1 - p) / len(y_val))
    losses = clf.validation_loss_curve_
    print(f"{name:15} {p:.3f} ± {error:.3f}   loss {losses[-1]:.3f}, at best {min(losses):.3f}")

# %%
# Which classes are mistaken for which
# ------------------------------------
#
# In each row of the *confusion matrix* are the images of one class, in each column those that were
# taken for one. Right answers are on the diagonal.

from sklearn.metrics import ConfusionMatrixDisplay, classification_report

clf = regularized
y_pred = clf.predict(X_val)
fig, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_val,
    y_pred,
    display_labels=names,
    xticks_rotation=45,
    cmap="Blues",
    colorbar=False,
    ax=ax,
)
plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
plt.show()
print(classification_report(y_val, y_pred, target_names=names, digits=3))

# %%
# Trousers, bags and ankle boots are hardly ever mistaken, shoes almost only for other shoes. Most
# of the trouble is between shirts and what is worn in their place: of the shirts, little more than
# half are found.
#
# The worst mistakes
# ------------------
#
# Where the network was surest and yet wrong. High sneakers are taken for ankle boots and wide
# shirts for bags, and some of the labels one may doubt:

proba = clf.predict_proba(X_val)
ImageGridDisplay.from_predictions(
    X_val, y_val, y_pred, target_names=names, proba=proba, max_images=15, n_columns=5
)
plt.show()

# %%
# What the hidden units look for
# ------------------------------
#
# A hidden unit multiplies every pixel by a weight, so its weights are an image as well. Red pixels
# excite the unit, blue ones hold it back:

ImageGridDisplay.from_weights(clf, max_images=18, n_columns=6)
plt.show()

# %%
# Necklines, sleeves, the gap between trouser legs: drawn by gradients alone, no one has told the
# network what clothes are made of. In the corners, where hardly anything is ever seen, the penalty
# has left nothing.
#
# Now the notebook's. Its weights began as large random numbers, and 40 epochs of small steps have
# hardly moved them. What it knows is almost all in its second layer, which makes the best of
# 100 random views of an image:

ImageGridDisplay.from_weights(notebook, max_images=6, n_columns=6)
plt.show()

# %%
# At last, the test images
# ------------------------
#
# The choice is made, so now is the time to look at them, once:

test = load_fashion_mnist_sample("test")
print(f"test accuracy {clf.score(test.data / np.float32(255), test.target):.3f}")

# %%
# Saved, loaded, and asked for a name
# -----------------------------------

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
    verdict = "right" if guess == label else f"wrong, it is {names[label]}"
    print(f"{proba[guess]:6.1%} {names[guess]:12} {verdict:25} {test.target_names_ko[guess]}")

# %%
# .. _fashion-mnist-steps:
#
# From 0.815 to more than 0.90
# ----------------------------
#
# With all the images, in the notebook's split of 48,000 to train on and 12,000 to judge by, the
# notebook's network comes to 0.815. Each step keeps what the steps before it changed and changes
# one thing more, in two cases with the rate that goes with it. All train for 40 epochs.
#
# .. include:: /benchmarks/steps.txt
#
# *validation*, *training*
#    Accuracy after the last epoch, on the images set aside, and on 10,000 of those trained on.
# *gain*
#    By how much a step is ahead of the one before, on the images set aside.
#
# .. include:: /benchmarks/steps_notes.txt
#
# What the steps do:
#
# *initialization*
#    Sums of many weights as large as 1 are tens, where the logistic function is flat and has no
#    slope to learn by. `init="auto"` draws smaller weights the more of them are summed up.
# *activation*
#    The logistic function's slope is at most a quarter. That of relu is 1 wherever it is not 0.
# *standardized pixels*
#    Every pixel has mean 0 and spread 1 over the training images, so that pixels near the edges,
#    which are seldom other than 0, are learnt from as fast as those in the middle.
# *Adam*
#    A step size for each weight, the smaller the larger its gradients have been.
# *schedule*
#    The rate rises, then falls to 0: large steps while there is far to go, and calm in the end. See
#    how the training images are then known almost by heart. That this helps with others is another
#    matter.
# *width and depth*
#    Seven times as many weights, in two hidden layers.
# *dropout*
#    Numbers are hidden at random, so that the network cannot rely on any one of them. It knows less
#    of the training images by heart.
# *silu, smoothing, l1*
#    A smooth relu, targets a little less certain than 0 and 1, and first-layer weights that are 0
#    unless they earn their keep.
#
# What a step gains depends on what is there before it, and a number that was the best for one
# network need not suit the next: the rate here was chosen for 100 units without dropout. The recipe
# `best` of the main job has all these steps, the rate 0.003 and two epochs more; :doc:`/benchmarks`
# has its accuracy after training on all 60,000 images.
#
# .. code-block:: shell
#
#    python -m skmlp --recipe best
