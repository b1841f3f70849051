"""
Looking on, and stopping
========================

Since 1.9, scikit-learn tells callbacks what an estimator is doing while it is fitted: that a fit
begins, that an epoch is over. A callback can show progress, keep scores, or stop the training. The
network supports all of that, alone, in a pipeline and in a search.
"""

# %%
# A bar
# -----
#
# `ProgressBar` draws with rich, which has to be installed. Below is what is left of the bar at the
# end.

from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skmlp import SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)

clf = SoftmaxMLPClassifier(epochs=20, random_state=0)
clf.set_callbacks(ProgressBar())
clf.fit(X_train, y_train)

# %%
# Scores of every epoch
# ---------------------
#
# `ScoringMonitor` scores on the training rows after each epoch, by whatever metrics. For a
# validation set, which it does not see, there is `X_val` and `history_`; both at once:

monitor = ScoringMonitor(scoring=["accuracy", "f1_macro"])
clf.set_callbacks(monitor)
clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)

log = monitor.get_logs().data_as_pandas
log = log[log["task_name"] == "epoch"].set_index("task_id")[["accuracy", "f1_macro"]]
log["validation_score"] = clf.history_["validation_score"]
print(log[::5].round(3).to_string())

# %%
# Your own
# --------
#
# A callback is any object with these four methods. It asks for what it needs by naming it:
# `fitted_estimator` is a copy of the network as it is after the epoch, which predicts; it is made
# only if somebody asks. To return True ends the training, as "callback" in `stop_reason_`. This one
# stops when all classes are found well enough on rows of its choice, which early stopping cannot
# say:

import matplotlib.pyplot as plt
from sklearn.metrics import recall_score


class StopWhenAllAreFound:
    def __init__(self, X, y, recall):
        self.X, self.y, self.recall = X, y, recall
        self.recalls = []

    def setup(self, estimator, context):
        self.recalls.clear()

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name != "epoch":
            return None
        recall = recall_score(self.y, fitted_estimator.predict(self.X), average=None)
        self.recalls.append(recall)
        return bool(recall.min() >= self.recall)


watch = StopWhenAllAreFound(X_val, y_val, recall=0.9)
clf = SoftmaxMLPClassifier(epochs=100, schedule="constant", learning_rate=1e-3, random_state=0)
clf.set_callbacks(watch).fit(X_train, y_train)
print(f"stopped by {clf.stop_reason_!r} after {clf.n_iter_} of 100 epochs")
assert clf.stop_reason_ == "callback"
assert recall_score(y_val, clf.predict(X_val), average=None).min() >= 0.9

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
lines = ax.plot(range(1, clf.n_iter_ + 1), watch.recalls, color="0.7", linewidth=1)
lines[0].set_label("each digit")
ax.plot(range(1, clf.n_iter_ + 1), [r.min() for r in watch.recalls], label="the worst")
ax.axhline(0.9, color="k", linestyle=":", linewidth=1)
ax.set(xlabel="epoch", ylabel="share found")
ax.legend(frameon=False)
plt.show()

# %%
# In a search
# -----------
#
# Callbacks of a search hear of its fits, and `max_propagation_depth` says how deep a bar looks.
# None is all the way down to the epochs of each network:

search = GridSearchCV(SoftmaxMLPClassifier(epochs=10, random_state=0), {"l2": [0, 1e-3]}, cv=2)
search.set_callbacks(ProgressBar(max_propagation_depth=None))
search.fit(X, y)

# %%
# Callbacks of a `PopulationGridSearchCV` hear of each candidate on each split, but not of the
# epochs of networks that are trained together. With an older scikit-learn, `verbose=1` prints a
# line for each epoch, and :doc:`checkpoints <plot_resuming>`, which are set like callbacks, work
# with every version.
