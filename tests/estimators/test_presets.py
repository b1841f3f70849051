"""PRESETS: valid, complete and read-only."""

import pytest

from skmlp import PRESETS, SoftmaxMLPClassifier
from skmlp.training.config import TrainConfig


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_parameters(name):
    params = PRESETS[name]
    assert not {"random_state", "verbose"} & params.keys()
    clf = SoftmaxMLPClassifier(**params)
    TrainConfig.from_params(clf.get_params())
    assert params.items() <= clf.get_params().items()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_changed_in_a_copy_only(name):
    changed = PRESETS[name] | {"epochs": 5}
    assert SoftmaxMLPClassifier(**changed).epochs == 5
    assert PRESETS[name] != changed
    with pytest.raises(TypeError):
        PRESETS[name]["epochs"] = 5
    with pytest.raises(TypeError):
        PRESETS["other"] = {}
