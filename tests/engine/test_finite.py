"""The one check that what enters is finite."""

import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo
from skiplens.engine.base import check_finite, layers_to_check
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import NonFiniteError
from skiplens.network.graphs import compile_activations
from skiplens.network.tracing import instrument
from tests.conftest import MODELS
from tests.network.tiny import images, tiny_network


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e25])
@pytest.mark.parametrize("where", [(0, 0, 0), (3, 2, 1)])
def test_one_bad_value_anywhere_is_refused_by_name(wrong: float, where: tuple[int, ...]) -> None:
    good = np.ones((4, 3, 2), np.float32)
    bad = good.copy()
    bad[where] = wrong
    with pytest.raises(
        NonFiniteError, match=r"^layer block1\.sum holds a value that is NaN or inf"
    ):
        check_finite({"stem.conv": good, "block1.sum": bad})


def test_finite_values_pass() -> None:
    extremes = np.array([[0, -0.0, 1e-45, 3e18, -3e18]], np.float32)
    check_finite({"a": extremes, "b": np.zeros((0, 3), np.float32), "c": extremes[:, ::2]})


def test_few_layers_tell_of_all() -> None:
    network = open_folder(MODELS / "mnist-resnet").manifest
    told = {
        layer.role for layer in network.layers if layer.name not in layers_to_check(network.layers)
    }
    assert told == {"conv", "activation", "residual", "sum", "output"}
    assert not {"norm", "identity", "logits"} & told


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "spoilt", ["stem.conv", "block1.conv1", "block1.conv2", "block2.shortcut", "block3.gate.conv"]
)
def test_a_value_that_is_no_number_is_told_wherever_it_arises(spoilt: str, wrong: float) -> None:
    network = tiny_network()
    opened = instrument(network)
    layer = next(one for one in opened.model.layers if one.name == spoilt)
    layer.bias.assign(np.array([wrong, *layer.bias.numpy()[1:]], np.float32))
    graph = compile_activations(opened)
    info = GraphInfo("activations.tflite", graph.inputs, graph.outputs, 0.0)
    for gate in (0, 1):
        inputs = {"image": images(), "branch_scales": np.full((1, 3), gate, np.float32)}
        found = run_once(graph.content, info, inputs)
        with pytest.raises(NonFiniteError, match="holds a value that is NaN"):
            check_finite(found, layers_to_check(opened.layers))
