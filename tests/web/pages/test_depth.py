"""The depth page: metrics, gradients, ablations, and another network's gradients."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.manifest import BlockMetrics
from skiplens.web.pages.depth import describe_depth
from skiplens.web.pages.text import GATED, PLAIN, Symbols
from tests.web.pages.conftest import Look

DIGITS = "/networks/mnist-resnet/digits"


def test_links_keep_disabled_blocks_and_display_options(look: Look, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/depth?scale=block4:0&palette=blue-orange")
    onward = [link for link in markup.links() if "/blocks/" in link]
    assert onward
    assert all("scale=block4:0" in link and "palette=blue-orange" in link for link in onward)


def test_gradients_are_of_the_requested_class(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{DIGITS}/{digit.id}/depth?target=2").text
    assert "log p(2)" in html
    flow = client.get(f"/api/v1{DIGITS}/{digit.id}/gradients?target=2").json()
    assert flow["target"] == "2"


def test_another_networks_gradients_are_shown_too(
    look: Look, client: TestClient, digit: Digit
) -> None:
    alone = look(f"{DIGITS}/{digit.id}/depth?target=2")
    markup = look(f"{DIGITS}/{digit.id}/depth?target=2&beside=mnist-classic")
    assert "Classic of 2016, total" in markup.text
    assert "Classic of 2016, total" not in alone.text
    dashed = [element for element in markup.all("g") if "is-compared" in element.get("class", "")]
    assert dashed
    answer = client.get(
        f"/api/v1/networks/mnist-classic/digits/{digit.id}/gradients?target=2"
    ).json()
    assert f"Classic of 2016, block1: {answer['blocks'][0]['total']:.3g}"[:34] in markup.text
    chosen = [element for element in markup.all("option") if element["value"] == "mnist-classic"]
    assert "selected" in chosen[0]


def test_blocks_that_both_have_are_off_in_both(look: Look, digit: Digit) -> None:
    query = "beside=mnist-classic&scale=block2:0"
    markup = look(f"{DIGITS}/{digit.id}/depth?{query}")
    assert "Classic of 2016, block1" in markup.text
    assert "Classic of 2016, block2" in markup.text
    assert not [
        line
        for line in markup.text.splitlines()
        if "block2: " in line and "through F" in line.split("block2: ")[1][:24]
    ]


def test_ablations_are_shown_as_measured(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{DIGITS}/{digit.id}/depth").text
    assert "Accuracy drop without each block" in html
    assert "10,000 test digits" in html


def test_with_every_branch_off_it_says_that_nothing_is_added(look: Look, digit: Digit) -> None:
    every = ",".join(f"block{at}:0" for at in range(1, 7))
    assert "nothing is added" in look(f"{DIGITS}/{digit.id}/depth?scale={every}").text


FOUND = [
    BlockMetrics(f"block{at}", 1.0, ratio, 1.0, ratio, 0.0, 0.0)
    for at, ratio in enumerate((1.5, 0.5, 0.25, 1.25), 1)
]


def said(blocks: Sequence[int], off: Sequence[int] = (), names: Symbols = PLAIN) -> str:
    """What is said of some of these blocks; one that is off adds nothing."""
    switched = [f"block{at}" for at in off]
    found = [
        replace(block, ratio=0.0) if block.block in switched else block
        for block in (FOUND[at - 1] for at in blocks)
    ]
    return describe_depth(found, switched, names)


def test_a_block_that_is_off_counts_neither_as_larger_nor_as_smaller() -> None:
    assert said([1, 4]).startswith("On this digit F(x) is larger than x in every block: they")
    assert said([1, 4, 3], off=[3]).startswith(
        "On this digit F(x) is larger than x in every block that is on: they"
    )
    assert "every" not in said([1, 3], off=[3])
    assert "block3" not in said([1, 2, 3, 4], off=[3])


@pytest.mark.parametrize(
    ("blocks", "off"), [([1, 2, 4], []), ([1, 2], [1]), ([1, 3], [3]), ([2], []), ([4], [])]
)
def test_a_single_block_is_named_once(blocks: list[int], off: list[int]) -> None:
    words = said(blocks, off)
    assert words.count("block") == 1
    assert "times as large as x" in words
    assert ("only" in words) == (len(blocks) - len(off) > 1)


def test_the_block_with_the_smallest_change_is_named() -> None:
    words = said([1, 2, 3, 4])
    assert "block2 and block3 refine their input" in words
    assert "The smallest change is by block3, where F(x) is 0.250 times as large as x." in words


def test_the_sentence_names_gated_terms() -> None:
    for blocks in ([1, 2, 3], [1, 4], [2]):
        words = said(blocks, names=GATED)
        assert f"{GATED.f} is " in words
        assert f" as {GATED.x}" in words
        assert " x" not in words
