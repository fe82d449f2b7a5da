"""Every way to ask for a layer's numbers gives the same numbers: those that Keras computes."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.value_range import TOP_LEVEL, Normalisation

Arrays = Mapping[str, NDArray[np.float32]]

LAYERS = ("stem.conv", "block1.residual", "block3.sum", "block6.output", "head.logits")
SCALES = (None, "block2:0,block5:0.5")


def _everything(api: TestClient, view: str, scale: str | None) -> dict[str, NDArray[np.float32]]:
    query = {"scale": scale} if scale else {}
    with np.load(io.BytesIO(api.get(f"{view}/activations.npz", params=query).content)) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("layer", LAYERS)
def test_json_npy_and_npz_agree(api: TestClient, view: str, layer: str, scale: str | None) -> None:
    query = {"scale": scale} if scale else {}
    expected = _everything(api, view, scale)[layer]
    address = f"{view}/layers/{layer}"
    alone = np.load(io.BytesIO(api.get(f"{address}/activations.npy", params=query).content))
    np.testing.assert_array_equal(alone, expected)
    with np.load(io.BytesIO(api.get(f"{address}/activations.npz", params=query).content)) as one:
        np.testing.assert_array_equal(one[layer], expected)
    words = api.get(f"{address}/activations", params={**query, "values": "true"}).json()
    for part in words["filters"]:
        values = np.array(part["values"])
        np.testing.assert_array_equal(values.astype(np.float32), expected[:, :, part["index"]])
        assert part["mean"] == pytest.approx(values.mean(), abs=1e-6)
        assert part["std"] == pytest.approx(values.std(), abs=1e-6)
        assert (part["min"], part["max"]) == (values.min(), values.max())
        assert part["zero_share"] == pytest.approx((values == 0).mean())


@pytest.mark.parametrize("normalize", Normalisation)
@pytest.mark.parametrize("layer", ["block1.residual", "block1.output"])
def test_a_grid_read_through_its_description_gives_the_values_back(
    api: TestClient, view: str, layer: str, normalize: str
) -> None:
    query = {"normalize": normalize, "zoom": "1", "labels": "false", "scale": "block2:0"}
    expected = _everything(api, view, "block2:0")[layer]
    words = api.get(f"{view}/layers/{layer}/grid.json", params=query).json()
    content = api.get(f"{view}/layers/{layer}/grid.png", params=query).content
    with Image.open(io.BytesIO(content)) as picture:
        shown = np.asarray(picture.convert("RGB"))
    palette = colours(PaletteName.DARK, diverging=words["diverging"])[: TOP_LEVEL + 1].astype(int)
    for cell in words["cells"]:
        x, y, width, height = cell["box"]
        low, high = cell["range"]
        pixels = shown[y : y + height, x : x + width].astype(int)
        levels = np.abs(pixels[:, :, None] - palette).sum(axis=-1).argmin(axis=-1)
        if not cell["dead"] and not cell["constant"]:
            values = low + levels / TOP_LEVEL * (high - low)
            wanted = expected[:, :, cell["filter"]]
            np.testing.assert_allclose(values, wanted, atol=(high - low) / TOP_LEVEL)
