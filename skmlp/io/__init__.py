"""Arrays and a JSON header to and from files that carry no code.

In: plain values and one-dimensional arrays. Out: an .npz file, written atomically and without
pickle; or, read again, the same values, each of them checked. Estimators are not known here:
`skmlp.estimators.persistence` and `skmlp.estimators.warm_start` make them of what is read.
"""
