"""What excites a filter most, on the filter's page."""

from urllib.parse import urlsplit

import numpy as np
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED
from skiplens.engine.base import Activations, Array, Engine
from skiplens.service.forward import ModelRunner
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.filter import top_activations
from tests.web.conftest import NETWORK
from tests.web.engines import WatchedEngine
from tests.web.pages.markup import Markup

STRONGEST = f"{NETWORK}/layers/block3.output/filters/7/top-activations"


def page(client: TestClient, digit: Digit, query: str = "") -> Markup:
    address = f"/networks/mnist-resnet/digits/{digit.id}/layers/block3.output/filters/7{query}"
    return Markup(client.get(address).text)


def tiles(found: Markup) -> list[dict[str, str]]:
    return [one for one in found.all("a") if ", labelled" in one.get("aria-label", "")]


def test_each_leads_to_the_same_filter_on_that_digit(browsing: TestClient, digit: Digit) -> None:
    told = browsing.get(STRONGEST).json()["digits"]
    found = page(browsing, digit, "?palette=light")
    assert [urlsplit(one["href"]).path for one in tiles(found)] == [one["page_url"] for one in told]
    assert all("palette=light" in one["href"] for one in tiles(found))
    assert "among the 240 test digits" in found.text
    assert found.faults == []
    assert f"on test digit {told[0]['index']}, labelled" in tiles(found)[0]["aria-label"]


def test_without_a_data_set_they_are_samples_and_it_says_so(api: TestClient, digit: Digit) -> None:
    told = api.get(STRONGEST).json()["digits"]
    found = page(api, digit)
    assert "among the 40 samples" in found.text
    assert "Start skiplens with --data" in found.text
    assert len(tiles(found)) == len(told)
    current = [one for one in tiles(found) if "aria-current" in one]
    assert len(current) == sum(one["id"] == digit.id for one in told)


def test_while_it_is_indexed_it_says_that(indexing: TestClient, digit: Digit) -> None:
    found = page(indexing, digit)
    assert "among the 40 samples" in found.text
    assert "still being indexed" in found.text


def test_blocks_that_are_off_do_not_change_what_was_measured(
    browsing: TestClient, digit: Digit
) -> None:
    found = page(browsing, digit, "?scale=block1:0")
    assert "Values are with every block on." in found.text
    values = [one["aria-label"] for one in tiles(page(browsing, digit))]
    assert [one["aria-label"] for one in tiles(found)] == values
    assert all("scale=block1:0" in one["href"] for one in tiles(found))


class Silent(WatchedEngine):
    """Finds nothing anywhere in one layer."""

    def activations(self, image: Array, gates: Array) -> Activations:
        found = dict(super().activations(image, gates))
        found["block3.output"] = np.zeros_like(found["block3.output"])
        return found


def test_a_filter_that_nothing_excites_says_so(
    services: Services, engine: Engine, digit: Digit
) -> None:
    silent = Silent(engine)
    context = PageContext(
        services,
        silent,
        services.digits.get(digit.id),
        ModelRunner().run(silent, digit, AS_TRAINED),
        Links(engine.manifest.id, digit.id),
    )
    row = top_activations(context, find_layer(engine.manifest, "block3.output"), 7)
    assert row.sentence.startswith(
        "None of the 40 samples activates it: its map has no value above"
    )
    assert (row.labels, row.sheet, row.tiles) == (None, None, ())
