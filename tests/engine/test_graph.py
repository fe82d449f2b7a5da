"""One LiteRT interpreter: inputs and outputs by name, and what is not the graph it should be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skiplens.core.manifest import GraphInfo
from skiplens.engine.litert import LiteRTGraph, run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import ModelError
from tests.network.tiny import SAVES_WITH_KERAS, Array, images

pytestmark = SAVES_WITH_KERAS

INPUTS: dict[str, Array] = {"image": images(), "branch_scales": np.ones((1, 3), np.float32)}


@pytest.fixture
def info(tiny_folder: Path) -> GraphInfo:
    return open_folder(tiny_folder).manifest.graphs["activations"]


@pytest.fixture
def content(tiny_folder: Path) -> bytes:
    return (tiny_folder / "activations.tflite").read_bytes()


def test_outputs_come_by_name_whatever_else_is_handed_in(content: bytes, info: GraphInfo) -> None:
    found = LiteRTGraph(content, info).run({**INPUTS, "target": np.zeros((1, 10), np.float32)})
    assert tuple(found) == info.outputs
    assert found["stem.conv"].shape == (1, 7, 7, 3)
    assert found["head.probabilities"].sum() == pytest.approx(1)


def test_running_once_is_opening_and_running(content: bytes, info: GraphInfo) -> None:
    found, again = run_once(content, info, INPUTS), LiteRTGraph(content, info).run(INPUTS)
    assert all(np.array_equal(found[name], again[name]) for name in info.outputs)


def test_results_outlive_the_next_run(content: bytes, info: GraphInfo) -> None:
    graph = LiteRTGraph(content, info)
    first = graph.run(INPUTS)["stem.conv"]
    kept = first.copy()
    graph.run({**INPUTS, "image": images(seed=9)})
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("junk", [b"", b"junk" * 100])
def test_what_is_no_graph_is_told(junk: bytes, info: GraphInfo) -> None:
    with pytest.raises(ModelError, match=r"^activations\.tflite is not a LiteRT graph: "):
        LiteRTGraph(junk, info)


def test_another_graph_is_told(content: bytes, info: GraphInfo) -> None:
    with pytest.raises(
        ModelError, match=r"takes branch_scales, image and returns 30 arrays; .* and 29$"
    ):
        LiteRTGraph(content, replace(info, outputs=info.outputs[:-1]))
    with pytest.raises(ModelError, match=r"its manifest says branch_scales, image, target and 30$"):
        LiteRTGraph(content, replace(info, inputs=(*info.inputs, "target")))
