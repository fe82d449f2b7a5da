"""The page of a comparison: who is compared, another in either place, and the ways in."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED
from skiplens.samples import load_samples
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.compare import compare_page
from tests.web.pages.conftest import Look

SAMPLES = len(list(load_samples()))


def queries(links: list[str]) -> list[dict[str, str]]:
    """The parameters of every link to a comparison."""
    found = [urlsplit(link) for link in links if link.startswith("/compare")]
    return [{name: item[0] for name, item in parse_qs(part.query).items()} for part in found]


@pytest.fixture
def pair(digit: Digit) -> dict[str, str]:
    return {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-classic/{digit.id}",
        "scale_b": "block1:0",
    }


def address(pair: dict[str, str]) -> str:
    return "/compare?" + "&".join(f"{name}={value}" for name, value in pair.items())


def test_it_names_both_and_marks_the_layer(client: TestClient, digit: Digit) -> None:
    pair = f"a=mnist-resnet/{digit.id}&b=mnist-resnet/{digit.id}&scale_b=block1:0"
    html = client.get(f"/compare?{pair}&layer=block2.sum").text
    assert "without block1" in html
    assert "Without block1," in html
    assert re.search(r'aria-current="true"><code>block2\.sum', html)


def test_a_layer_that_is_the_same_in_both_differs_by_zero_everywhere(
    look: Look, digit: Digit
) -> None:
    pair = f"a=mnist-resnet/{digit.id}&b=mnist-resnet/{digit.id}&scale_b=block2:0"
    text = " ".join(look(f"/compare?{pair}&layer=block1.output").text.split())
    assert "A \N{MINUS SIGN} B zero everywhere" in text
    assert text.count("zero everywhere") == 1


def test_a_and_b_change_places(look: Look, pair: dict[str, str]) -> None:
    swapped = {"a": pair["b"], "b": pair["a"], "scale_a": "block1:0"}
    assert swapped in queries(look(address(pair)).links())
    assert pair in queries(look(address(swapped)).links())


@pytest.mark.parametrize("layer", [{}, {"layer": "head.logits"}])
def test_another_digit_can_stand_in_either_place(
    look: Look, pair: dict[str, str], layer: dict[str, str]
) -> None:
    found = queries(look(address(pair | layer)).links())
    for place in ("a", "b"):
        rest = {name: item for name, item in (pair | layer).items() if name != place}
        others = [item for item in found if {**item, place: ""} == {**rest, place: ""}]
        assert len({item[place] for item in others}) >= SAMPLES
        assert {item[place].split("/")[0] for item in others} >= {pair[place].split("/")[0]}


def test_another_network_can_stand_in_either_place(
    look: Look, pair: dict[str, str], services: Services
) -> None:
    found = queries(look(address(pair)).links())
    for place in ("a", "b"):
        offered = {network[place].split("/")[0] for network in found}
        assert offered >= {engine.manifest.id for engine in services.registry.networks}


@pytest.mark.parametrize(
    ("where", "layer"),
    [
        ("", None),
        ("/layers/block2.sum", "block2.sum"),
        ("/layers/block2.sum/filters/3", "block2.sum"),
        ("/blocks/block2", "block2.output"),
    ],
)
def test_every_page_of_a_digit_has_a_way_in(
    look: Look, digit: Digit, where: str, layer: str | None
) -> None:
    links = look(f"/networks/mnist-resnet/digits/{digit.id}{where}?scale=block2:0").links()
    found = queries(links)
    assert len(found) == 1
    assert found[0]["a"] == f"mnist-resnet/{digit.id}"
    assert found[0]["b"] != found[0]["a"]
    assert (found[0]["scale_a"], found[0]["scale_b"]) == ("block2:0", "block2:0")
    assert found[0].get("layer") == layer


def test_networks_that_share_no_layer_are_compared_in_words(
    open_services: Callable[[], Services], digit: Digit
) -> None:
    services = open_services()
    engine = services.registry.network("mnist-resnet")
    a = services.runner.run(engine, digit, AS_TRAINED)
    renamed = tuple(replace(layer, name=f"{layer.name}'") for layer in a.manifest.layers)
    maps = {f"{name}'": maps for name, maps in a.activations.items()}
    b = replace(a, manifest=replace(a.manifest, layers=renamed), activations=maps)
    page = compare_page(services, a, b, Links("mnist-resnet", digit.id), None)
    assert (page.layer, page.sides, page.rows) == (None, (), ())
    services.digits.close()
