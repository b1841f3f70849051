"""Searches in which all candidates are one training run.

In: an estimator, candidates and splits. Out: what scikit-learn's searches return, score by
score. `candidates` brings every candidate on every split to the point where training begins,
`candidate_fits` trains them together, and `search` lets scikit-learn score and compare them.
"""

from skmlp.model_selection.search import PopulationGridSearchCV, PopulationRandomizedSearchCV

__all__ = ["PopulationGridSearchCV", "PopulationRandomizedSearchCV"]
