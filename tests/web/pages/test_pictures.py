"""Pictures that only the pages need."""

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.service.services import Services
from skiplens.web import links


def test_the_sheet_holds_every_sample_in_order(client: TestClient, services: Services) -> None:
    samples = services.digits.samples
    answer = client.get(links.samples_png(samples))
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert sheet.shape == (28, 28 * len(samples))
    for at, digit in enumerate(samples):
        assert Digit.of(sheet[:, 28 * at : 28 * (at + 1)].copy()).id == digit


def test_the_sheets_address_changes_with_it() -> None:
    assert links.samples_png(["a", "b"]) != links.samples_png(["b", "a"])


def test_a_filters_kernel_is_a_picture(client: TestClient) -> None:
    address = links.filter_kernel_png("mnist-resnet", "block1.conv1", 3)
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (4 * 38 + 2, 4 * 38 + 2)


@pytest.mark.parametrize(("layer", "index"), [("block1.norm1", 0), ("block1.conv1", 16)])
def test_what_has_no_kernel_has_no_picture(client: TestClient, layer: str, index: int) -> None:
    address = links.filter_kernel_png("mnist-resnet", layer, index)
    assert client.get(address).status_code == 404
