"""Networks, objectives, penalties, optimizers, scalings and dropout are immutable."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from skmlp.core.dropout import Dropout
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.penalties import Penalty
from skmlp.core.scaling import Scaling
from tests.core.problems import network, objective

OBJECTS = [
    network(3, 2),
    objective(network(3, 2)),
    Penalty(6),
    SGD(),
    Adam(),
    Scaling(None, np.ones(3)),
    Dropout((0.5,), np.empty((), object)),
]


@pytest.mark.parametrize("instance", OBJECTS, ids=lambda instance: type(instance).__name__)
def test_fields_cannot_be_assigned(instance):
    for field in fields(instance):
        with pytest.raises(FrozenInstanceError):
            setattr(instance, field.name, None)
