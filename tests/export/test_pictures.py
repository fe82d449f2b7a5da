import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.manifest import Manifest
from skiplens.export.gallery import ExportContext, draw
from skiplens.service.images import block_table


@pytest.fixture(scope="module")
def manifest(context: ExportContext) -> Manifest:
    return context.engine.manifest


def test_every_layer_convolution_and_block_is_there(
    context: ExportContext, manifest: Manifest
) -> None:
    paths = set(draw(context).by_path())
    assert {f"layers/{layer.name}.png" for layer in manifest.layers} <= paths
    assert {f"kernels/{one.name}.png" for one in manifest.layers if one.kernel} <= paths
    for block in manifest.blocks:
        parts = ("maps", "x", "residual", "sum", "output", "kernels.conv1", "kernels.conv2")
        assert {f"blocks/{block.name}/{part}.png" for part in parts} <= paths


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("layers/block2.output.png", "digits/{digit}/layers/block2.output/grid.png?scale=block2:0"),
        ("layers/head.logits.png", "digits/{digit}/layers/head.logits/grid.png?scale=block2:0"),
        ("kernels/block3.conv1.png", "layers/block3.conv1/kernels.png"),
        ("blocks/block2/maps.png", "digits/{digit}/blocks/block2/maps.png?scale=block2:0"),
    ],
)
def test_pictures_are_those_of_the_api_byte_for_byte(
    context: ExportContext, client: TestClient, digit: Digit, path: str, address: str
) -> None:
    answer = client.get(f"/api/v1/networks/mnist-resnet/{address.format(digit=digit.id)}")
    assert answer.status_code == 200
    assert draw(context).by_path()[path].png() == answer.content


def test_the_parts_of_a_block_share_the_range_of_its_strip(context: ExportContext) -> None:
    block = context.engine.manifest.blocks[0]
    strip = block_table(context.forward, block, context.options.palette)
    parts = draw(context).blocks[block.name].parts
    assert [*parts] == ["x", "F(x)", "sum", "output"]
    assert {grid.range for grid in parts.values()} == {strip.range}
    residual = context.forward.activations[block.residual]
    assert np.array_equal(parts["F(x)"].maps, residual)


def test_the_first_block_is_not_left_out_and_no_kernel_is(context: ExportContext) -> None:
    first = draw(context).blocks["block1"]
    for layer, kernels in first.kernels.items():
        assert kernels.kernel.shape == context.engine.weights[f"{layer}/kernel"].shape
        assert len(kernels.geometry.boxes) == kernels.kernel.shape[2] * kernels.kernel.shape[3]
