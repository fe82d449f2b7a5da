"""The live frame: the same numbers as the stored routes give, and nothing kept."""

import io
import json
import struct
from dataclasses import dataclass
from typing import Any

import anyio
import numpy as np
import pytest
from httpx2 import Response
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.engine.base import Engine
from tests.web.conftest import NETWORK, Refused, Start
from tests.web.engines import WatchedEngine
from tests.web.http.asgi import Exchange
from tests.web.images import drawing, encoded

LIVE = f"{NETWORK}/live"
SHOWN = ("block1.sum", "stem.conv", "head.logits")
IMAGE = encoded(255 - drawing(90))


@dataclass
class Frame:
    """A frame as a script reads it."""

    header: dict[str, Any]
    input: NDArray[np.uint8]
    maps: dict[str, NDArray[np.float32]]


def read(answer: Response) -> Frame:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    content = answer.content
    (length,) = struct.unpack_from("<I", content)
    header, body = json.loads(content[4 : 4 + length]), content[4 + length :]
    maps = {}
    for layer in header["layers"]:
        count = int(np.prod(layer["shape"]))
        values = np.frombuffer(body, "<f4", count, layer["offset"])
        maps[layer["name"]] = values.reshape(layer["shape"])
    return Frame(header, np.frombuffer(body, np.uint8, 784).reshape(28, 28), maps)


def post(api: TestClient, layers: str = "", scale: str = "", image: bytes = IMAGE) -> Response:
    query = {name: value for name, value in (("layers", layers), ("scale", scale)) if value}
    headers = {"content-type": "image/png"}
    return api.post(LIVE, content=image, params=query, headers=headers)


@pytest.mark.parametrize("scale", ["", "block2:0,block5:0.5"])
def test_a_frame_has_the_numbers_of_the_stored_digit(api: TestClient, scale: str) -> None:
    frame = read(post(api, ",".join(SHOWN), scale))
    kept = api.post("/api/v1/digits", files={"file": IMAGE}).json()
    view, query = f"{NETWORK}/digits/{kept['id']}", {"scale": scale} if scale else {}
    said = api.get(f"{view}/prediction", params=query).json()
    assert {name: frame.header[name] for name in said} == said
    assert (frame.header["inverted"], frame.header["warnings"]) == (False, kept["warnings"])
    np.testing.assert_array_equal(frame.input, _array(api, kept["input_url"], {}))
    assert list(frame.maps) == list(SHOWN)
    for name, maps in frame.maps.items():
        stored = _array(api, f"{view}/layers/{name}/activations.npy", query)
        np.testing.assert_array_equal(maps, stored)


def _array(api: TestClient, address: str, query: dict[str, str]) -> NDArray[np.float32]:
    content = api.get(address.replace("input.png", "input.npy"), params=query).content
    array: NDArray[np.float32] = np.load(io.BytesIO(content))
    return array


def test_blocks_and_scales_are_those_of_the_stored_routes(api: TestClient) -> None:
    frame = read(post(api, "block3.residual"))
    digit = api.post("/api/v1/digits", files={"file": IMAGE}).json()["id"]
    view = f"{NETWORK}/digits/{digit}"
    stored = api.get(f"{view}/blocks").json()["blocks"]
    figures = [{name: one[name] for name in stored[0]} for one in frame.header["blocks"]]
    assert figures == stored
    before, after = frame.header["blocks"][1:3]
    assert before["norm_output"] == after["norm_input"] > 0
    for normalize, said in (
        ("network", frame.header["network_range"]),
        ("block", frame.header["layers"][0]["block_range"]),
    ):
        grid = f"{view}/layers/block3.residual/grid.json?normalize={normalize}"
        reach = max(map(abs, said))
        assert api.get(grid).json()["cells"][0]["range"] == [-reach, reach]


def test_nothing_is_stored_and_nothing_is_cached(start: Start, watched: WatchedEngine) -> None:
    client = start()
    digit = read(post(client)).header["digit"]
    read(post(client))
    assert watched.calls == 2
    assert client.get(f"/api/v1/digits/{digit}").status_code == 404
    assert post(client).headers["cache-control"] == "no-store"
    assert "skiplens_cache_misses_total 0.0" in client.get("/metrics").text


def test_a_layer_comes_once_and_none_by_default(api: TestClient) -> None:
    assert read(post(api)).maps == {}
    maps = read(post(api, "stem.conv, block1.sum,stem.conv")).maps
    assert list(maps) == ["stem.conv", "block1.sum"]


def test_unknown_names_are_rejected_before_the_image_is_read(
    api: TestClient, refused: Refused
) -> None:
    junk = b"no image"
    assert "block9.sum" in refused(post(api, "block9.sum", image=junk), 404, "unknown_layer")
    refused(post(api, scale="block9:0", image=junk), 404, "unknown_block")
    network = LIVE.replace("mnist-resnet", "none")
    refused(api.post(network, content=IMAGE), 404, "unknown_network")
    many = ",".join(["stem.conv"] * 65)
    assert "at most 64" in refused(post(api, many, image=junk), 422, "invalid_parameter")


def test_bad_images_are_rejected(api: TestClient, refused: Refused) -> None:
    refused(post(api, image=b"no image"), 422, "unreadable_image")
    refused(post(api, image=encoded(np.zeros((90, 90), np.uint8))), 422, "blank_image")
    refused(
        api.post(LIVE, content=b"words", headers={"content-type": "text/plain"}),
        415,
        "unsupported_format",
    )


def test_every_layer_fits_into_one_frame(api: TestClient, engine: Engine) -> None:
    names = [layer.name for layer in engine.manifest.layers]
    frame = read(post(api, ",".join(names)))
    assert {name: maps.shape for name, maps in frame.maps.items()} == {
        layer.name: layer.shape for layer in engine.manifest.layers
    }


def test_nothing_is_computed_for_a_disconnected_client(
    start: Start, watched: WatchedEngine
) -> None:
    client = start()
    headers = {"content-type": "image/png", "host": "127.0.0.1", "content-length": str(len(IMAGE))}
    exchange = Exchange((IMAGE,), method="POST", path=LIVE, headers=headers)
    anyio.run(exchange.run, client.app)
    assert watched.calls == 0
    assert exchange.sent == []
