"""Every page and picture of networks that know nothing of skiplens."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from starlette.testclient import TestClient

from skiplens.application import create_app, open_services
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Digit
from skiplens.core.manifest import Manifest
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.export.gallery import ExportOptions, export_gallery
from skiplens.network import commands
from skiplens.network.own_network_files import TrustedCode
from skiplens.samples import draw_picture
from skiplens.settings import Settings
from tests.network.catalogue import vision_transformer
from tests.network.test_any_graph import dense_block, squeeze_and_excite, tutorial_convnet
from tests.network.tiny import SAVES_WITH_KERAS, randomise
from tests.web.pages.markup import Markup

pytestmark = SAVES_WITH_KERAS
Words = Callable[[str], str]
HTML = {"accept": "text/html"}
EXPERIMENTS = (
    *("", "/depth", "/removal", "/order", "/scale"),
    *("/early-exits", "/votes", "/gradients", "/classes"),
)


def between_blocks() -> keras.Model:
    """A sum, layers between it and a gate of filters, a layer without gradient, 300 classes."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first")(image)
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 3, padding="same", name="branch")(x)])
    x = layers.Activation("silu", name="glätte: слой #1?")(x)
    x = layers.Conv2D(6, 1, name="transition")(layers.MaxPooling2D(2, name="smaller")(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(gate)
    x = layers.Multiply(name="scaled")([x, gate])
    x = x[:, ::2, ::2]
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(300, activation="softmax", name="classes")(x))


def of_rows() -> keras.Model:
    parts = [
        layers.Dense(5, activation="relu", name="each_row"),
        layers.LSTM(6, return_sequences=True, name="states"),
        layers.GlobalAveragePooling1D(name="pool"),
        layers.Dense(10, name="logits"),
    ]
    return keras.Sequential([keras.Input((28, 28)), *parts])


def perceptron() -> keras.Model:
    parts = [
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(12, activation="relu", name="hidden"),
    ]
    return keras.Sequential([keras.Input((28, 28)), *parts, layers.Dense(10, name="logits")])


def of_colours() -> keras.Model:
    """Two blocks, 40 classes and an image that is no digit."""
    image = keras.Input((24, 32, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first")(image)
    for name in ("one", "two"):
        branch = layers.Conv2D(4, 3, padding="same", name=f"{name}_conv")(x)
        x = layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, branch]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(40, activation="softmax", name="classes")(x))


def of_one_block() -> keras.Model:
    """One block, and after it a sum of two branches of which neither is x."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="first")(image)
    x = layers.Add(name="add")([x, layers.Conv2D(4, 3, padding="same", name="branch")(x)])
    sides = [layers.Conv2D(4, 3, padding="same", name=f"side{at}")(x) for at in range(2)]
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Add(name="loose")(sides))
    return keras.Model(image, layers.Dense(10, activation="softmax", name="classes")(x))


def of_two_dense_layers() -> keras.Model:
    """A block with a projection, a block without, and a head of two dense layers."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="first")(image)
    branch = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="one")(x)
    x = layers.Add(name="add1")([layers.Conv2D(6, 1, strides=2, name="projection")(x), branch])
    x = layers.Add(name="add2")([x, layers.Conv2D(6, 3, padding="same", name="two")(x)])
    x = layers.Dense(8, activation="relu", name="hidden")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(10, activation="softmax", name="classes")(x))


NETWORKS = [tutorial_convnet, dense_block, between_blocks, of_rows, perceptron, of_colours]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda make: make.__name__)
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a user's network."""
    folder = tmp_path_factory.mktemp("own")
    path = folder / "mine.keras"
    randomise(request.param()).save(path)
    code = TrustedCode()
    return commands.compile_file(path, folder, None, run_once, measure=False, code=code)


@pytest.fixture(scope="module")
def visitor(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server that shows it beside the networks that ship."""
    settings = Settings(
        own_network=own,
        default_network=own.name,
        state_dir=tmp_path_factory.mktemp("state"),
        engine="litert",
        interpreters=1,
    )
    app = create_app(settings, lambda: open_services(settings))
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def manifest(own: Path) -> Manifest:
    return open_folder(own).manifest


@pytest.fixture
def view(own: Path, digit: Digit) -> str:
    return f"/networks/{own.name}/digits/{digit.id}"


def addresses(manifest: Manifest, view: str) -> Iterator[str]:
    yield from (view, f"{view}/blocks", f"/pictures{view}/card.png", "/")
    api = f"/api/v1{view}"
    yield from (f"{api}/prediction", f"{api}/blocks", f"{api}/stages", f"{api}/activations.npz")
    for name in (quote(layer.name) for layer in manifest.layers):
        yield f"{view}/layers/{name}"
        yield f"{view}/layers/{name}?normalize=network&sort=mean"
        yield f"{view}/layers/{name}/filters/0"
        yield f"{api}/layers/{name}/grid.png"
        yield f"{api}/layers/{name}/activations.npy"
    for block in manifest.blocks:
        yield f"{view}/blocks/{block.name}"
        yield f"{api}/blocks/{block.name}/maps.png"
        yield f"{api}/blocks/{block.name}/maps.png?filters=0"  # x or F(x) may have no such filter
    for name in manifest.disableable_blocks:
        yield f"{view}?scale={name}:0"
        yield f"{view}/blocks?scale={name}:0.5"


def test_every_page_and_picture_is_there(
    visitor: TestClient, manifest: Manifest, view: str
) -> None:
    for address in addresses(manifest, view):
        response = visitor.get(address, headers={} if "/api/" in address else HTML)
        assert response.status_code == 200, (address, response.text[:300])


@pytest.mark.parametrize("page", ["", "/blocks"], ids=["gallery", "blocks"])
def test_what_its_pages_link_to_is_there(
    visitor: TestClient, own: Path, manifest: Manifest, view: str, page: str
) -> None:
    content = visitor.get(f"{view}{page}", headers=HTML).text
    found = {link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"#]+)', content)}
    found -= set(addresses(manifest, view))  # which the test before this one fetches
    for address in sorted(link for link in found if own.name in link and "{" not in link):
        assert visitor.get(address, headers=HTML).status_code == 200, address


def test_every_experiment_is_there(visitor: TestClient, own: Path) -> None:
    for name in EXPERIMENTS:
        for query in ("", f"?network={own.name}"):
            response = visitor.get(f"/experiments{name}{query}", headers=HTML)
            assert response.status_code == 200, (name, query)


def test_what_is_drawn_for_the_networks_of_digits_is_a_digit(visitor: TestClient) -> None:
    drawing = {"strokes": [{"points": [[0.5, 0.2, 0.08], [0.52, 0.8, 0.08]]}]}
    stored = visitor.post("/api/v1/digits", json=drawing).json()
    pixels = visitor.get(f"/api/v1/digits/{stored['id']}/input.npy").content
    assert np.load(io.BytesIO(pixels)).shape == (28, 28)


def test_a_label_is_that_of_a_digit(
    visitor: TestClient, manifest: Manifest, view: str, digit: Digit
) -> None:
    page = visitor.get(view, headers=HTML).text
    told = re.search("(right|wrong), labelled 7", page) is not None
    assert told == (manifest.takes_digits and len(manifest.classes) == 10)
    shipped = visitor.get(f"/networks/mnist-resnet/digits/{digit.id}", headers=HTML).text
    assert "right, labelled 7" in shipped


@pytest.mark.parametrize("own", [tutorial_convnet, of_colours], indirect=True)
def test_without_blocks_a_range_is_that_of_each_layer(
    visitor: TestClient, manifest: Manifest, view: str
) -> None:
    layer = f"{view}/layers/{manifest.layers[0].name}"
    for address in (view, layer, f"{layer}/filters/0", f"{view}?normalize=block"):
        page = Markup(visitor.get(address, headers=HTML).text)
        choices = {one["value"]: one for one in page.all("option")}
        usual = "block" if manifest.blocks else "layer"
        assert ("block" in choices) == bool(manifest.blocks)
        assert choices[usual].keys() >= {"selected", "data-default"}
    blocks = visitor.get(f"{view}/blocks", headers=HTML).text
    assert (f'<a href="{view}">See its layers</a>' in blocks) == (not manifest.blocks)


@pytest.mark.parametrize("own", [perceptron], indirect=True)
def test_a_network_without_kernels_has_none_to_name(
    visitor: TestClient, own: Path, manifest: Manifest
) -> None:
    layer = manifest.layers[0].name
    answer = visitor.get(f"/api/v1/networks/{own.name}/layers/{layer}/kernels.npy")
    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("; layers with kernels are none")


def test_gradients_are_given_or_it_is_said_why_there_are_none(
    visitor: TestClient, manifest: Manifest, view: str
) -> None:
    answer = visitor.get(f"/api/v1{view}/gradients")
    if manifest.no_gradients:
        assert answer.status_code == 404
        assert answer.json()["code"] == "no_gradients"
        assert manifest.no_gradients in visitor.get(f"{view}/blocks", headers=HTML).text
    else:
        assert answer.status_code == 200


def test_of_very_many_classes_the_most_probable_are_told(
    visitor: TestClient, manifest: Manifest, view: str
) -> None:
    content = visitor.get(view, headers=HTML).text
    bars = content[content.index('<table class="bars">') : content.index("</table>")]
    assert bars.count('<th scope="row"') == 10
    best = visitor.get(f"/api/v1{view}/prediction").json()
    assert f">{best['label']}</th>" in bars, (best, manifest.id)


@pytest.mark.parametrize("own", [between_blocks], indirect=True)
def test_any_of_very_many_classes_is_found_by_part_of_its_name(
    visitor: TestClient, view: str
) -> None:
    page = visitor.get(f"{view}?find=29", headers=HTML).text
    found = page[page.index('<ul class="found-classes"') :].partition("</ul>")[0]
    labels = re.findall(r"<li>(\d+) <b", found)
    assert len(labels) == 10
    assert all("29" in label for label in labels)
    assert "data-search" in page
    nothing = visitor.get(f"{view}?find=cat%3Cb", headers=HTML).text
    assert "No class has “cat&lt;b” in its name." in nothing


def test_where_it_has_very_many_layers_they_are_folded(
    visitor: TestClient, manifest: Manifest, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.gallery._MANY_LAYERS", 0)
    page = Markup(visitor.get(view, headers=HTML).text)
    folded = [one for one in page.all("details") if "stage" in one.get("class", "").split()]
    assert ["open" in one for one in folded] == [at == 0 for at in range(len(folded))]
    if not manifest.blocks:
        assert bool(folded) == any(layer.spatial for layer in manifest.layers)
    shown = {one["data-layer"] for one in page.all("figure") if "data-layer" in one}
    assert shown == {layer.name for layer in manifest.layers}
    assert page.faults == []


@pytest.mark.parametrize("own", [of_colours], indirect=True)
def test_a_photograph_is_uploaded_as_it_is(visitor: TestClient, own: Path) -> None:
    first = visitor.get("/", headers=HTML).text
    assert "24 by 32 pixels" in first
    assert "data-draw-surface" in first
    files = {"file": ("p.png", encode_grey(draw_picture().pixels[::-1]))}
    found = visitor.post(f"/digits?network={own.name}", files=files, follow_redirects=False)
    assert found.status_code == 303
    address = found.headers["location"]
    page = visitor.get(address, headers=HTML)
    assert page.status_code == 200
    assert "Your image, 320 by 256 pixels as it is stored." in page.text
    digit = address.rpartition("/")[2]
    picture = visitor.get(f"/api/v1/digits/{digit}/input.png?network={own.name}")
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (8 * 32, 8 * 24)
        assert image.mode == "RGB"
    compared = visitor.get(f"/compare?a={own.name}/{digit}&b={own.name}/{digit}", headers=HTML)
    assert "a drawn landscape" in compared.text
    assert "sample 3" not in compared.text
    text = " ".join(Markup(compared.text).text.split())  # of one image that there is
    assert "A and B are the same image" in text
    assert "or upload another one; B stays as it is." in text
    other = visitor.get(f"/networks/mnist-resnet/digits/{digit}", headers=HTML)
    assert other.status_code == 200


def of_many_pixels() -> keras.Model:
    """An image of more pixels than pictures are usually stored in."""
    image = keras.Input((16, 700, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 16, strides=16, name="first")(image))
    return keras.Model(image, layers.Dense(3, name="classes")(x))


@pytest.mark.parametrize("own", [of_many_pixels], indirect=True)
def test_a_photograph_keeps_the_pixels_that_the_network_takes(
    visitor: TestClient, own: Path, tmp_path: Path
) -> None:
    lines = np.tile(np.array([0, 255], np.uint8), (16, 350))
    files = {"file": ("p.png", encode_grey(lines))}
    found = visitor.post(f"/digits?network={own.name}", files=files, follow_redirects=False)
    digit = found.headers["location"].rpartition("/")[2]
    given = visitor.get(f"/api/v1/digits/{digit}/input.npy").content
    assert np.array_equal(np.load(io.BytesIO(given))[..., 0], lines)
    (tmp_path / "p.png").write_bytes(encode_grey(lines))
    images = (tmp_path / "p.png",)
    settings = Settings(
        own_network=own, default_network=own.name, state_dir=tmp_path / "state", images=images
    )
    services = open_services(settings)
    try:
        (kept,) = services.digits.pictures.values()
        export_gallery(services, ExportOptions(image=images[0]), tmp_path / "out", force=False)
    finally:
        services.close()
    assert np.array_equal(kept.image.pixels[..., 0], lines)
    with Image.open(tmp_path / "out" / "input.png") as image:
        assert len(np.unique(np.asarray(image))) == 2


@pytest.mark.parametrize("own", [of_colours], indirect=True)
def test_the_maps_of_a_frame_can_be_read_in_place(visitor: TestClient, own: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (37, 51, 3), np.uint8)
    sent, headers = encode_grey(image), {"content-type": "image/png"}
    network = f"/api/v1/networks/{own.name}"
    live = f"{network}/live?layers=first,one_add"
    content = visitor.post(live, content=sent, headers=headers).content
    length = int.from_bytes(content[:4], "little")
    header, body = json.loads(content[4 : 4 + length]), content[4 + length :]
    assert header["input_shape"] == [37, 51, 3]
    assert body[: image.size] == image.tobytes()
    store = f"/api/v1/digits?network={own.name}"
    digit = visitor.post(store, content=sent, headers=headers).json()["id"]
    for layer in header["layers"]:
        assert layer["offset"] % 4 == 0
        values = np.frombuffer(body, "<f4", int(np.prod(layer["shape"])), layer["offset"])
        address = f"{network}/digits/{digit}/layers/{layer['name']}/activations.npy"
        stored = np.load(io.BytesIO(visitor.get(address).content))
        np.testing.assert_array_equal(values.reshape(layer["shape"]), stored)


@pytest.mark.parametrize("own", [of_colours], indirect=True)
def test_no_digit_activates_a_network_of_photographs_most(visitor: TestClient, own: Path) -> None:
    network = f"/api/v1/networks/{own.name}"
    answer = visitor.get(f"{network}/layers/first/filters/0/top-activations")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_dataset")


@pytest.mark.parametrize("own", [of_colours], indirect=True)
def test_a_drawing_on_it_is_in_colour_and_the_page_follows_it(
    visitor: TestClient, own: Path
) -> None:
    page = Markup(visitor.get("/", headers=HTML).text)
    (form,) = [one for one in page.all("form") if "data-draw" in one]
    pens = [one["data-colour"] for one in page.all("button") if "data-colour" in one]
    assert form["data-paper"] == "#ffffff"
    assert len(pens) == 8
    red = {"points": [[0.2, 0.4, 0.2], [0.8, 0.4, 0.2]], "colour": "#ff0000"}
    stored = visitor.post(form["data-store"], json={"strokes": [red]})
    assert stored.status_code == 201, stored.text
    digit = stored.json()["id"]
    picture = visitor.get(form["data-input"].replace("{digit}", digit))
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (8 * 32, 8 * 24)
        colours = {colour for _, colour in image.getcolors() or ()}
    assert {(255, 0, 0), (255, 255, 255)} <= colours
    over = {"strokes": [red], "over": form["data-digit"], "pictures": []}
    frame = visitor.post(form["data-live"], json=over).content
    length = int.from_bytes(frame[:4], "little")
    header = json.loads(frame[4 : 4 + length])
    assert header["is_drawn_as_seen"]
    assert len(frame) == 4 + length
    assert header["values"]["share"]
    blank = visitor.post(form["data-live"], json={"strokes": []})
    assert blank.json()["code"] == "blank_image"
    wrong = visitor.post(form["data-store"], json={"strokes": [{**red, "colour": "red"}]})
    assert wrong.status_code == 422


def test_every_layer_is_on_the_exported_page(own: Path, manifest: Manifest, tmp_path: Path) -> None:
    settings = Settings(own_network=own, default_network=own.name, state_dir=tmp_path / "state")
    services = open_services(settings)
    try:
        export_gallery(services, ExportOptions(), tmp_path / "out", force=False)
    finally:
        services.close()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    shown = [page.count(f"layers/{quote(layer.name)}.png") for layer in manifest.layers]
    assert shown == [1] * len(manifest.layers)


@pytest.mark.parametrize("own", [of_colours], indirect=True)
def test_a_photograph_is_exported_as_the_network_gets_it(own: Path, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(encode_grey(draw_picture().pixels[::-1]))
    settings = Settings(own_network=own, default_network=own.name, state_dir=tmp_path / "state")
    services = open_services(settings)
    try:
        export_gallery(
            services, ExportOptions(image=tmp_path / "p.png"), tmp_path / "out", force=False
        )
    finally:
        services.close()
    with Image.open(tmp_path / "out" / "input.png") as image:
        assert (image.size, image.mode) == ((8 * 32, 8 * 24), "RGB")
    assert "24 \N{MULTIPLICATION SIGN} 32 pixels" in (tmp_path / "out" / "index.html").read_text(
        encoding="utf-8"
    )


@pytest.fixture
def words(visitor: TestClient, own: Path, view: str, digit: Digit) -> Words:
    """Reads the words of a page of the network, or of an experiment with it."""

    def read(page: str) -> str:
        about = f"network={own.name}&digit={digit.id}"
        address = f"{page}?{about}" if page.startswith("/experiments") else view + page
        response = visitor.get(address, headers=HTML)
        assert response.status_code == 200, (address, response.text[:300])
        return " ".join(Markup(response.text).text.split())

    return read


@pytest.mark.parametrize("own", [dense_block], indirect=True)
def test_a_block_that_does_not_add_is_explained_as_what_it_does(words: Words) -> None:
    gallery = words("")
    assert gallery.count("The block concatenates the maps of x and of F(x).") == 1
    assert "Their sum is" not in gallery
    assert "No branch of this network can be switched off" in words("/experiments/removal")
    assert "No branch of this network can be scaled" in words("/experiments/scale")


@pytest.mark.parametrize("own", [dense_block], indirect=True)
def test_what_does_not_add_is_not_called_a_sum(
    visitor: TestClient, own: Path, view: str, digit: Digit
) -> None:
    block = open_folder(own).manifest.blocks[0]
    address = f"/api/v1/networks/{own.name}/digits/{digit.id}/blocks/{block.name}/maps.json"
    rows = visitor.get(address).json()["rows"]
    assert "merge" in [row["role"] for row in rows if row["layer"] == block.sum]
    assert 'data-symbol="merge"' in visitor.get(view, headers=HTML).text
    assert "sum" not in {row["role"] for row in rows}
    page = visitor.get(f"{view}/blocks/{block.name}", headers=HTML).text
    assert "norm of the merge" in page
    assert "|merge|" in page


@pytest.mark.parametrize("own", [squeeze_and_excite], indirect=True)
def test_a_factor_is_not_held_against_x(
    visitor: TestClient, own: Path, words: Words, view: str
) -> None:
    assert "a factor for each filter of its input x." in words("")
    for page in ("", "/blocks", "/blocks/block1", "/experiments/early-exits"):
        assert "times as large as x" not in words(page)
    (block,) = visitor.get(f"/api/v1{view}/blocks").json()["blocks"]
    assert block["ratio"] is None
    assert block["norm_residual"] > 0
    of_filters = visitor.get(f"/api/v1{view}/blocks/block1").json()["filters"]
    assert {one["ratio"] for one in of_filters} == {None}


@pytest.mark.parametrize("own", [between_blocks], indirect=True)
def test_what_follows_a_sum_is_said_in_the_first_block(words: Words) -> None:
    gallery = words("")
    assert "An activation function turns their sum into the output." in gallery
    assert "the next block" not in gallery  # other layers come before it
    assert "This network has no gradients: " in words("/experiments/gradients")


@pytest.mark.parametrize("own", [of_one_block], indirect=True)
def test_a_sum_outside_of_a_block_only_adds(words: Words) -> None:
    assert "The layers before it, added." in words("/layers/loose")
    assert "The values of its inputs are added." in words("/layers/loose/filters/0")
    assert "x plus F(x)" in words("/layers/add")
    assert "what its branch computes are added" in words("/layers/add/filters/0")


@pytest.mark.parametrize("own", [of_one_block], indirect=True)
def test_a_single_block_is_drawn_as_dots_and_changes_nothing(
    visitor: TestClient, own: Path, words: Words
) -> None:
    assert "the gradient changes" not in words("/blocks")
    for name in ("early-exits", "gradients"):
        address = f"/experiments/{name}?network={own.name}"
        live = visitor.get(address, headers=HTML).text.partition("experiment-measured")[0]
        charts = live.split('class="line-chart"')[1:]
        assert charts
        assert all("<circle" in chart for chart in charts)


@pytest.mark.parametrize("own", [tutorial_convnet], indirect=True)
def test_a_network_without_blocks_is_not_said_to_lack_anything_else(words: Words) -> None:
    assert "No blocks: no two paths merge as x and F(x)." in words("")
    assert "no two of its paths merge as x and F(x)" in words("/blocks")
    assert "has no blocks after which" in words("/experiments/early-exits")
    assert "This network has no blocks, at whose inputs" in words("/experiments/gradients")
    assert "cannot change places here" in words("/experiments/order")


@pytest.mark.parametrize("own", [of_two_dense_layers], indirect=True)
def test_a_head_of_two_dense_layers_gives_no_answers_at_other_depths(words: Words) -> None:
    said = words("/experiments/early-exits")
    assert "is not one pooling and one dense layer, so it gives no answers" in said
    assert "At the depths left out" not in said


@pytest.mark.parametrize("own", [vision_transformer], indirect=True)
def test_a_sequence_of_other_steps_than_rows_has_no_rows(
    visitor: TestClient, manifest: Manifest, view: str, words: Words
) -> None:
    assert len(manifest.blocks) == 4
    output = manifest.blocks[0].output
    pages = ("", f"/layers/{output}", f"/layers/{output}/filters/0")
    assert all(
        "data-step-rows" not in visitor.get(view + page, headers=HTML).text for page in pages
    )
    assert "The digit is read as a sequence." in words("")
    assert "dense layer computes several values" not in words("")
    unit = words(f"/layers/{output}/filters/0?at=0,3")
    assert "one value for each step, computed" in unit
    assert "at step 3 is" in unit
    blocks = words("/blocks")
    assert "Gradient at each step of the first block" in blocks
    assert "A recurrent layer passes" not in blocks
    assert "row 3" not in blocks


@pytest.mark.parametrize("own", [of_rows], indirect=True)
def test_a_sequence_of_28_steps_stands_beside_the_rows_of_the_digit(
    visitor: TestClient, view: str, words: Words
) -> None:
    assert "data-step-rows" in visitor.get(f"{view}/layers/states", headers=HTML).text
    assert "at row 3 of the digit" in words("/layers/states/filters/0?at=0,3")
