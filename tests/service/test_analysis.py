"""Gradients by path, early exits, figures of 2016; contracts check the numbers."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.manifest import AS_TRAINED
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.samples import load_samples
from skiplens.service.analysis import (
    classic_blocks,
    gradient_by_path,
    has_path_lengths,
    likeness_of_2016,
    slopes_between,
)
from skiplens.service.forward import ForwardPass, branch_scales


def test_gradients_are_of_the_predicted_class_unless_told(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    forward = forward_passes["mnist-resnet"]
    assert gradient_by_path(engine, forward).target == 7
    assert gradient_by_path(engine, forward, 2).target == 2
    with pytest.raises(InvalidParameterError, match="target must be 0 to 9; got '10'"):
        gradient_by_path(engine, forward, 10)


def test_slopes_are_the_differences_of_the_logit_along_the_line(engine: Engine) -> None:
    start, end = (sample.digit for sample in load_samples()[:2])
    found = slopes_between(engine, AS_TRAINED, start, end, 3, 4)
    on = branch_scales(engine.manifest, AS_TRAINED)

    def logit(place: float) -> float:
        image = (1 - place) * start.as_input() + place * end.as_input()
        return float(engine.activations(image.astype(np.float32), on)["head.logits"][0, 0, 3])

    logits = [logit(at / 4) for at in range(5)]
    np.testing.assert_allclose(found, 4 * np.diff(logits), atol=1e-3)


def test_only_streams_of_convolutions_have_path_lengths(
    forward_passes: dict[str, ForwardPass], engines: Mapping[str, Engine]
) -> None:
    assert has_path_lengths(engines["mnist-stream"].manifest)
    for name in ("mnist-resnet", "mnist-classic", "mnist-highway", "mnist-plain"):
        assert not has_path_lengths(forward_passes[name].manifest)


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
