"""The client against a real server, its answers against the engine's own."""

import io
import json
import re
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pictures

import skiplens
from skiplens import errors
from skiplens.client import Client, Image, StoredImage
from skiplens.core.block_metrics import block_metrics
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import run_network
from tests.conftest import switched_off
from tests.e2e.server import PATIENCE, serving
from tests.web.images import drawing, encoded

ROOT_PATH = "/tools/skiplens"
TOKEN = "a token of the tests"  # noqa: S105


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, token=TOKEN) as server:
        yield skiplens.Client(server.url, token=TOKEN)


def test_it_names_the_networks_and_what_is_in_one(client: Client, engine: Engine) -> None:
    manifest = engine.manifest
    assert client.networks[0] == client.network == manifest.id
    assert client.classes == manifest.classes
    assert client.blocks == tuple(block.name for block in manifest.blocks)
    assert client.layers == {layer.name: layer.shape for layer in manifest.layers}
    plain = Client(client.url, "mnist-plain", token=TOKEN)
    assert plain.network == "mnist-plain"


def test_it_computes_what_the_engine_computes(client: Client, engine: Engine, digit: Digit) -> None:
    stored = client.store(digit.pixels)
    assert stored.id == digit.id
    assert stored.label == 7
    for scales in (AS_TRAINED, switched_off("block2", "block5")):
        forward = run_network(engine, digit, scales)
        found = client.activations(stored, scale=dict(scales.factors))
        assert list(found) == list(forward.activations)
        for name, array in found.items():
            assert np.array_equal(array, forward.activations[name])
            assert array.dtype == np.float32
        prediction = client.prediction(stored, dict(scales.factors))
        assert prediction.label == engine.manifest.classes[forward.label]
        assert list(prediction.probabilities.values()) == pytest.approx(forward.probabilities)
        blocks = engine.manifest.blocks
        expected = tuple(block_metrics(block, forward.activations) for block in blocks)
        found_blocks = client.block_metrics(stored, dict(scales.factors))
        # A norm's last bit depends on where an array lies in memory.
        for one, other in zip(found_blocks, expected, strict=True):
            assert vars(one) == pytest.approx(vars(other))


def test_it_returns_the_layers_that_are_named(client: Client) -> None:
    seven = next(one for one in client.samples if one.label == 7)
    found = client.activations(seven, ["block1.sum", "stem.output"])
    assert list(found) == ["block1.sum", "stem.output"]
    assert {name: array.shape for name, array in found.items()} == {
        name: client.layers[name] for name in found
    }


@pytest.mark.parametrize(
    "form", ["path", "text", "bytes", "array", "integers", "floats", "channel"]
)
def test_it_takes_files_and_arrays(client: Client, tmp_path: Path, form: str) -> None:
    content, path = encoded(drawing()), tmp_path / "drawing.png"
    path.write_bytes(content)
    grey = np.asarray(Pictures.open(io.BytesIO(content)).convert("L"))
    images: dict[str, Image] = {
        "path": path,
        "text": str(path),
        "bytes": content,
        "array": grey,
        "integers": grey.astype(np.int64),
        "floats": grey / 255,
        "channel": grey[..., None],
    }
    assert client.store(images[form]) == client.store(content)


def test_it_takes_the_input_of_a_network_as_numbers(
    client: Client, stroke: NDArray[np.uint8]
) -> None:
    assert client.store(stroke) == client.store(stroke / 255) == client.store(stroke[..., None])
    assert client.store(stroke) == client.store(stroke.astype(np.int32))
    overshot = np.where(stroke == 0, -0.02, np.where(stroke == stroke.max(), 1.02, stroke / 255))
    assert client.store(overshot) == client.store(np.clip(overshot, 0, 1))


@pytest.mark.parametrize("side", [28, 56])
def test_one_is_hardly_any_ink_among_integers_and_all_of_it_among_floats(
    client: Client, side: int
) -> None:
    bitmap = np.zeros((side, side))
    bitmap[side // 4 : -side // 4, side // 2 - 2 : side // 2 + 2] = 1
    assert client.store(bitmap) == client.store(bitmap.astype(bool))
    with pytest.raises(errors.BlankImageError):
        client.store(bitmap.astype(np.uint8))


def test_it_knows_the_page_of_an_image(client: Client, digit: Digit) -> None:
    page = client.page(digit.pixels)
    assert page == f"{client.url}networks/{client.network}/digits/{digit.id}"
    assert client.page(digit.pixels, "block2") == f"{page}/blocks/block2"
    assert client.page(digit.pixels, "a/b #1") == f"{page}/blocks/a%2Fb%20%231"


def test_the_maps_of_a_block_are_a_picture(client: Client, digit: Digit) -> None:
    with Pictures.open(io.BytesIO(client.block_maps(digit.pixels, "block1"))) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height


def test_a_notebook_shows_the_network_on_an_image_without_a_server(
    client: Client, digit: Digit
) -> None:
    shown = client.show(digit.pixels, "block2", {"block5": 0})
    html = shown._repr_html_()
    assert f'<a href="{client.page(digit.pixels)}" target="_blank">' in html
    (drawing_,) = re.findall(r"<svg.*?</svg>", html)
    drawn = ET.fromstring(drawing_)  # noqa: S314  # our own
    texts = [element.text for element in drawn.iter("text")]
    assert [text for text in texts if text in client.blocks] == list(client.blocks)
    metrics = client.block_metrics(digit.pixels, {"block5": 0})
    assert [f"{one.ratio:.2f}" for one in metrics] == [one for one in texts if one and "." in one]
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert b64decode(picture) == client.block_maps(digit.pixels, "block2", {"block5": 0})


def test_a_notebook_shows_a_sample_for_a_client(client: Client) -> None:
    assert client.show(client.samples[0])._repr_html_() in client._repr_html_()


def test_a_notebook_shows_no_identity_where_there_is_none(client: Client, digit: Digit) -> None:
    for network, lines in (("mnist-resnet", 6), ("mnist-plain", 0)):
        shown = Client(client.url, network, token=TOKEN).show(digit.pixels)
        assert shown._repr_html_().count('stroke="currentColor"') == lines


def test_without_blocks_a_notebook_shows_none_and_none_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, digit: Digit
) -> None:
    asked = []

    def answer(_: Client, path: str, __: str) -> bytes:
        asked.append(path)
        return b'[{"id": "flat", "classes": [], "blocks": [], "input_kind": "image"}]'

    monkeypatch.setattr(Client, "_answer", answer)
    flat = Client("http://127.0.0.1")
    with pytest.raises(errors.UnknownBlockError, match="network flat has no blocks"):
        flat.show(digit.pixels)
    assert flat._repr_html_() == (
        '<p><a href="http://127.0.0.1/" target="_blank">http://127.0.0.1/</a></p>'
    )
    assert asked == ["networks"]


def test_classes_of_one_name_have_their_probabilities_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "networks": b"""
            [{"id": "birds", "classes": ["crane", "wren", "crane"], "blocks": [], "input_kind": ""}]
        """,
        "networks/birds/digits/1/prediction": b"""
            {"label": "crane", "probabilities": [0.25, 0.25, 0.5]}
        """,
    }
    monkeypatch.setattr(Client, "_answer", lambda _, path, expected: answers[path])
    found = Client("http://127.0.0.1").prediction(StoredImage("1"))
    assert found.probabilities == {"crane": 0.75, "wren": 0.25}


def test_it_raises_what_the_server_raises(client: Client, digit: Digit) -> None:
    with pytest.raises(errors.UnknownNetworkError, match="network 'nothing' is not loaded"):
        Client(client.url, "nothing", token=TOKEN).prediction(digit.pixels)
    with pytest.raises(errors.UnknownBlockError):
        client.block_maps(digit.pixels, "block99")
    with pytest.raises(errors.UnknownLayerError):
        client.activations(digit.pixels, ["nothing"])
    with pytest.raises(errors.UnknownLayerError, match="no layer 'glätte: слой #1\\?'"):
        client.activations(digit.pixels, ["glätte: слой #1?"])
    with pytest.raises(errors.UnknownBlockError, match="no block 'слой #1\\?'"):
        client.block_maps(digit.pixels, "слой #1?")
    with pytest.raises(errors.UnknownNetworkError, match="network 'слой #1\\?' is not loaded"):
        _ = Client(client.url, "слой #1?", token=TOKEN).classes
    with pytest.raises(errors.InvalidParameterError):
        client.prediction(digit.pixels, {"block2": 9.0})
    with pytest.raises(errors.BlankImageError):
        client.store(np.zeros((28, 28), np.uint8))
    with pytest.raises(errors.SkiplensError, match="token"):
        _ = Client(client.url).networks


def test_it_says_what_is_no_image(client: Client, tmp_path: Path) -> None:
    for shape in ((28, 28, 2), (1, 28, 28), (28,), (1, 28, 28, 1)):
        with pytest.raises(errors.InvalidParameterError, match=re.escape(f"shape {shape}")):
            client.store(np.zeros(shape))
    with pytest.raises(errors.InvalidParameterError, match="cannot be read"):
        client.store(tmp_path / "missing.png")
    numbers = np.full((28, 28), 200.0), np.full((40, 40), 300), np.full((28, 28), np.nan)
    for image in (*numbers, np.zeros((0, 0)), np.zeros((0, 0), np.uint8)):
        with pytest.raises(errors.InvalidParameterError, match=r"integers in 0\.\.255 or floats"):
            client.store(image)
    with pytest.raises(errors.UnreadableImageError):
        client.store(b"no image")


@pytest.mark.parametrize("token", ["\u20ac", "two\nlines", "\tof a table"])
def test_it_says_what_is_no_token(token: str) -> None:
    with pytest.raises(errors.InvalidParameterError, match="token must be"):
        Client("http://127.0.0.1", token=token)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_it_says_what_is_no_time_to_wait(seconds: float) -> None:
    with pytest.raises(errors.InvalidParameterError, match=rf"seconds must .* got {seconds}"):
        Client("http://127.0.0.1", seconds=seconds)


def test_it_takes_a_token_as_files_hold_it(client: Client) -> None:
    assert Client(client.url, token=f"{TOKEN}\n").networks == client.networks


def test_it_says_what_is_no_factor(client: Client) -> None:
    (sample, *_) = client.samples
    with pytest.raises(errors.InvalidParameterError, match=r"scale of block2 must be .* got 'x'"):
        client.prediction(sample, {"block2": "x"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "url", ["127.0.0.1/lens", "localhost:80", "http://127.0.0.1:abc", "http://127.0.0.1/\u00e9"]
)
def test_it_says_so_where_the_address_is_none(url: str) -> None:
    with pytest.raises(errors.UnreachableError, match=r"is not a server|does not answer"):
        Client(url, "some").store(b"image")


class Stranger(ThreadingHTTPServer):
    """Describes a network, and answers everything else alike."""

    status, kind, body = 200, "text/html", b"<p>log in</p>"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class StrangersAnswer(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, body = self.server.status, self.server.kind, self.server.body
        if self.path.endswith("/networks/some"):
            some = {"id": "some", "classes": ["a"], "blocks": ["b"], "input_kind": "digit"}
            status, kind, body = 200, "application/json", json.dumps(some).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing: who tests wants to see tests."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    with Stranger(("127.0.0.1", 0), StrangersAnswer) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        yield server
        server.shutdown()


STORED = StoredImage("image")
ASKED: dict[str, Callable[[Client], object]] = {
    "network": lambda client: Client(client.url).network,
    "networks": lambda client: client.networks,
    "layers": lambda client: client.layers,
    "samples": lambda client: client.samples,
    "store": lambda client: client.store(b"image"),
    "prediction": lambda client: client.prediction(STORED),
    "activations": lambda client: client.activations(STORED),
    "block_metrics": lambda client: client.block_metrics(STORED),
    "block_maps": lambda client: client.block_maps(STORED, "b"),
    "show": lambda client: client.show(STORED),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        *(("text/html", body) for body in (b"<p>log in</p>", b"")),
        *(("application/json", body) for body in (b"{", b'["a"]', b"null", b"[{}]")),
        *(("application/x-npz", body) for body in (b"no archive", b"")),
    ],
)
def test_it_says_so_where_something_else_answers(
    stranger: Stranger, kind: str, body: bytes, asked: Callable[[Client], object]
) -> None:
    stranger.status, stranger.kind, stranger.body = 200, kind, body
    with pytest.raises(errors.UnreachableError, match="is not a server of skiplens"):
        asked(Client(stranger.url, "some"))


@pytest.mark.parametrize("body", [b"<p>log in</p>", b"[]", b"null", b'[{"id": "a"}]'])
@pytest.mark.parametrize("network", [None, "some"])
def test_a_notebook_shows_the_address_of_something_else(
    stranger: Stranger, network: str | None, body: bytes
) -> None:
    stranger.status, stranger.kind, stranger.body = 200, "application/json", body
    shown = Client(stranger.url, network)._repr_html_()
    assert shown == f'<p><a href="{stranger.url}" target="_blank">{stranger.url}</a></p>'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b'{"code": "stopping", "detail": "the server is stopping"}', errors.BusyError),
        (503, b'{"code": "indexing", "detail": "later"}', errors.IndexingError),
        (401, b'{"code": "token_needed", "detail": "token"}', errors.SkiplensError),
        (503, b"<p>nobody is there</p>", errors.UnreachableError),
    ],
)
def test_it_raises_what_the_status_says_where_the_code_is_not_an_errors(
    stranger: Stranger, status: int, body: bytes, kind: type[errors.SkiplensError]
) -> None:
    stranger.status, stranger.body = status, body
    with pytest.raises(errors.SkiplensError) as raised:
        _ = Client(stranger.url).networks
    assert raised.type is kind


def test_the_token_does_not_follow_to_another_server(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, ThreadPoolExecutor(1) as pool:
        other.settimeout(PATIENCE)

        def answer(head: bytes) -> bytes:
            connection, _ = other.accept()
            with connection:
                asked = connection.recv(65536)
                connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % head)
            return asked

        def redirect() -> tuple[bytes, bytes]:
            port = other.getsockname()[1]
            return answer(b"302 Found\r\nLocation: http://localhost:%d/" % port), answer(b"200 OK")

        told = pool.submit(redirect)
        with pytest.raises(errors.UnreachableError):
            _ = Client(f"http://127.0.0.1:{other.getsockname()[1]}", token=TOKEN).networks
        first, second = told.result()
        assert b"Authorization: " in first
        assert b"authorization: " not in second.lower()


@pytest.mark.parametrize(
    "answered",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\n{",
    ],
    ids=["an answer", "an error"],
)
def test_it_says_so_where_what_is_answered_breaks_off(answered: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, ThreadPoolExecutor(1) as pool:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answered)

        told = pool.submit(answer)
        with pytest.raises(errors.UnreachableError, match="does not answer"):
            _ = Client(f"http://127.0.0.1:{other.getsockname()[1]}").networks
        told.result()


def test_it_says_so_where_no_server_is() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(errors.UnreachableError, match=f"{url}/ does not answer"):
            _ = Client(url).networks
        assert f'href="{url}/"' in Client(url)._repr_html_()
