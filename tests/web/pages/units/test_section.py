"""The section as a whole: which place it is about, and the ways to others."""

from collections.abc import Mapping

import pytest
from starlette.testclient import TestClient

from skiplens.engine.base import Engine
from tests.web.conftest import Refused
from tests.web.pages.conftest import Look
from tests.web.pages.units.conftest import Explain, number


def test_by_default_it_is_about_the_largest_value(explain: Explain) -> None:
    section = explain("block1.output", 7)
    assert section.picker is not None
    assert f"at={section.row},{section.column}" in section.picker.largest
    again = explain("block1.output", 7, f"{section.row},{section.column}")
    assert again.value == section.value


def test_steps_end_at_the_edge(explain: Explain) -> None:
    picker = explain("block1.output", 7, "0,27").picker
    assert picker is not None
    left, up, down, right = picker.steps
    assert up.href is right.href is None
    assert "at=0,26#unit" in (left.href or "")
    assert "at=1,27#unit" in (down.href or "")


def test_a_map_of_one_value_has_no_picker(explain: Explain) -> None:
    assert explain("head.pool", 7).picker is None


def test_both_ways_to_the_value_are_stated(explain: Explain) -> None:
    section = explain("block4.conv2", 7, "3,3")
    assert number(section.sum) == pytest.approx(number(section.exact), rel=1e-4)


def test_every_layers_page_explains_a_value(
    look: Look, gallery: str, engines: Mapping[str, Engine]
) -> None:
    for network, engine in engines.items():
        for layer in engine.manifest.layers:
            address = f"{gallery}/layers/{layer.name}/filters/0".replace("mnist-resnet", network)
            page = look(address)
            assert page.faults == [], layer.name
            assert "How this value is computed" in page.text
            assert "Computed by the network" in page.text


def test_links_keep_how_the_map_is_looked_at(look: Look, gallery: str) -> None:
    page = look(f"{gallery}/layers/block1.sum/filters/3?scale=block2:0&palette=light&at=4,5")
    inner = [link for link in page.links() if link.endswith("#unit")]
    assert len(inner) >= 8
    assert all("scale=block2:0" in link and "palette=light" in link for link in inner)
    fields = {one["name"]: one.get("value") for one in page.all("input") if "name" in one}
    assert fields["at"] == "4,5"
    assert fields["palette"] == "light"


@pytest.mark.parametrize(
    ("query", "status"),
    [("at=28,0", 404), ("at=x", 422), ("at=5", 422), ("channel=16", 404), ("channel=-1", 422)],
)
def test_what_is_not_there_is_refused(
    api: TestClient, gallery: str, refused: Refused, query: str, status: int
) -> None:
    code = {404: ("unknown_unit", "unknown_filter"), 422: ("invalid_parameter",)}[status]
    address = f"{gallery}/layers/block1.conv1/filters/3?{query}"
    answer = api.get(address, headers={"accept": "application/json"})
    assert answer.json()["code"] in code
    refused(answer, status, answer.json()["code"])
