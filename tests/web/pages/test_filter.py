"""The filter page: kernel, the filter across its block, top-activating digits."""

import re
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Activations, Array, Engine
from skiplens.service.forward import run_network
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import filter_kernel
from skiplens.web.pages.filter import filter_page, top_activations
from skiplens.web.pages.network_page import NetworkPage
from skiplens.web.pages.unit import UnitQuery
from tests.conftest import switched_off
from tests.web.conftest import NETWORK
from tests.web.engines import WatchedEngine
from tests.web.pages.markup import Markup


@pytest.fixture
def context(services: Services, engine: Engine, digit: Digit) -> PageContext:
    forward = run_network(engine, digit, AS_TRAINED)
    page_links = Links(engine.manifest.id, digit.id)
    return PageContext(services, engine, services.digits.get(digit.id), forward, page_links)


def page(context: PageContext, layer: str, index: int) -> NetworkPage:
    return filter_page(context, find_layer(context.engine.manifest, layer), index, UnitQuery())


def test_a_kernel_of_one_channel_has_numbers(context: PageContext) -> None:
    kernel = page(context, "stem.conv", 3).kernel
    assert kernel is not None
    assert kernel.weights is not None
    weights = context.engine.weights["stem.conv/kernel"][:, :, 0, 3]
    largest = np.unravel_index(weights.argmax(), weights.shape)
    shown = {(cell.y, cell.x): cell for cell in kernel.weights.cells}
    assert len(shown) == 9
    assert float(shown[int(largest[0]), int(largest[1])].text) == pytest.approx(
        weights.max(), rel=0.01
    )


def test_a_kernel_of_many_channels_is_drawn(context: PageContext) -> None:
    kernel = page(context, "block1.conv1", 0).kernel
    assert kernel is not None
    assert kernel.weights is None
    assert kernel.channels == "16 maps"


def test_a_kernel_slides_over_what_its_layer_gets(context: PageContext) -> None:
    stem, inner = (
        find_layer(context.engine.manifest, name) for name in ("stem.conv", "block1.conv1")
    )
    after = replace(stem, inputs=("stem.other",))
    kernels = [filter_kernel(context, layer, 0) for layer in (stem, inner, after)]
    assert [kernel.over for kernel in kernels if kernel] == [
        *("the digit", "each input map", "one input map"),
    ]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("block1.conv1", "Slide the kernel"),
        ("block3.shortcut.pool", "Slide the window"),
        ("block1.relu1", "Go through the map"),
    ],
)
def test_the_button_names_what_the_layer_has(
    client: TestClient, gallery: str, layer: str, said: str
) -> None:
    html = client.get(f"{gallery}/layers/{layer}/filters/0").text
    (button,) = re.findall("<button[^>]*data-slide[^>]*><span>▶ ([^<]*)</span>", html)
    assert button == said


def test_the_picture_of_a_kernel_is_described(client: TestClient, gallery: str) -> None:
    html = client.get(f"{gallery}/layers/block1.conv1/filters/0").text
    assert 'alt="The kernel, one slice for each of 16 maps"' in html


@pytest.mark.parametrize(
    ("layer", "chosen"),
    [("block1.conv1", "each block: here, the layer"), ("block1.sum", "each block")],
)
def test_the_chooser_says_what_shares_a_range(
    client: TestClient, gallery: str, layer: str, chosen: str
) -> None:
    for shown in (f"layers/{layer}", f"layers/{layer}/filters/0"):
        html = client.get(f"{gallery}/{shown}").text
        assert re.search(f'<option value="block"[^>]* selected>{chosen}</option>', html)
        legend = "for the whole layer" if "here" in chosen else "for x, F(x), sum and output"
        assert f"one value range {legend}" in html


def test_layers_without_kernels_show_none(context: PageContext) -> None:
    assert page(context, "block1.norm1", 0).kernel is None


def test_the_parts_of_a_block_share_a_range(context: PageContext) -> None:
    row = page(context, "block1.sum", 7).across_block
    assert row is not None
    assert [part.text for part in row.parts] == ["x", "F(x)", "sum", "output"]
    assert [part.current for part in row.parts] == [False, False, True, False]
    largest = max(
        float(np.abs(context.forward.activations[name]).max())
        for name in ("stem.output", "block1.residual", "block1.sum", "block1.output")
    )
    assert float(row.legend.high) == pytest.approx(largest, rel=0.01)


def test_layers_inside_a_branch_are_no_parts(context: PageContext) -> None:
    assert page(context, "block1.relu1", 0).across_block is None


def test_an_inactive_filter_has_no_histogram(context: PageContext) -> None:
    maps = context.forward.activations["block6.output"]
    inactive = [index for index in range(64) if not maps[:, :, index].any()]
    for index in inactive:
        assert page(context, "block6.output", index).histogram is None


def test_a_disabled_map_is_not_explained_by_the_digit(context: PageContext, digit: Digit) -> None:
    forward = run_network(context.engine, digit, switched_off("block2"))
    off = replace(context, forward=forward)
    assert page(off, "block2.residual", 3).note == "Switched off, so its map is zero everywhere."
    assert page(off, "block1.residual", 3).note is None
    assert page(context, "block2.residual", 3).note is None


def test_a_zero_map_is_inactive_on_the_digit(context: PageContext) -> None:
    maps = {name: item.copy() for name, item in context.forward.activations.items()}
    maps["block1.output"][..., 3] = 0
    quiet = replace(context, forward=replace(context.forward, activations=maps))
    assert "inactive on this digit" in (page(quiet, "block1.output", 3).note or "")


TOP_ACTIVATIONS = f"{NETWORK}/layers/block3.output/filters/7/top-activations"


def fetch_page(client: TestClient, digit: Digit, query: str = "") -> Markup:
    address = f"/networks/mnist-resnet/digits/{digit.id}/layers/block3.output/filters/7{query}"
    return Markup(client.get(address).text)


def digit_links(markup: Markup) -> list[dict[str, str]]:
    return [element for element in markup.all("a") if ", labelled" in element.get("aria-label", "")]


def test_each_digit_links_the_same_filter_on_it(browsing: TestClient, digit: Digit) -> None:
    answered = browsing.get(TOP_ACTIVATIONS).json()["digits"]
    markup = fetch_page(browsing, digit, "?palette=light")
    assert [urlsplit(link["href"]).path for link in digit_links(markup)] == [
        link["page_url"] for link in answered
    ]
    assert all("palette=light" in link["href"] for link in digit_links(markup))
    assert "among the 240 test digits" in markup.text
    assert markup.faults == []
    assert f"on test digit {answered[0]['index']}, labelled" in digit_links(markup)[0]["aria-label"]


def test_without_a_test_set_samples_are_searched(api: TestClient, digit: Digit) -> None:
    answered = api.get(TOP_ACTIVATIONS).json()["digits"]
    markup = fetch_page(api, digit)
    assert "among the 40 samples" in markup.text
    assert "Start skiplens with --data" in markup.text
    assert len(digit_links(markup)) == len(answered)
    current = [link for link in digit_links(markup) if "aria-current" in link]
    assert len(current) == sum(item["id"] == digit.id for item in answered)


def test_samples_are_searched_during_indexing(indexing: TestClient, digit: Digit) -> None:
    markup = fetch_page(indexing, digit)
    assert "among the 40 samples" in markup.text
    assert "still being indexed" in markup.text


def test_disabled_blocks_do_not_change_the_top_activations(
    browsing: TestClient, digit: Digit
) -> None:
    markup = fetch_page(browsing, digit, "?scale=block1:0")
    assert "Values are with every block on." in markup.text
    values = [link["aria-label"] for link in digit_links(fetch_page(browsing, digit))]
    assert [link["aria-label"] for link in digit_links(markup)] == values
    assert all("scale=block1:0" in link["href"] for link in digit_links(markup))


class InactiveEngine(WatchedEngine):
    """Finds nothing anywhere in one layer."""

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        markup = dict(super().activations(image, branch_scales))
        markup["block3.output"] = np.zeros_like(markup["block3.output"])
        return markup


def test_a_filter_without_activations_says_so(
    services: Services, engine: Engine, digit: Digit
) -> None:
    inactive = InactiveEngine(engine)
    context = PageContext(
        services,
        inactive,
        services.digits.get(digit.id),
        run_network(inactive, digit, AS_TRAINED),
        Links(engine.manifest.id, digit.id),
    )
    row = top_activations(context, find_layer(engine.manifest, "block3.output"), 7)
    assert row.sentence.startswith(
        "None of the 40 samples activates it: its map has no value above"
    )
    assert (row.labels, row.sheet, row.tiles) == (None, None, ())


def test_the_layers_before_and_after_have_the_same_filter_or_their_last(
    context: PageContext,
) -> None:
    layers = context.engine.manifest.layers
    for one, other in pairwise(layers):
        last = one.filters - 1
        _, after = page(context, one.name, last).values["layers"]
        same = min(last, other.filters - 1)
        assert after == (other.name, context.links.filter(other.name, same))
    assert any(one.filters > other.filters for one, other in pairwise(layers))
    _, after = page(context, layers[-1].name, 0).values["layers"]
    assert after is None
