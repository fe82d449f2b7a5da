"""The page of a block: its strip, its figures, its switch, and ways on."""

from collections.abc import Mapping

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from tests.web.pages.conftest import Look

VIEW = "/networks/mnist-resnet/digits"


@pytest.fixture
def page(client: TestClient, digit: Digit) -> str:
    """The page of block2."""
    return client.get(f"{VIEW}/{digit.id}/blocks/block2").text


def test_the_figures_are_those_of_the_api(client: TestClient, digit: Digit, page: str) -> None:
    figures = client.get(f"/api/v1{VIEW}/{digit.id}/blocks/block2").json()
    assert f"{figures['norm_x']:.0f}" in page
    assert fmt.number(figures["ratio"]) in page
    assert f"{100 * figures['relu_zeroed']:.0f}" in page


def test_each_filter_is_there_in_charts_and_in_numbers(look: Look, digit: Digit) -> None:
    markup = look(f"{VIEW}/{digit.id}/blocks/block2")
    charts = [one for one in markup.all("a") if one.get("aria-label", "").startswith("filter ")]
    assert [one["aria-label"].split(":")[0] for one in charts] == [
        f"filter {at}" for at in range(16)
    ]
    rows = [link for link in markup.links() if "/layers/block2.output/filters/" in link]
    assert rows == [one["href"] for one in charts] * 2


def test_the_table_opens_sorted_where_that_was_asked_for(look: Look, digit: Digit) -> None:
    address = f"{VIEW}/{digit.id}/blocks/block2"
    closed = next(one for one in look(address).all("details") if one.get("id") == "filters")
    assert "open" not in closed
    markup = look(f"{address}?order=norm_residual")
    details = next(one for one in markup.all("details") if one.get("id") == "filters")
    assert "open" in details
    assert [one["aria-sort"] for one in markup.all("th") if "aria-sort" in one] == ["descending"]


def test_the_strip_has_its_rows_named(client: TestClient, digit: Digit, page: str) -> None:
    for role in ("x", "F(x)", "sum", "output"):
        assert f">{role}</b>" in page
    assert "one value range for all rows" in page
    assert "projected x" in client.get(f"{VIEW}/{digit.id}/blocks/block3").text


def test_what_a_block_has_not_is_not_spoken_of(
    look: Look, engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name, engine in engines.items():
        for block in engine.manifest.blocks:
            markup = look(f"/networks/{name}/digits/{digit.id}/blocks/{block.name}")
            links = markup.links()
            assert (block.gate is not None) == any(
                f"/layers/{block.name}.gate" in one for one in links
            )
            assert (
                f"Switch {text.symbols_of_block(block).f} off" in markup.text
            ) == block.can_disable
            assert ("cosine of " in markup.text) == (block.identity is not None)


def test_the_switch_is_a_link_there_and_back(client: TestClient, digit: Digit, page: str) -> None:
    there = f"{VIEW}/{digit.id}/blocks/block2?scale=block2:0"
    assert there in page
    off = client.get(there).text
    assert "Switch F(x) on" in off
    assert f'href="{VIEW}/{digit.id}/blocks/block2"' in off


@pytest.mark.parametrize("where", ["blocks/block2", "depth"])
def test_what_a_switch_changes_in_the_answer_is_shown(look: Look, digit: Digit, where: str) -> None:
    whole = look(f"{VIEW}/{digit.id}/{where}")
    switched = look(f"{VIEW}/{digit.id}/{where}?scale=block2:0")
    assert "Without block2," not in whole.text
    assert "Without block2," in switched.text
    assert "all on" in switched.text
    assert f"{VIEW}/{digit.id}/{where}" in switched.links()
