"""The table of a block's filters: in the strip's order, or sorted by one of the figures."""

import pytest

from skiplens.core.manifest import BlockInfo, FilterMetrics
from skiplens.web.links import Links
from skiplens.web.pages.block import FilterTable, Order, filter_table
from tests.conftest import switched_off

FOUND = (
    FilterMetrics(0, 1.0, 3.0, 4.0, 3.0, -0.5, 0.1),
    FilterMetrics(1, None, 9.0, 9.0, None, None, 0.9),
    FilterMetrics(2, 2.0, 1.0, 2.0, 0.5, 0.75, 0.5),
)


BLOCK = BlockInfo(
    "block1", "add", "x", "x", "block1.residual", None, "block1.sum", "block1.output", True
)


def table(order: Order) -> FilterTable:
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
    assert [row.index for row in table(order).rows] == filters


def test_what_is_undefined_is_left_empty() -> None:
    assert table("filter").rows[1].cells == ("", "9.00", "9.00", "", "", "90.00\u202f%")


def test_headings_lead_to_the_page_sorted_by_them_with_all_else_kept() -> None:
    headings = table("ratio").headings
    address = "/networks/net/digits/digit/blocks/block1?scale=block2:0"
    assert headings[0].href == f"{address}#filters"
    assert [one.href for one in headings if one.chosen] == [f"{address}&order=ratio#filters"]


def test_a_figure_that_no_filter_has_has_no_heading() -> None:
    plain = (FilterMetrics(0, None, 3.0, 3.0, None, None, 0.1),)
    found = filter_table(plain, BLOCK, "filter", Links("net", "digit"))
    assert [one.text for one in found.headings] == ["filter", "|F|", "|sum|", "ReLU zeroes"]
