"""From the user's arrays to a Dataset.

In: X, y and weights, as NumPy arrays, SciPy matrices or data frames. Out: a `Dataset`, which has
X as it came or, of frames, numbers and codes of categories, encoded labels and targets; class
and row weights; moments, gaps, levels and bins of the columns; the split into training and
validation rows. Estimators are not known here: what
needs one, such as scikit-learn's ``validate_data``, is in `skmlp.estimators`.
"""
