import inspect

import skmlp
import skmlp.datasets
from skmlp import SoftmaxMLPClassifier


def test_the_public_names_are_these():
    assert skmlp.__all__ == ["LossCurveDisplay", "SoftmaxMLPClassifier", "load", "save"]
    assert skmlp.datasets.__all__ == ["fetch_fashion_mnist", "load_fashion_mnist_sample"]
    for module in (skmlp, skmlp.datasets):
        assert all(hasattr(module, name) for name in module.__all__)


def test_the_signatures_are_these():
    fit = inspect.signature(SoftmaxMLPClassifier.fit)
    assert str(fit) == (
        "(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None)"
    )
    assert str(inspect.signature(skmlp.save)) == "(clf, path)"
    assert str(inspect.signature(skmlp.load)) == "(path)"
    parameters = inspect.signature(SoftmaxMLPClassifier).parameters
    assert list(parameters) == [
        "units", "activation", "init", "l1", "l2", "solver", "learning_rate", "schedule",
        "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "batch_size",
        "epochs", "shuffle", "dtype", "random_state", "verbose",
    ]  # fmt: skip
    kinds = {p.kind for name, p in parameters.items() if name != "units"}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_every_parameter_and_attribute_is_documented():
    documented = inspect.getdoc(SoftmaxMLPClassifier)
    for name in inspect.signature(SoftmaxMLPClassifier).parameters:
        assert f"\n{name} : " in documented
    clf = SoftmaxMLPClassifier(units=2, epochs=1).fit([[0.0], [1.0]], [0, 1])
    properties = [n for n, _ in inspect.getmembers(type(clf), lambda v: isinstance(v, property))]
    fitted = [n for n in (*vars(clf), *properties) if n.endswith("_") and not n.startswith("_")]
    assert len(fitted) > 15
    for name in fitted:
        assert f"\n{name} : " in documented
