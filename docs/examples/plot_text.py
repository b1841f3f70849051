"""
Sparse text and feature selection by l1
=======================================

Text is represented by a matrix with a column for each word, in which almost all entries are zero.
Such a matrix stays sparse in all computations, so zeros take neither memory nor time. The penalty
l1 makes weights exactly zero, and so selects the useful ones of thousands of words.

The texts are the docstrings of SciPy's functions, which are available wherever this package is
installed. The task is to predict the subpackage of a function.
"""

# %%
# A corpus from docstrings
# ------------------------
#
# Examples and full names of subpackages are removed. If several functions have the same text, it is
# used only once, so that it cannot be in both the training and the test set.

import importlib
import inspect
import re

import numpy as np
from sklearn.model_selection import train_test_split

topics = ["fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse",
          "spatial", "special", "stats"]  # fmt: skip
topic_of = {}
for topic in topics:
    module = importlib.import_module(f"scipy.{topic}")
    for name in module.__all__:
        text = (inspect.getdoc(getattr(module, name)) or "").partition("Examples\n----")[0]
        text = re.sub(r"scipy\.\w+", "", text)
        if len(text) > 200:
            topic_of.setdefault(text, topic)
texts, y = list(topic_of), np.array(list(topic_of.values()))
train, test, y_train, y_test = train_test_split(texts, y, stratify=y, random_state=0)
print(len(train), "training texts,", len(test), "test texts")

# %%
# Training on a sparse matrix
# ---------------------------
#
# The network takes the sparse matrix of the vectorizer, which has divided each row by its norm. All
# rows have the norm 1, although they differ in their numbers of words. `fit` finds this, and then
# it does not standardize the columns.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skmlp import SoftmaxMLPClassifier


def make(norm="l2", **params):
    words = TfidfVectorizer(
        sublinear_tf=True, min_df=2, token_pattern="[A-Za-z]{3,}", norm=norm, dtype=np.float32
    )
    return make_pipeline(words, SoftmaxMLPClassifier(random_state=0, **params))


network = make(units=50).fit(train, y_train)
X = network[0].transform(train)
print("words:", X.shape[1], " mean per text:", X.nnz // X.shape[0])
sparse, full = X.data.nbytes + X.indices.nbytes, np.prod(X.shape) * X.dtype.itemsize
print(f"memory: {sparse / 1e6:.1f} MB, as an array {full / 1e6:.1f} MB")
print(f"test accuracy: {network.score(test, y_test):.3f}")

# %%
# Rows with different norms are standardized: each word gets the same scale. So the weights that
# tf-idf gave to the words are lost, and a text with many words has a larger gradient than one with
# few. On these texts, which are long, accuracy and log-loss are worse. On short texts, of a line or
# a few lines, there was no difference.

from sklearn.metrics import log_loss

models = {
    "norm 1": network,
    "any norm, standardized": make(norm=None, units=50).fit(train, y_train),
}
losses = {name: log_loss(y_test, model.predict_proba(test)) for name, model in models.items()}
for name, model in models.items():
    print(f"{name:23} accuracy {model.score(test, y_test):.3f}, log-loss {losses[name]:.3f}")
assert losses["norm 1"] < losses["any norm, standardized"]

# %%
# A dense array gives the same network, up to rounding. Five epochs of both:

few = SoftmaxMLPClassifier(50, epochs=5, random_state=0)
proba = few.fit(X, y_train).predict_proba(X)
difference = np.abs(few.fit(X.toarray(), y_train).predict_proba(X) - proba).max()
print(f"largest difference of a probability: {difference:.0e}")
assert difference < 1e-5

# %%
# Feature selection by l1
# -----------------------
#
# Without a hidden layer, each weight belongs to one word and one topic. A stronger l1 leaves fewer
# non-zero weights. At first, the accuracy decreases only slightly:

import matplotlib.pyplot as plt

strengths = [0, 3e-5, 1e-4, 3e-4, 1e-3]
models = [make(units=(), l1=l1, l2=0, learning_rate=0.03).fit(train, y_train) for l1 in strengths]
accuracy = [model.score(test, y_test) for model in models]
left = [np.count_nonzero(model[-1].coefs_[0]) for model in models]
for row in zip(strengths, left, accuracy, strict=True):
    print("l1 = {:<6g} {:6} weights, accuracy {:.3f}".format(*row))

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.semilogx(left, accuracy, "o-")
for l1, x, height in zip(strengths, left, accuracy, strict=True):
    ax.annotate(f"l1 = {l1:g}", (x, height), (0, -14), textcoords="offset points", ha="center")
ax.set(xlabel="non-zero weights", ylabel="test accuracy", ylim=(0.83, 1))
ax.margins(x=0.12)
plt.show()

# %%
# The five words with the largest weights for each topic:

model = models[strengths.index(3e-4)]
names = model[0].get_feature_names_out()
for topic, weights in zip(model[-1].classes_, model[-1].coefs_[0].T, strict=True):
    best = np.argsort(-weights)[:5]
    print(f"{topic:12} {np.count_nonzero(weights):4} weights:", *names[best])
