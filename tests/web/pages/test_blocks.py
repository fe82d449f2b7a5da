"""The Blocks page: metrics, gradients beside another network's, ablations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.core.manifest import BlockMetrics, Manifest
from skiplens.engine.base import Engine
from skiplens.web.pages import fmt
from skiplens.web.pages.blocks import ablated_accuracies, ablation_rows, describe_blocks
from skiplens.web.pages.text import GATED
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

DIGITS = "/networks/mnist-resnet/digits"


def test_links_keep_disabled_blocks_and_display_options(look: Look, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks?scale=block4:0&palette=light")
    onward = [link for link in markup.links() if "/blocks/" in link]
    assert onward
    assert all("scale=block4:0" in link and "palette=light" in link for link in onward)


def test_gradients_are_of_the_requested_class(api: TestClient, digit: Digit) -> None:
    html = api.get(f"{DIGITS}/{digit.id}/blocks?target=2").text
    assert "logit of class 2" in html
    flow = api.get(f"/api/v1{DIGITS}/{digit.id}/gradients?target=2").json()
    assert flow["target"] == "2"


def chosen_networks(markup: Markup) -> list[str]:
    return [
        element["value"]
        for element in markup.all("option")
        if element["value"].startswith(("none", "mnist-")) and "selected" in element
    ]


@pytest.mark.parametrize(
    ("network", "twin"),
    [
        ("mnist-resnet", "mnist-plain"),
        ("mnist-plain", "mnist-resnet"),
        ("mnist-highway", "mnist-plain"),
        ("mnist-classic", "none"),
        ("mnist-stream", "mnist-stream-plain"),
        ("mnist-stream-plain", "mnist-stream"),
        ("mnist-rows", "mnist-rows-plain"),
        ("mnist-rows-plain", "mnist-rows"),
    ],
)
def test_the_twins_gradients_are_compared_by_default(
    look: Look, digit: Digit, network: str, twin: str
) -> None:
    markup = look(f"/networks/{network}/digits/{digit.id}/blocks")
    assert chosen_networks(markup) == [twin]
    lines = [line for line in markup.all("path") if line.get("class") == "dashed"]
    dashed = [line for line in lines if line["d"] != "M0 4H28"]  # which is the key's
    charts = 2 if "rows" in network else 1  # by block, and by row
    assert len(dashed) == charts * (twin != "none")


def test_no_other_network_can_be_chosen(look: Look, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks?beside=none")
    assert chosen_networks(markup) == ["none"]
    assert "Plain twin, total" not in markup.text


def test_another_networks_gradients_are_compared(look: Look, api: TestClient, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks?target=2&beside=mnist-classic")
    assert chosen_networks(markup) == ["mnist-classic"]
    assert "Classic of 2016, total" in markup.text
    answer = api.get(f"/api/v1/networks/mnist-classic/digits/{digit.id}/gradients?target=2").json()
    total = fmt.number(answer["blocks"][0]["total"])
    assert f"Classic of 2016, block1: {total} total" in markup.text


def test_toggles_keep_class_and_network(look: Look, digit: Digit) -> None:
    query = "target=2&beside=mnist-classic"
    toggles = [
        link
        for link in look(f"{DIGITS}/{digit.id}/blocks?{query}").links()
        if link.endswith(query) and "scale=block3:0" in link
    ]
    assert toggles


def test_blocks_that_both_have_are_off_in_both(look: Look, digit: Digit) -> None:
    query = "beside=mnist-classic&scale=block2:0"
    markup = look(f"{DIGITS}/{digit.id}/blocks?{query}")
    assert "Classic of 2016, block1" in markup.text
    assert "Classic of 2016, block2" in markup.text
    assert not re.search(r"block2: \S+ through F", markup.text)


def test_accuracies_without_blocks_are_those_measured(
    look: Look, engine: Engine, digit: Digit
) -> None:
    text = re.sub(r"[ \n]+", " ", look(f"{DIGITS}/{digit.id}/blocks").text)
    evaluation = engine.manifest.evaluation
    assert evaluation
    for ablation in evaluation.ablations:
        accuracy = fmt.percent(ablation.correct / evaluation.digits)
        assert f"{accuracy} {fmt.points(ablation.accuracy_drop)}" in text
    assert "93.13\u202f%, 6.58\u202fpoints lower" in text
    assert "10,000 test digits" in text


def test_pairs_are_told_once(engine: Engine) -> None:
    rows = ablation_rows(engine.manifest)
    assert [len(cells) for _, cells in rows] == [1, 2, 3, 4, 5, 6]
    alone = rows[3][1][3]
    assert (alone.accuracy, alone.change) == ("29.32\u202f%", "70.39\u202fpoints lower")
    assert alone.left + alone.lost == pytest.approx(99.71)
    pair = rows[1][1][0]
    assert (pair.accuracy, pair.left) == ("13.34\u202f%", 13.34)


def test_without_every_pair_there_is_no_matrix(engine: Engine) -> None:
    evaluation = engine.manifest.evaluation
    assert evaluation
    singles = tuple(found for found in evaluation.ablations if len(found.off) == 1)
    manifest = replace(engine.manifest, evaluation=replace(evaluation, ablations=singles))
    assert ablation_rows(manifest) == ()
    assert len(ablated_accuracies(manifest)) == 6


def test_with_every_branch_off_it_says_that_nothing_is_added(look: Look, digit: Digit) -> None:
    every = ",".join(f"block{at}:0" for at in range(1, 7))
    assert "nothing is added" in look(f"{DIGITS}/{digit.id}/blocks?scale={every}").text


FOUND = [
    BlockMetrics(f"block{at}", 1.0, ratio, 1.0, ratio, 0.0, 0.0)
    for at, ratio in enumerate((1.5, 0.5, 0.25, 1.25, 1.0, 2.0), 1)
]


def said(manifest: Manifest, off: Sequence[int] = ()) -> str:
    """What is said of six blocks, some of which are off and add nothing."""
    switched = [f"block{at}" for at in off]
    found = [replace(one, ratio=0.0) if one.block in switched else one for one in FOUND]
    return describe_blocks(replace(manifest, evaluation=None), found, switched)


def test_the_smallest_and_the_largest_ratio_are_named(engine: Engine) -> None:
    assert said(engine.manifest) == (
        "On this digit F(x) is between 0.250 (block3) and 2.00 (block6) times as large as x."
    )


def test_a_factor_has_no_size_and_is_not_among_them(engine: Engine) -> None:
    manifest = replace(engine.manifest, evaluation=None)
    found = [replace(one, ratio=None if at == 2 else one.ratio) for at, one in enumerate(FOUND)]
    assert describe_blocks(manifest, found, ()) == (
        "On this digit F(x) is between 0.500 (block2) and 2.00 (block6) times as large as x."
    )
    factors = [replace(one, ratio=None) for one in FOUND]
    assert "cannot be compared with x in size" in describe_blocks(manifest, factors, ())


def test_a_block_that_is_off_is_not_among_them(engine: Engine) -> None:
    assert said(engine.manifest, off=[3, 6]) == (
        "On this digit F(x) is between 0.500 (block2) and 1.50 (block1) times as large as x in the "
        "blocks that are on."
    )
    assert said(engine.manifest, off=[1, 2, 3, 4, 5]) == (
        "On this digit F(x) is 2.00 times as large as x in block6."
    )


def test_the_ratios_are_compared_with_the_test_set(engine: Engine) -> None:
    words = describe_blocks(engine.manifest, FOUND, ())
    assert words.endswith(
        "; on average over the test set, between 0.944 (block2) and 1.42 (block4) times."
    )


def test_the_sentence_names_gated_terms(engines: Mapping[str, Engine]) -> None:
    words = said(engines["mnist-highway"].manifest)
    assert f"{GATED.f} is between" in words
    assert f"times as large as {GATED.x}." in words


def test_a_network_without_identity_paths_has_no_ratios(engines: Mapping[str, Engine]) -> None:
    words = said(engines["mnist-plain"].manifest)
    assert words.startswith("This network has no identity paths")
    assert "block1" not in words


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-highway", "mnist-plain"])
def test_no_verdict_hangs_on_a_threshold(look: Look, digit: Digit, network: str) -> None:
    for page in ("blocks", "blocks/block2", "blocks/block4"):
        text = look(f"/networks/{network}/digits/{digit.id}/{page}").text
        assert not re.search(r"refine|replace|rewrit", text)
