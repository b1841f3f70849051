"""
Callbacks: progress, scores and stopping
========================================

Since version 1.9, scikit-learn calls callbacks during fit, for instance at its beginning and at the
end of each epoch. A callback can show progress, record scores, or stop training. The classifier
supports all of these, alone, in an ensemble, in a pipeline and in a search.
"""

# %%
# A progress bar
# --------------
#
# `ProgressBar` needs the package rich and, in a notebook, ipywidgets. Below is the bar at the end
# of the fit.

from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)

clf = SoftmaxMLPClassifier(epochs=20, random_state=0)
clf.set_callbacks(ProgressBar())
clf.fit(X_train, y_train)

# %%
# Scores of every epoch
# ---------------------
#
# `ScoringMonitor` computes any metrics on the training rows after each epoch. It does not use a
# validation set; scores on `X_val` are in `history_`. Both together:

monitor = ScoringMonitor(scoring=["accuracy", "f1_macro"])
clf.set_callbacks(monitor)
clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)

log = monitor.get_logs().data_as_pandas
log = log[log["task_name"] == "epoch"].set_index("task_id")[["accuracy", "f1_macro"]]
log["validation_score"] = clf.history_["validation_score"]
print(log[::5].round(3).to_string())

# %%
# Your own callback
# -----------------
#
# A callback is any object with these four methods. It requests data by the names of its arguments,
# here `fitted_estimator`. This is a fitted copy of the network after the epoch, which is made only
# if a callback requests it. If a callback returns True, training ends and `stop_reason_` is
# "callback".
#
# This callback stops when the recall of every class is high enough, which early stopping cannot
# express. With `early_stopping=False`, the network keeps the parameters of the last epoch.
# Otherwise it would keep those with the lowest validation loss so far.

import matplotlib.pyplot as plt
from sklearn.metrics import recall_score


class StopAtRecall:
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


stop_at_recall = StopAtRecall(X_val, y_val, recall=0.9)
clf = SoftmaxMLPClassifier(
    epochs=100, schedule="constant", learning_rate=3e-4, early_stopping=False, random_state=0
)
clf.set_callbacks(stop_at_recall).fit(X_train, y_train)
print(f"stopped by {clf.stop_reason_!r} after {clf.n_iter_} of 100 epochs")
assert clf.stop_reason_ == "callback"
assert recall_score(y_val, clf.predict(X_val), average=None).min() >= 0.9

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
recalls = stop_at_recall.recalls
lines = ax.plot(range(1, clf.n_iter_ + 1), recalls, color="0.7", linewidth=1)
lines[0].set_label("each digit")
ax.plot(range(1, clf.n_iter_ + 1), [r.min() for r in recalls], label="minimum")
ax.axhline(0.9, color="k", linestyle=":", linewidth=1)
ax.set(xlabel="epoch", ylabel="recall")
ax.legend(frameon=False)
plt.show()

# %%
# In an ensemble
# --------------
#
# Callbacks see the fit of an estimator as a tree of tasks. The fit of an ensemble has a task for
# each member, and this task has a task for each epoch. The tasks of members that are trained
# together are open at the same time. Callbacks with an attribute `max_propagation_depth`, such as
# `ProgressBar`, are set on the ensemble, which passes them on to its members:

net = SoftmaxMLPClassifier(units=32, epochs=8, early_stopping=False)
ensemble = SoftmaxMLPEnsembleClassifier(net, n_estimators=4, random_state=0)
ensemble.set_callbacks(ProgressBar())
ensemble.fit(X_train, y_train)

# %%
# Other callbacks are called only for the tasks of the estimator that they are set on. A
# `ScoringMonitor` of the ensemble scores each member when it has been trained, and then the
# ensemble. One that is set on `estimator` scores each epoch of each member:

of_members = ScoringMonitor(scoring="accuracy")
of_ensemble = ScoringMonitor(scoring="accuracy")
ensemble.set_params(estimator=net.set_callbacks(of_members))
ensemble.set_callbacks(of_ensemble)
ensemble.fit(X_train, y_train)

log = of_members.get_logs().data_as_pandas
log = log[log["task_name"] == "epoch"].rename(columns={"task_id": "epoch"})
log["member"] = log["task_id_path"].str[1]
print(log.pivot(index="epoch", columns="member", values="accuracy").round(3).to_string(), "\n")
log = of_ensemble.get_logs().data_as_pandas
print(log[["task_name", "task_id", "accuracy"]].round(3).to_string(index=False))

# %%
# If a callback returns True at the end of a member's epoch, this member stops, and the others
# continue. With `cv`, X and y of a member's tasks are its own training rows. With `n_jobs`, small
# networks are trained in other processes, which get copies of the callbacks, as in scikit-learn's
# searches. `ProgressBar` and `ScoringMonitor` send what they record back to this process. But
# attributes that your own callback sets in another process are lost.

# %%
# In a search
# -----------
#
# Callbacks of a search are called for each of its fits. `max_propagation_depth` limits the levels
# that a progress bar shows; None includes the epochs of each network:

search = GridSearchCV(SoftmaxMLPClassifier(epochs=10, random_state=0), {"l2": [0, 1e-3]}, cv=2)
search.set_callbacks(ProgressBar(max_propagation_depth=None))
search.fit(X, y)

# %%
# Callbacks of a `PopulationGridSearchCV` are called for each candidate on each split, but not
# for the epochs of networks that are trained together. To see those, set the callbacks on the
# network or on the ensemble; candidates are then fitted one by one. With an older scikit-learn,
# `verbose=1` prints a line for each epoch, and :doc:`checkpoints <plot_resuming>`, which are set
# like callbacks, work with every supported version.
