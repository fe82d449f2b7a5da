from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from skiplens.engine.base import Engine
from skiplens.service.analysis import early_exits
from skiplens.service.forward import ForwardPass


def test_the_last_readout_is_the_answer(
    engines: Mapping[str, Engine], forward_passes: dict[str, ForwardPass]
) -> None:
    for name, engine in engines.items():
        found = early_exits(forward_passes[name], engine.weights)
        assert found[-1].after == engine.manifest.blocks[-1].output
        assert np.abs(found[-1].probabilities - forward_passes[name].probabilities).max() < 1e-5
        for one in found:
            assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_maximum_over_whole_maps_and_scores_without_bias_are_read_as_such(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    forward = with_head(forward_passes[engine.manifest.id], kind="GlobalMaxPooling2D")
    kernel = {"head.logits/kernel": engine.weights["head.logits/kernel"]}
    scores = forward.activations["block6.output"].max(axis=(0, 1)) @ kernel["head.logits/kernel"]
    expected = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(
        early_exits(forward, kernel)[-1].probabilities, expected, rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize(
    "pool",
    [
        {"inputs": ("block6.sum",)},
        {"kind": "AveragePooling2D", "window": (3, 3), "strides": (2, 2), "shape": (3, 3, 64)},
        {"kind": "AveragePooling2D", "window": (2, 2), "strides": (2, 2), "shape": (4, 4, 64)},
        {"role": "conv", "kind": "Conv2D"},
    ],
    ids=["not of the last block", "overlapping", "beyond the edge", "no pooling"],
)
def test_another_head_is_not_read_early(
    engine: Engine, forward_passes: dict[str, ForwardPass], pool: dict[str, object]
) -> None:
    forward = with_head(forward_passes[engine.manifest.id], **pool)
    assert early_exits(forward, engine.weights) == ()


def with_head(forward: ForwardPass, **pool: object) -> ForwardPass:
    """The same, of a network whose pooling is another."""
    *before, last, logits, softmax = forward.manifest.layers
    changed = replace(last, **pool)  # type: ignore[arg-type]  # fields by name
    layers = (*before, changed, logits, softmax)
    return replace(forward, manifest=replace(forward.manifest, layers=layers))
