"""Early exits and votes of the networks that ship; contracts check the numbers of streams."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from skiplens.engine.base import Engine
from skiplens.errors import NoVotesError
from skiplens.service.early_exits_and_votes import depths, early_exits, exits_at_every_depth, votes
from skiplens.service.forward import ForwardPass


def test_the_last_early_exit_is_the_prediction(
    engines: Mapping[str, Engine], forward_passes: dict[str, ForwardPass]
) -> None:
    for name, engine in engines.items():
        found = early_exits(forward_passes[name], engine.weights)
        assert found[-1].after == engine.manifest.blocks[-1].output
        assert np.abs(found[-1].probabilities - forward_passes[name].probabilities).max() < 1e-5
        for early in found:
            assert early.probabilities.sum() == pytest.approx(1, abs=1e-5)


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
    assert exits_at_every_depth(engine, forward) == ()


def with_head(forward: ForwardPass, **pool: object) -> ForwardPass:
    """The same, of a network whose pooling is another."""
    *before, last, logits, softmax = forward.manifest.layers
    changed = replace(last, **pool)  # type: ignore[arg-type]  # fields by name
    layers = (*before, changed, logits, softmax)
    return replace(forward, manifest=replace(forward.manifest, layers=layers))


def test_maps_of_another_shape_reach_the_head_through_the_projections(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    found = exits_at_every_depth(engine, forward_passes["mnist-resnet"])
    assert tuple(one.after for one in found) == depths(engine.manifest)
    assert [one.projected for one in found] == [True] * 5 + [False] * 2
    image, ones = forward_passes["mnist-resnet"].digit.as_input(), np.ones(6, np.float32)
    for at, early in enumerate(found):
        scales = ones.copy()
        scales[at:] = 0
        expected = engine.activations(image, scales)["head.probabilities"].reshape(-1)
        np.testing.assert_allclose(early.probabilities, expected, atol=1e-5)


def test_without_identity_paths_nothing_passes_a_block(
    engines: Mapping[str, Engine], forward_passes: dict[str, ForwardPass]
) -> None:
    plain, forward = engines["mnist-plain"], forward_passes["mnist-plain"]
    names = [one.after for one in exits_at_every_depth(plain, forward)]
    assert names == ["block5.output", "block6.output"]


@pytest.mark.parametrize("name", ["mnist-resnet", "mnist-plain", "mnist-highway", "mnist-classic"])
def test_a_relu_after_the_sum_leaves_no_votes(
    name: str, engines: Mapping[str, Engine], forward_passes: dict[str, ForwardPass]
) -> None:
    with pytest.raises(NoVotesError, match=f"the logits of network {name} are no sum"):
        votes(forward_passes[name], engines[name].weights)
