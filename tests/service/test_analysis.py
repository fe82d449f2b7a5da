"""Gradients by path, early exits, figures of 2016; contracts check the numbers."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.analysis import (
    classic_blocks,
    early_exits,
    gradient_by_path,
    likeness_of_2016,
)
from skiplens.service.forward import ForwardPass


def test_gradients_are_of_the_predicted_class_unless_told(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    forward = forward_passes["mnist-resnet"]
    assert gradient_by_path(engine, forward).target == 7
    assert gradient_by_path(engine, forward, 2).target == 2
    with pytest.raises(InvalidParameterError, match="target must be 0 to 9; got '10'"):
        gradient_by_path(engine, forward, 10)


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


def with_head(forward: ForwardPass, **pool: object) -> ForwardPass:
    """The same, of a network whose pooling is another."""
    *before, last, logits, softmax = forward.manifest.layers
    changed = replace(last, **pool)  # type: ignore[arg-type]  # fields by name
    layers = (*before, changed, logits, softmax)
    return replace(forward, manifest=replace(forward.manifest, layers=layers))


def test_only_blocks_of_one_convolution_at_one_width_have_them(
    forward_passes: dict[str, ForwardPass],
) -> None:
    found = classic_blocks(forward_passes["mnist-classic"].manifest)
    assert [one.convolution.name for one in found] == [f"block{at}.conv" for at in range(1, 6)]
    for name in ("mnist-resnet", "mnist-plain", "mnist-highway"):
        assert classic_blocks(forward_passes[name].manifest) == ()


@pytest.mark.parametrize(
    ("merge", "identity"), [("multiply", "block1.output"), ("add", "block2.identity")]
)
def test_one_block_of_another_kind_is_enough_to_have_none(
    forward_passes: dict[str, ForwardPass], merge: str, identity: str
) -> None:
    manifest = forward_passes["mnist-classic"].manifest
    first, second, *rest = manifest.blocks
    other = replace(second, merge=merge, identity=identity)
    assert classic_blocks(replace(manifest, blocks=(first, other, *rest))) == ()


def test_what_2016_drew_is_f_turned_round_and_what_relu_had_cut(
    forward_passes: dict[str, ForwardPass],
) -> None:
    forward = forward_passes["mnist-classic"]
    first, *later = forward.manifest.blocks
    assert likeness_of_2016(forward, first) is None
    for before, block in zip(forward.manifest.blocks, later, strict=False):
        maps = {name: one.astype(np.float64) for name, one in forward.activations.items()}
        drawn = np.minimum(maps[str(before.sum)], 0) - maps[block.residual]
        wanted = (drawn * maps[block.residual]).sum() / (
            np.linalg.norm(drawn) * np.linalg.norm(maps[block.residual])
        )
        assert likeness_of_2016(forward, block) == pytest.approx(wanted, abs=1e-5)
        assert wanted < 0
