"""The pages of a network that reads rows."""

import re

import numpy as np
import pytest

from skiplens.core.input_image import Digit
from skiplens.service.early_exits_and_votes import EarlyExit
from skiplens.web import links
from skiplens.web.pages.blocks import describe_rows
from skiplens.web.pages.fmt import MINUS
from tests.web.pages.conftest import Look

NETWORK = "mnist-rows"
GATES = ("update", "reset")


def test_each_equation_begins_with_the_rows_of_the_digit(look: Look, digit: Digit) -> None:
    page = look(links.gallery(NETWORK, digit.id))
    rows = [one for one in page.all("span") if "data-step-rows" in one]
    equations = [one for one in page.all("div") if "data-equation" in one]
    assert len(rows) == len(equations) == 2
    assert all("is-sequence" in one["class"] for one in equations)
    grids = [one for one in page.all("img") if "block1.sum/grid.png" in one["src"]]
    digits = [one for one in page.all("img") if "input.png" in one["src"]]
    zoom = int(grids[0]["src"].split("zoom=")[1].split("&")[0])
    assert str(28 * zoom) in {one["height"] for one in digits}


def test_a_block_shows_the_gates_of_its_recurrent_layer(look: Look, digit: Digit) -> None:
    page = look(links.block_page(NETWORK, digit.id, "block1"))
    shown = [one["data-layer"] for one in page.all("figure") if "data-layer" in one]
    assert shown == ["block1.states.update", "block1.states.reset"]
    layer = look(links.layer_page(NETWORK, digit.id, "block1.states.update"))
    assert "1 keeps a unit's state and 0 replaces it." in layer.text


def test_a_position_of_a_sequence_is_a_row_of_the_digit(look: Look, digit: Digit) -> None:
    page = look(f"{links.filter_page(NETWORK, digit.id, 'block1.sum', 7)}?at=0,14")
    assert "at row 14 of the digit" in page.text
    marker = next(one for one in page.all("svg") if one.get("class") == "marker")
    assert "data-steps" in marker
    chosen = [one["value"] for one in page.all("option") if "selected" in one]
    assert "0,14" in chosen  # the list of rows sends a position, as the field of images does
    assert "Row and column" not in page.text
    dense = look(f"{links.filter_page(NETWORK, digit.id, 'stem.output', 7)}?at=0,14")
    assert re.search(r"stem\.rows:\d+ at 0,14", dense.text)


def test_the_channels_of_a_sequence_are_called_units(look: Look, digit: Digit) -> None:
    block = look(links.block_page(NETWORK, digit.id, "block1"))
    assert "Each column is one unit" in block.text
    assert "Table of all units" in block.text
    unit = look(links.filter_page(NETWORK, digit.id, "block1.states", 7))
    assert "unit 6" in unit.text
    assert "filter 6" not in unit.text


def test_two_recurrent_networks_are_compared_at_the_first_block(look: Look, digit: Digit) -> None:
    page = look(f"/compare?a={NETWORK}/{digit.id}&b={NETWORK}-plain/{digit.id}")
    labels = [one["aria-label"] for one in page.all("ul") if "aria-label" in one]
    assert any(label.startswith("block1.sum of A") for label in labels)


def test_the_blocks_have_units_and_no_filters(look: Look, digit: Digit) -> None:
    page = look(f"/networks/{NETWORK}/digits/{digit.id}/blocks")
    assert "Each unit across blocks" in page.text
    assert "over all positions and units" in page.text
    (alt,) = {one["alt"] for one in page.all("img") if one["alt"].startswith("Output of")}
    assert alt.endswith("one column for each of 64 units")


@pytest.mark.parametrize("unit", [7, 40])
def test_a_state_is_computed_from_its_gates_and_the_state_before(
    look: Look, digit: Digit, unit: int
) -> None:
    page = look(f"{links.filter_page(NETWORK, digit.id, 'block1.states', unit)}?at=0,14")
    for words in ("The update gate z", "The reset gate r", "The candidate", "The new state"):
        assert words in page.text
    gates = [links.filter_page(NETWORK, digit.id, f"block1.states.{gate}", unit) for gate in GATES]
    hrefs = {one["href"] for one in page.all("a")}
    assert {f"{gate}?at=0,14#unit" for gate in gates} <= hrefs
    found = re.search(r"numbers above: (\S+)\. Computed by the network: (\S+)\.", page.text)
    assert found
    assert float(found[1].replace(MINUS, "-")) == pytest.approx(
        float(found[2].replace(MINUS, "-")), abs=1e-5
    )


def test_at_the_first_row_that_is_read_there_is_no_state_before(look: Look, digit: Digit) -> None:
    """The first half of the units reads from the top, the second from the bottom."""
    for unit, row in ((7, 0), (40, 27)):
        address = links.filter_page(NETWORK, digit.id, "block1.states", unit)
        assert "There is no state before" in look(f"{address}?at=0,{row}").text
        assert "There is no state before" not in look(f"{address}?at=0,{27 - row}").text


def test_the_blocks_page_reads_row_by_row(look: Look, digit: Digit) -> None:
    page = look(links.blocks_page(NETWORK, digit.id))
    assert "Predictions after each row" in page.text
    assert "step-gradients" in {one.get("id") for one in page.all("section")}
    assert "row 27" in page.text
    assert "row 28" not in page.text


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([7, 7, 7], "It says 7 from the first row on."),
        ([1, 1, 7, 7], "After row 2 it says 7, and keeps to it."),
        ([7, 1, 7], "It says 7 only once it has the last row."),
    ],
)
def test_the_row_that_decides_is_named(labels: list[int], text: str) -> None:
    exits = [EarlyExit(f"row {at}", np.eye(10, dtype=np.float32)[n]) for at, n in enumerate(labels)]
    assert describe_rows(exits, "0123456789") == text


def test_compared_sequences_stand_as_one_picture_each(look: Look, digit: Digit) -> None:
    pair = f"a={NETWORK}/{digit.id}&b={NETWORK}-plain/{digit.id}"
    page = look(f"/compare?{pair}&layer=block1.states")
    lists = [one for one in page.all("ul") if "is-sequence" in one.get("class", "")]
    assert len(lists) == 2
    names = [one.get("aria-label") for one in page.all("svg")]
    assert names.count("unit 63") == 2
