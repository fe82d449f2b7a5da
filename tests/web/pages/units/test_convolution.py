"""A convolution on the page: what is drawn and written adds up to the value."""

import pytest

from skiplens.errors import UnknownFilterError
from skiplens.web.pages.unit import ConvolutionView, Term, UnitSection
from tests.web.pages.units.conftest import Explain, number


def view_of(section: UnitSection) -> ConvolutionView:
    assert section.explanation is not None
    assert section.explanation.convolution is not None
    return section.explanation.convolution


def test_the_sums_of_all_maps_come_to_the_value(explain: Explain) -> None:
    section = explain("block1.conv1", 3, "9,20")
    view = view_of(section)
    sums = [number(channel.sum) for channel in view.channels]
    assert len(sums) == 16
    assert sum(sums) == pytest.approx(number(section.value), abs=0.01)
    assert [abs(one) for one in sums] == sorted(map(abs, sums), reverse=True)


def test_the_products_written_come_to_the_sum_of_their_map(explain: Explain) -> None:
    chosen = view_of(explain("block1.conv1", 3, "9,20")).chosen
    products = [number(square.text) for square in chosen.products.cells]
    assert len(products) == 9
    assert sum(products) == pytest.approx(number(chosen.sum), abs=0.01)
    patch, kernel = chosen.patch.cells, chosen.kernel.cells
    for value, weight, product in zip(patch, kernel, products, strict=True):
        assert number(value.text) * number(weight.text) == pytest.approx(
            product, rel=0.02, abs=2e-3
        )


def test_the_largest_contribution_is_written_out_unless_another_is_wished_for(
    explain: Explain,
) -> None:
    usual = view_of(explain("block1.conv1", 3, "9,20"))
    assert usual.chosen is usual.channels[0]
    other = view_of(explain("block1.conv1", 3, "9,20", channel=11))
    assert (other.chosen.index, other.chosen.chosen) == (11, True)
    assert sum(channel.chosen for channel in other.channels) == 1
    assert f"channel={other.channels[2].index}" in other.channels[2].href
    with pytest.raises(UnknownFilterError, match=r"its maps are 0 to 15"):
        explain("block1.conv1", 3, "9,20", channel=16)


def test_the_last_line_adds_the_largest_the_others_and_the_bias(explain: Explain) -> None:
    section = explain("block2.conv", 1, "14,14", network="mnist-classic")
    (line,) = view_of(section).lines
    terms = [token for token in line.tokens if isinstance(token, Term)]
    assert [term.label for term in terms][-3:] == ["4 others", "bias", "value"]
    *parts, value = (number(term.value) for term in terms)
    assert sum(parts) == pytest.approx(value, abs=0.01)
    assert value == number(section.value)


def test_beyond_the_edge_nothing_is_coloured(explain: Explain) -> None:
    view = view_of(explain("block1.conv1", 3, "0,0"))
    assert view.beyond
    missing = [square for square in view.chosen.patch.cells if square.colour == "none"]
    assert {(square.y, square.x) for square in missing} == {(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)}
    assert {square.text for square in missing} == {"0"}
    assert not view_of(explain("block1.conv1", 3, "5,5")).beyond


def test_the_window_lies_where_the_patch_is(explain: Explain) -> None:
    view = view_of(explain("block3.conv1", 3, "4,6"))
    assert view.input_window.text.startswith("rows 8 to 10 and columns 12 to 14 of filter ")
    x, y, width, height = view.input_window.window
    left, top, *_ = map(int, view.input_window.box.split())
    assert ((x - left) / 4, (y - top) / 4, width / 4, height / 4) == (12, 8, 3, 3)


def test_many_maps_are_drawn_in_part_and_summed_up_for_the_rest(explain: Explain) -> None:
    view = view_of(explain("block6.conv2", 3, "3,3"))
    assert (len(view.channels), view.drawn) == (64, 16)
    assert view.rest is not None
    rest = sum(number(channel.sum) for channel in view.channels[16:])
    assert number(view.rest.split()[-1]) == pytest.approx(rest, abs=0.01)


def test_the_first_convolution_looks_at_the_digit(explain: Explain) -> None:
    view = view_of(explain("stem.conv", 3, "9,20"))
    assert view.source == "the digit"
    assert len(view.channels) == 1
    assert view.chosen_href is None
    assert view.input_window.picture.src.endswith("/input.png")
    assert (view.scales.patch.high, view.scales.patch.ramp) == ("1.00", "grey")
