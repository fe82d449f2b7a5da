"""The page of a comparison: what is compared, another in either place, and the way in."""

import io
import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.core.ladder import RUNGS
from skiplens.samples import load_samples
from skiplens.service.services import Services
from skiplens.web.pages.compare import compare_page
from skiplens.web.pages.context import PageContext
from skiplens.web.parameters import ViewParameters
from tests.web.conftest import Refused
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

SAMPLES = len(list(load_samples()))
TWO = next(sample.digit for sample in load_samples() if sample.label == 2)
Pair = dict[str, str]


def parameters(address: str) -> Pair:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def comparisons(page: Markup) -> list[Pair]:
    """The parameters of every link to a comparison."""
    return [parameters(link) for link in page.links() if link.startswith("/compare")]


def address(pair: Mapping[str, str]) -> str:
    return "/compare?" + "&".join(f"{name}={value}" for name, value in pair.items())


def images(page: Markup) -> dict[str, Pair]:
    """The parameters of the image of each side, by side."""
    found = {image["href"] for image in page.all("image") if "/compare/" in image["href"]}
    return {query["side"]: query for query in map(parameters, found)}


def text_of(page: Markup) -> str:
    return " ".join(page.text.split())


def is_picker_open(page: Markup) -> bool:
    """Whether the choice of another B is unfolded."""
    return any("open" in one for one in page.all("details") if one.get("class") == "side-picker")


@pytest.fixture
def inputs(digit: Digit) -> Pair:
    """Two inputs in one network."""
    return {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-resnet/{TWO.id}",
        "scale_b": "block1:0",
    }


@pytest.fixture
def networks(digit: Digit) -> Pair:
    """One input in two networks."""
    return {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-classic/{digit.id}",
        "scale_b": "block1:0",
    }


def test_without_parameters_a_sample_is_compared_with_one_of_the_class_that_comes_second(
    look: Look, services: Services
) -> None:
    first = services.default_digit
    forward = services.runner.run(
        services.registry.network("mnist-resnet"), first.image, AS_TRAINED
    )
    side = images(look("/compare"))["difference"]
    assert side["a"] == f"mnist-resnet/{first.image.id}"
    network, _, other = side["b"].partition("/")
    assert network == "mnist-resnet"
    assert services.digits.get(other).label == int(forward.probabilities.argsort()[-2])


def test_a_alone_is_compared_too(look: Look, digit: Digit) -> None:
    side = images(look(f"/compare?a=mnist-classic/{digit.id}"))["b"]
    assert side["a"] == f"mnist-classic/{digit.id}"
    assert side["b"].startswith("mnist-classic/")


def test_an_input_compared_with_itself_is_said_to_be_and_others_are_offered(
    look: Look, inputs: Pair
) -> None:
    said = "A and B are the same digit, so nothing differs. Choose another input for B."
    alone = {"a": inputs["a"], "b": inputs["a"]}
    same = look(address(alone))
    assert said in text_of(same)
    assert is_picker_open(same)
    for differing in (inputs, {**alone, "scale_b": "block1:0"}):
        page = look(address(differing))
        assert "A and B are the same" not in text_of(page)
        assert not is_picker_open(page)


def test_two_inputs_have_a_difference(look: Look, inputs: Pair) -> None:
    assert images(look(address(inputs))).keys() == {"a", "b", "difference"}


def test_two_networks_have_a_similarity_and_no_difference(look: Look, networks: Pair) -> None:
    page = look(address(networks))
    assert images(page).keys() == {"a", "b"}
    assert "linear CKA on 2,000 test digits" in text_of(page)
    assert "Filters of separately trained networks do not correspond" in text_of(page)
    cells = [link for link in page.all("a") if " of A, " in link.get("aria-label", "")]
    assert len(cells) == 8 * 7
    (current,) = (cell for cell in cells if "aria-current" in cell)
    assert current["aria-label"].startswith("block1.output of A, block1.output of B: 0.")


def test_a_cell_of_the_similarity_leads_to_the_maps_of_both_layers(
    look: Look, networks: Pair
) -> None:
    page = look(address(networks))
    href = next(
        link["href"]
        for link in page.all("a")
        if link.get("aria-label", "").startswith("block2.output of A, block5.output of B")
    )
    chosen = networks | {"layer": "block2.output", "layer_b": "block5.output"}
    assert parameters(href) == chosen
    found = look(href)
    assert images(found)["b"]["layer_b"] == "block5.output"
    assert networks | {"layer": "block2.output"} in comparisons(found)  # that at its place
    swapped = {
        "a": networks["b"],
        "b": networks["a"],
        "scale_a": "block1:0",
        "layer": "block5.output",
        "layer_b": "block2.output",
    }
    assert swapped in comparisons(found)


def test_it_names_what_is_scaled_and_marks_the_layer(look: Look, digit: Digit) -> None:
    pair = {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-resnet/{digit.id}",
        "scale_b": "block1:0",
        "layer": "block2.sum",
    }
    page = look(address(pair))
    assert "Residual network without block1" in text_of(page)
    selected = [option["value"] for option in page.all("option") if "selected" in option]
    assert "block2.sum" in selected
    current = [link["href"] for link in page.all("a") if link.get("aria-current") == "true"]
    assert pair in [parameters(link) for link in current]


def test_a_layer_that_is_the_same_in_both_differs_by_zero_everywhere(
    look: Look, digit: Digit
) -> None:
    pair = f"a=mnist-resnet/{digit.id}&b=mnist-resnet/{digit.id}&scale_b=block2:0"
    text = text_of(look(f"/compare?{pair}&layer=block1.output"))
    assert text.count("zero everywhere") == 1


def test_a_and_b_change_places(look: Look, inputs: Pair, networks: Pair) -> None:
    for pair in (inputs, networks):
        swapped = {"a": pair["b"], "b": pair["a"], "scale_a": "block1:0"}
        assert swapped in comparisons(look(address(pair)))
        assert pair in comparisons(look(address(swapped)))


def test_layers_change_places_too_and_are_kept_where_another_network_has_them(
    look: Look, networks: Pair, digit: Digit
) -> None:
    found = comparisons(look(address(networks | {"layer": "block6.output"})))
    swapped = {"a": networks["b"], "b": networks["a"], "scale_a": "block1:0"}
    assert swapped | {"layer": "block5.output"} in found
    deepest = {**networks, "b": f"mnist-plain/{digit.id}", "layer": "block6.output"}
    del deepest["scale_b"]
    assert deepest in found
    inner = comparisons(look(address(networks | {"layer": "block6.sum"})))
    assert {**deepest, "layer": "block6.sum"} not in inner  # no sum in the plain twin


@pytest.mark.parametrize("layer", [{}, {"layer": "head.logits"}])
def test_another_input_can_stand_in_either_place(look: Look, inputs: Pair, layer: Pair) -> None:
    found = comparisons(look(address(inputs | layer)))
    for place in ("a", "b"):
        rest = {name: item for name, item in (inputs | layer).items() if name != place}
        others = [item for item in found if {**item, place: ""} == {**rest, place: ""}]
        assert len({item[place] for item in others}) >= SAMPLES
        assert {item[place].split("/")[0] for item in others} == {"mnist-resnet"}


def test_another_input_of_two_networks_is_that_of_both(look: Look, networks: Pair) -> None:
    found = comparisons(look(address(networks)))
    both = {"a": f"mnist-resnet/{TWO.id}", "b": f"mnist-classic/{TWO.id}", "scale_b": "block1:0"}
    assert both in found


def test_another_network_can_be_compared_with(
    look: Look, networks: Pair, services: Services, digit: Digit
) -> None:
    found = comparisons(look(address(networks)))
    every = {engine.manifest.id for engine in services.registry.networks} - RUNGS
    of_b = {query["b"].split("/")[0] for query in found if query["a"] == networks["a"]}
    assert of_b == every  # its own for two inputs
    exchanged = {"a": f"mnist-classic/{digit.id}", "b": f"mnist-resnet/{digit.id}"}
    assert exchanged | {"scale_b": "block1:0"} in found  # from the menu of A's network


def test_one_network_stays_one_when_another_is_chosen(look: Look, inputs: Pair) -> None:
    found = comparisons(look(address(inputs)))
    other = {name: value.replace("mnist-resnet", "mnist-classic") for name, value in inputs.items()}
    assert other in found


def test_the_ways_to_compare_lead_to_each_other(look: Look, inputs: Pair, digit: Digit) -> None:
    twin = {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-plain/{digit.id}"}
    assert twin in comparisons(look(address(inputs)))
    back = [query for query in comparisons(look(address(twin))) if query["a"] == twin["a"]]
    assert any(query["b"].startswith("mnist-resnet/") for query in back)


@pytest.mark.parametrize(
    "where", ["", "/layers/block2.sum", "/layers/block2.sum/filters/3", "/blocks/block2"]
)
def test_every_page_of_a_digit_has_a_way_in(look: Look, digit: Digit, where: str) -> None:
    page = look(f"/networks/mnist-resnet/digits/{digit.id}{where}?scale=block2:0")
    (found,) = comparisons(page)
    assert found["a"] == f"mnist-resnet/{digit.id}"
    assert found["b"] != found["a"]
    assert (found["scale_a"], found["scale_b"]) == ("block2:0", "block2:0")


def test_networks_without_a_layer_at_one_place_are_compared_in_words(
    services: Services, digit: Digit
) -> None:
    engine = services.registry.network("mnist-resnet")
    a = services.runner.run(engine, digit, AS_TRAINED)
    unknown = tuple(replace(layer, role="other") for layer in a.manifest.layers)
    b = replace(a, manifest=replace(a.manifest, id="mnist-plain", layers=unknown, blocks=()))
    links = ViewParameters().view(a.manifest, digit.id, AS_TRAINED)
    stored = services.digits.get(digit.id)
    page = compare_page(PageContext(services, engine, stored, a, links), b, None, None)
    assert (page.layer, page.maps, page.rows) == (None, {}, ())


LINE = {"points": [[0.5, 0.2, 0.09], [0.5, 0.8, 0.09]]}


def drawn(api: TestClient, shown: list[str]) -> tuple[dict[str, Any], list[bytes]]:
    """The pictures of a live frame, and their levels."""
    asked = {"strokes": [LINE], "pictures": shown}
    content = api.post("/networks/mnist-resnet/live", json=asked).content
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    offset, levels = 4 + length + 28 * 28, []
    for picture in header["pictures"]:
        size = picture["width"] * picture["height"]
        levels.append(content[offset : offset + size])
        offset += size
    return header, levels


def stored(api: TestClient) -> str:
    """The id of the same drawing, once it is kept."""
    return str(api.post("/api/v1/digits", json={"strokes": [LINE]}).json()["id"])


@pytest.mark.parametrize("mode", ["inputs", "networks"])
def test_every_side_follows_a_drawing(
    api: TestClient, look: Look, request: pytest.FixtureRequest, digit: Digit, mode: str
) -> None:
    pair: Pair = request.getfixturevalue(mode)
    sides = images(look(address(pair)))
    addresses = ["/api/v1/compare/grid.png?" + urlencode(query) for query in sides.values()]
    header, levels = drawn(api, addresses)
    kept = stored(api)
    place = digit.id if mode == "networks" else f"a=mnist-resnet%2F{digit.id}"
    after = kept if mode == "networks" else f"a=mnist-resnet%2F{kept}"
    for shown, found, picture in zip(addresses, levels, header["pictures"], strict=True):
        with Image.open(io.BytesIO(api.get(shown.replace(place, after)).content)) as opened:
            assert np.asarray(opened).tobytes() == found
        assert picture["legend"]["range-scope"].startswith(("one value range", "its own"))


def test_a_side_that_there_is_not_cannot_follow(
    api: TestClient, refused: Refused, inputs: Pair
) -> None:
    query = urlencode({**inputs, "layer": "stem.output", "side": "c"})
    asked = {"strokes": [LINE], "pictures": [f"/api/v1/compare/grid.png?{query}"]}
    answer = api.post("/networks/mnist-resnet/live", json=asked)
    assert "side must be one of a, b, difference" in refused(answer, 422, "invalid_parameter")


def test_a_layer_with_very_many_filters_is_compared_in_parts(
    api: TestClient, look: Look, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.compare.MOST_COLUMNS", 10)
    view = f"mnist-resnet/{digit.id}"
    seen: list[str] = []
    for number in (1, 2):
        page = look(
            f"/compare?a={view}&b={view}&scale_b=block2:0&layer=block2.output&page={number}"
        )
        (a, b) = [one for one in page.all("figure") if "data-order" in one]
        assert a["data-order"] == b["data-order"]
        seen += a["data-order"].split(",")
        sources = [one["href"] for one in page.all("image") if "compare/grid.png" in one["href"]]
        assert all(f"filters={a['data-order']}" in source for source in sources)
        assert api.get(sources[-1]).status_code == 200
        assert ("page=2" in page.address) is (number == 2)
    assert sorted(map(int, seen)) == list(range(16))


def test_a_sequence_is_compared_whole_with_each_part_of_a_layer(
    look: Look, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.compare.MOST_COLUMNS", 10)
    pair = {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-rows/{digit.id}"}
    layers = {"layer": "block2.output", "layer_b": "block1.sum", "page": "2"}
    assert set(images(look(address(pair | layers)))) == {"a", "b"}


def test_layers_at_different_places_stay_compared_on_other_inputs(look: Look, digit: Digit) -> None:
    pair = {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-plain/{TWO.id}"}
    layers = {"layer": "block6.sum", "layer_b": "block6.output"}
    found = comparisons(look(address(pair | layers)))
    same = {"a": pair["a"], "b": f"mnist-plain/{digit.id}", **layers}
    assert same in found
    assert look(address(same)).faults == []
