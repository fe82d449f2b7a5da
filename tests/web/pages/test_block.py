"""The block page: its maps, metrics, charts, table of filters and branch switch."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.block_metrics import FilterMetrics, filter_metrics
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.colormaps import PaletteName
from skiplens.core.input_image import Digit
from skiplens.core.manifest import BlockInfo, BlockMetrics
from skiplens.engine.base import Engine
from skiplens.service.feature_map_table import FeatureMapTable, block_table
from skiplens.service.forward import run_network
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.block import (
    PLOT_HEIGHT,
    ROW_HEIGHT,
    FilterCharts,
    FilterTable,
    Order,
    describe_metrics,
    describe_ratio,
    filter_charts,
    filter_table,
)
from skiplens.web.pages.text import describe_disabled
from tests.conftest import SHALLOW, switched_off
from tests.web.pages.conftest import Look

DIGITS = "/networks/mnist-resnet/digits"


@pytest.fixture
def page(api: TestClient, digit: Digit) -> str:
    """The page of block2."""
    return api.get(f"{DIGITS}/{digit.id}/blocks/block2").text


def test_metrics_are_those_of_the_api(api: TestClient, digit: Digit, page: str) -> None:
    figures = api.get(f"/api/v1{DIGITS}/{digit.id}/blocks/block2").json()
    assert f"{figures['norm_x']:.0f}" in page
    assert fmt.number(figures["ratio"]) in page
    assert f"{100 * figures['relu_zeroed']:.0f}" in page


def test_each_filter_has_charts_and_a_table_row(look: Look, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks/block2")
    charts = [
        element
        for element in markup.all("a")
        if element.get("aria-label", "").startswith("filter ")
    ]
    assert [element["aria-label"].split(":")[0] for element in charts] == [
        f"filter {at}" for at in range(16)
    ]
    rows = [link for link in markup.links() if "/layers/block2.output/filters/" in link]
    assert rows == [item["href"] for item in charts] * 2


def test_a_requested_order_opens_and_sorts_the_table(look: Look, digit: Digit) -> None:
    address = f"{DIGITS}/{digit.id}/blocks/block2"
    closed = next(
        element for element in look(address).all("details") if element.get("id") == "filters"
    )
    assert "open" not in closed
    markup = look(f"{address}?order=norm_residual")
    details = next(element for element in markup.all("details") if element.get("id") == "filters")
    assert "open" in details
    assert [element["aria-sort"] for element in markup.all("th") if "aria-sort" in element] == [
        "descending"
    ]


def test_the_rows_of_maps_are_named(api: TestClient, digit: Digit, page: str) -> None:
    for role in ("x", "F(x)", "sum", "output"):
        assert f">{role}</b>" in page
    assert "one value range for all rows" in page
    assert "projected x" in api.get(f"{DIGITS}/{digit.id}/blocks/block3").text


def test_missing_parts_of_a_block_are_not_mentioned(
    look: Look, engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name in SHALLOW:
        for block in engines[name].manifest.blocks:
            markup = look(f"/networks/{name}/digits/{digit.id}/blocks/{block.name}")
            links = markup.links()
            assert (block.gate is not None) == any(
                f"/layers/{block.name}.gate" in link for link in links
            )
            assert any(f"scale={block.name}:0" in link for link in links) == block.can_disable
            assert ("cosine of " in markup.text) == (block.identity is not None)


def test_the_branch_is_toggled_by_a_link(look: Look, digit: Digit) -> None:
    on, off = (
        f"{DIGITS}/{digit.id}/blocks/block2",
        f"{DIGITS}/{digit.id}/blocks/block2?scale=block2:0",
    )
    for page, there, pressed in ((on, off, "true"), (off, on, "false")):
        toggles = [link for link in look(page).all("a") if "aria-pressed" in link]
        assert (toggles[1]["href"], toggles[1]["aria-pressed"]) == (there, pressed)


@pytest.mark.parametrize("where", ["blocks/block2", "blocks"])
def test_the_change_of_the_prediction_is_shown(look: Look, digit: Digit, where: str) -> None:
    whole = look(f"{DIGITS}/{digit.id}/{where}")
    switched = look(f"{DIGITS}/{digit.id}/{where}?scale=block2:0")
    assert "Without block2," not in whole.text
    assert "Without block2," in switched.text
    assert "with every branch at 1" in switched.text
    assert f"{DIGITS}/{digit.id}/{where}" in switched.links()


FIGURES = BlockMetrics("block2", 8.0, 4.0, 9.0, 0.5, -0.5, 0.3589)


@pytest.fixture
def block(engine: Engine) -> BlockInfo:
    """A block that adds."""
    return engine.manifest.blocks[1]


def test_shares_have_two_decimals_and_a_narrow_space(block: BlockInfo) -> None:
    assert "zeroes 35.89\u202f% of" in describe_metrics(FIGURES, block, off=False)


def test_gated_terms_are_not_called_x_or_f(block: BlockInfo) -> None:
    gated = replace(block, merge="highway", gate="block2.gate")
    said = describe_metrics(FIGURES, gated, off=False)
    assert "T·F(x) is 0.500 times as large as (1\u2212T)·x (cosine \u22120.50)" in said
    assert " F(x) is 0.500 times as large as x (cos" in describe_metrics(FIGURES, block, off=False)


def metrics(*ratios: float | None) -> list[BlockMetrics]:
    """Metrics of blocks with these ratios."""
    return [
        BlockMetrics(f"block{at}", 1.0, ratio or 0.0, 1.0, ratio, 0.0, 0.0)
        for at, ratio in enumerate(ratios, 1)
    ]


@pytest.mark.parametrize(
    ("ratios", "place"),
    [
        ((1.0, 1.46, 1.2), "largest of three blocks"),
        ((1.0, 0.5, 1.2), "smallest of three blocks"),
        ((None, 0.5, 1.2), "smallest of two blocks"),
        ((1.0, 1.1, 1.2, 0.9), "second largest of four blocks"),
        ((1.0, 1.1, 1.2, 1.3, 0.9), "third largest of five blocks"),
        ((1.0, 0.95, 1.2, 0.9), "second smallest of four blocks"),
        ((2.0, 1.0, *(3.0,) * 14), "smallest of 16 blocks"),
    ],
)
def test_a_ratio_has_its_place_among_all_blocks(
    block: BlockInfo, ratios: tuple[float | None, ...], place: str
) -> None:
    assert f" as large as x: the {place}." in describe_ratio(block, metrics(*ratios), None, ())


def test_a_factor_is_not_held_against_x(block: BlockInfo) -> None:
    found = metrics(1.0, None)
    assert describe_ratio(block, found, None, ()) == ""
    assert describe_metrics(found[1], block, off=False).startswith("ReLU then zeroes 0")


def test_a_ratio_has_its_place_among_inputs(block: BlockInfo) -> None:
    said = describe_ratio(block, metrics(1.0, 1.46), metrics(1.0, 1.38)[1], ())
    assert said == (
        "On this digit F(x) is 1.46 times as large as x: the largest of two blocks; 1.38 on "
        "average over the test set."
    )


def test_blocks_that_are_off_are_not_counted(block: BlockInfo) -> None:
    found = metrics(0.0, 1.46, 1.2)
    said = describe_ratio(block, found, None, ("block1",))
    assert said.endswith("the largest of two blocks that are on.")
    alone = describe_ratio(block, found, None, ("block1", "block3"))
    assert alone == "On this digit F(x) is 1.46 times as large as x."
    assert describe_ratio(block, found, None, ("block2",)) == describe_disabled(block)


def test_the_accuracy_without_its_branch_is_told_with_its_drop(page: str) -> None:
    said = re.sub(r"[ \n]+", " ", page)
    assert "accuracy is 93.13\u202f%, 6.58\u202fpoints lower." in said


def test_every_metric_is_shown_among_all_blocks(look: Look, digit: Digit) -> None:
    strips = [
        element["aria-label"]
        for element in look(f"{DIGITS}/{digit.id}/blocks/block2").all("svg")
        if element.get("aria-label", "").startswith("block1: ")
    ]
    assert len(strips) == 6
    for strip in strips:
        assert [part.split(":")[0] for part in strip.split(", ")] == [
            f"block{at}" for at in range(1, 7)
        ]


def test_kernels_are_folded_and_each_picture_tells_its_range(
    look: Look, engine: Engine, digit: Digit
) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks/block2")
    assert all("open" not in element for element in markup.all("details"))
    for layer in ("block2.conv1", "block2.conv2"):
        reach = fmt.number(float(np.abs(engine.weights[f"{layer}/kernel"]).max()))
        assert f"{fmt.MINUS}{reach}" in markup.text


FOUND = (
    FilterMetrics(0, 1.0, 3.0, 4.0, 3.0, -0.5, 0.1),
    FilterMetrics(1, None, 9.0, 9.0, None, None, 0.9),
    FilterMetrics(2, 2.0, 1.0, 2.0, 0.5, 0.75, 0.5),
)

BLOCK = BlockInfo(
    "block1", "add", "x", "x", "block1.residual", None, "block1.sum", "block1.output", True
)


def sorted_table(order: Order) -> FilterTable:
    return filter_table(FOUND, BLOCK, order, Links("net", "digit", switched_off("block2")))


@pytest.mark.parametrize(
    ("order", "filters"),
    [
        ("filter", [0, 1, 2]),
        ("norm_residual", [1, 0, 2]),
        ("ratio", [0, 2, 1]),
        ("cosine", [2, 0, 1]),
    ],
)
def test_rows_are_sorted_largest_first_and_the_undefined_last(
    order: Order, filters: list[int]
) -> None:
    assert [row.filter for row in sorted_table(order).rows] == filters


def test_an_undefined_metric_is_empty() -> None:
    table = sorted_table("filter")
    cells = [metric.text(table.rows[1]) for metric in table.metrics]
    assert cells == ["", "9.00", "9.00", "", "", "90.00\u202f%"]


def test_headings_sort_the_table_and_keep_other_parameters() -> None:
    headings = sorted_table("ratio").headings
    address = "/networks/net/digits/digit/blocks/block1?scale=block2:0"
    assert headings[0].href == f"{address}#filters"
    assert [heading.href for heading in headings if heading.chosen] == [
        f"{address}&order=ratio#filters"
    ]


def test_a_metric_that_no_filter_has_has_no_heading() -> None:
    plain = (FilterMetrics(0, None, 3.0, 3.0, None, None, 0.1),)
    found = filter_table(plain, BLOCK, "filter", Links("net", "digit"))
    assert [heading.text for heading in found.headings] == ["filter", "|F|", "|sum|", "ReLU zeroes"]


def test_of_very_many_filters_the_first_are_in_the_table() -> None:
    many = tuple(replace(FOUND[0], filter=index, norm_sum=float(index)) for index in range(1000))
    found = filter_table(many, BLOCK, "norm_sum", Links("net", "digit"))
    assert [row.filter for row in found.rows] == [*range(999, 743, -1)]
    assert found.count == 1000


@pytest.fixture
def maps(engine: Engine, digit: Digit) -> FeatureMapTable:
    forward = run_network(engine, digit, AS_TRAINED)
    return block_table(forward, engine.manifest.blocks[0], PaletteName.DARK)


def charts(maps: FeatureMapTable, **figures: float | None) -> FilterCharts:
    """The charts of filters that are all alike, but that the first is twice as large."""
    known: dict[str, float | None] = {
        "norm_x": 2.0,
        "norm_residual": 4.0,
        "norm_sum": 5.0,
        "ratio": 2.0,
        "cosine": -0.5,
        "relu_zeroed": 0.25,
        **figures,
    }
    found = [FilterMetrics(at, **known) for at in range(16)]  # type: ignore[arg-type]  # all given
    return filter_charts(found, BLOCK, maps, Links("net", "digit"))


def test_every_column_is_below_its_maps(maps: FeatureMapTable) -> None:
    drawn = charts(maps)
    assert drawn.width == maps.layout.width
    for at, column in enumerate(drawn.columns):
        box = maps.box(maps.rows[0], at)
        assert box
        assert (column.x, column.width) == (box[0], box[2])
        for bar in column.bars:
            assert column.x <= bar.x
            assert bar.x + bar.width <= column.x + column.width
            assert bar.y >= 0
            assert bar.y + bar.height <= drawn.height


def test_bars_are_as_long_as_their_values(maps: FeatureMapTable) -> None:
    x, fx, ratio, cosine, cut = charts(maps).columns[3].bars
    assert (x.tone, fx.tone, ratio.tone) == ("identity", "residual", "")
    assert [x.height, fx.height] == [PLOT_HEIGHT / 2, PLOT_HEIGHT]
    assert ratio.height == pytest.approx(PLOT_HEIGHT / 2 / 3, abs=0.01)  # one octave of three
    assert cosine.height == PLOT_HEIGHT / 2 * 0.5
    assert cut.height == PLOT_HEIGHT * 0.25


def test_above_the_line_is_positive_and_below_it_negative(maps: FeatureMapTable) -> None:
    drawn = charts(maps)
    _, ratios, cosines, _ = drawn.rows
    *_, ratio, cosine, _ = drawn.columns[0].bars
    assert ratio.y + ratio.height == pytest.approx(ratios.axis, abs=0.01)
    assert cosine.y == cosines.axis


def test_ratios_end_at_eight_and_at_an_eighth(maps: FeatureMapTable) -> None:
    for ratio in (1000.0, 0.001):
        bar = charts(maps, ratio=ratio).columns[0].bars[2]
        assert bar.height == PLOT_HEIGHT / 2


def test_an_undefined_metric_has_no_chart(maps: FeatureMapTable) -> None:
    drawn = charts(maps, norm_x=None, ratio=None, cosine=None)
    assert [lane.title for lane in drawn.rows] == ["norm of", "zeroed by ReLU"]
    assert drawn.rows[0].series == (("F(x)", "residual"),)
    assert drawn.height == 2 * ROW_HEIGHT


def test_each_column_describes_and_links_its_filter(engine: Engine, digit: Digit) -> None:
    forward = run_network(engine, digit, AS_TRAINED)
    block = engine.manifest.blocks[1]
    found = filter_metrics(block, forward.activations)
    maps = block_table(forward, block, PaletteName.DARK)
    column = filter_charts(found, block, maps, Links("net", "digit")).columns[7]
    assert column.text.startswith("filter 7: x ")
    assert "ReLU zeroes" in column.text
    assert column.href == "/networks/net/digits/digit/layers/block2.output/filters/7"


def test_a_single_bar_is_centred(maps: FeatureMapTable) -> None:
    column = charts(maps, norm_x=None, ratio=None, cosine=None).columns[5]
    for bar in column.bars:
        middle = bar.x + bar.width / 2
        assert middle == pytest.approx(column.x + column.width / 2, abs=0.05)


def test_long_names_of_gated_terms_fit_a_phone(maps: FeatureMapTable) -> None:
    found = [FilterMetrics(at, 2.0, 4.0, 5.0, 2.0, -0.5, 0.25) for at in range(16)]
    gated = replace(BLOCK, merge="highway", gate="block1.gate")
    sizes, ratios, *_ = filter_charts(found, gated, maps, Links("net", "digit")).rows
    assert sizes.title == ""
    assert [symbol for symbol, _ in sizes.series] == ["|(1\N{MINUS SIGN}T)·x|", "|T·F|"]
    assert ratios.title == "T·F(x) over (1\N{MINUS SIGN}T)·x"
    plain = charts(maps).rows[0]
    assert [plain.title, *(symbol for symbol, _ in plain.series)] == ["norm of", "x", "F(x)"]


def test_a_block_with_very_many_filters_shows_them_in_parts(
    api: TestClient, look: Look, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.block.MOST_COLUMNS", 10)
    address = f"{DIGITS}/{digit.id}/blocks/block2"
    shown: list[str] = []
    for number in (1, 2):
        page = look(f"{address}?page={number}")
        (table,) = [one for one in page.all("div") if "data-block-table" in one]
        columns = table["data-order"].split(",")
        charts = [one["aria-label"] for one in page.all("a") if "aria-label" in one]
        named = [text.split(":")[0] for text in charts if text.startswith("filter ")]
        assert named == [f"filter {column}" for column in columns]
        (picture,) = [
            one["src"] for one in page.all("img") if "/blocks/block2/maps.png" in one["src"]
        ]
        assert f"filters={table['data-order']}" in picture
        assert api.get(picture).status_code == 200
        assert ("page=2" in page.address) is (number == 2)
        headings = [link for link in page.links() if link.endswith("#filters")]
        assert headings
        assert all(("page=2" in link) is (number == 2) for link in headings)
        shown += columns
    assert sorted(map(int, shown)) == list(range(16))
    assert api.get(f"{address}?page=3").status_code == 422
    page = look(f"{address}?page=2&order=ratio")
    assert "order=ratio&page=2" in page.address
    assert f"{address}?order=ratio" in page.links()


def test_a_filter_of_very_many_is_cut_from_a_picture_of_its_own(
    look: Look, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.filter.MOST_COLUMNS", 10)
    page = look(f"{DIGITS}/{digit.id}/layers/block2.sum/filters/7")
    sources = [one["href"] for one in page.all("image") if "maps.png" in one.get("href", "")]
    assert sources
    assert all("filters=7" in source for source in sources)
