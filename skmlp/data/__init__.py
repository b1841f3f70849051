"""From the user's arrays to a Dataset.

In: X, y and weights, as NumPy arrays or SciPy matrices. Out: a `Dataset`, which has X as it
came, encoded labels and targets; class and row weights; the moments and the bins of the
columns; the split into training and validation rows. Estimators are not known here: what
needs one, such as scikit-learn's ``validate_data``, is in `skmlp.estimators`.
"""
