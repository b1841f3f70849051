"""Public names and signatures."""

import inspect

import skmlp
import skmlp.callbacks
import skmlp.datasets
from skmlp import SoftmaxMLPClassifier


def test_public_names():
    assert skmlp.__all__ == [
        "PRESETS", "LossCurveDisplay", "PopulationGridSearchCV", "PopulationRandomizedSearchCV",
        "SoftmaxMLPClassifier", "SoftmaxMLPEnsembleClassifier", "load", "save",
    ]  # fmt: skip
    assert skmlp.datasets.__all__ == ["fetch_fashion_mnist", "load_fashion_mnist_sample"]
    for module in (skmlp, skmlp.datasets):
        assert all(hasattr(module, name) for name in module.__all__)


def signature(function):
    """Return the signature of a function without type hints."""
    found = inspect.signature(function)
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return found.replace(parameters=parameters, return_annotation=found.empty)


def test_signatures():
    fit = signature(SoftmaxMLPClassifier.fit)
    assert str(fit) == (
        "(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None)"
    )
    partial_fit = signature(SoftmaxMLPClassifier.partial_fit)
    assert str(partial_fit) == "(self, X, y, classes=None, sample_weight=None)"
    hidden_activations = signature(SoftmaxMLPClassifier.hidden_activations)
    assert str(hidden_activations) == "(self, X, layer=-1)"
    assert str(signature(SoftmaxMLPClassifier.to_sklearn)) == "(self)"
    assert str(signature(SoftmaxMLPClassifier.from_sklearn)) == "(mlp)"
    resume = signature(SoftmaxMLPClassifier.resume)
    assert str(resume) == (
        "(path, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None, "
        "callbacks=(), **params)"
    )
    assert str(signature(skmlp.callbacks.Checkpoint)) == "(path, every=1)"
    assert str(signature(skmlp.save)) == "(clf, path)"
    assert str(signature(skmlp.load)) == "(path)"
    parameters = signature(SoftmaxMLPClassifier).parameters
    assert list(parameters) == [
        "units", "activation", "init", "standardize", "n_bins", "categorical_features",
        "min_frequency", "l1", "l2", "dropout", "label_smoothing", "class_weight", "solver",
        "learning_rate", "schedule", "momentum",
        "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "batch_size", "epochs", "shuffle",
        "early_stopping", "scoring", "validation_fraction", "n_iter_no_change", "tol", "averaging",
        "calibration", "dtype", "warm_start", "random_state", "verbose",
    ]  # fmt: skip
    search = signature(skmlp.PopulationGridSearchCV)
    assert str(search) == (
        "(estimator, param_grid, *, scoring=None, refit=True, cv=None, return_train_score=False, "
        "error_score=nan, n_jobs=None, verbose=0)"
    )
    kinds = {p.kind for name, p in parameters.items() if name != "units"}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_every_parameter_and_attribute_is_documented():
    documented = inspect.getdoc(SoftmaxMLPClassifier)
    for name in signature(SoftmaxMLPClassifier).parameters:
        assert f"\n{name} : " in documented
    clf = SoftmaxMLPClassifier(units=2, epochs=1).fit([[0.0], [1.0]], [0, 1])
    properties = [n for n, _ in inspect.getmembers(type(clf), lambda v: isinstance(v, property))]
    fitted = [n for n in (*vars(clf), *properties) if n.endswith("_") and not n.startswith("_")]
    assert len(fitted) > 15
    for name in fitted:
        assert f"\n{name} : " in documented
