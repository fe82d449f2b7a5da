"""Which networks have the pictures of 2016, and how far off its residuals were."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.service.analysis import classic_blocks, likeness_of_2016
from skiplens.service.forward import ForwardPass


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
