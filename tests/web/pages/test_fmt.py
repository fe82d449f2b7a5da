"""Numbers and phrases as text."""

import pytest

from skiplens.core.branch_scales import Scales
from skiplens.web.pages import fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (41.23, "41.2"),
        (0.0312, "0.0312"),
        (-3.214, "\u22123.21"),
        (1234.5, "1234"),
        (0.000012, "1.2e\u22125"),
        (2_500_000, "2.5e6"),
        (-7.52e-12, "\u22127.5e\u221212"),
        (1.25e10, "1.2e10"),
        (9.999, "10.0"),
        (0.99999, "1.00"),
    ],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert fmt.number(value) == text


def test_more_digits_can_be_asked_for() -> None:
    values = (1.23456, 41.23456, 0.00001234)
    assert [fmt.number(value, 4) for value in values] == ["1.235", "41.23", "1.23e\u22125"]


def test_a_column_has_the_decimals_of_its_largest() -> None:
    assert fmt.aligned([0.8329, -0.0512345, 0]) == ("0.833", "\u22120.051", "0")
    assert fmt.aligned([12.345, 0.01], 4) == ("12.35", "0.01")
    assert fmt.aligned([1234567.0, 1.5]) == ("1234567", "2")
    assert fmt.aligned([0, 0]) == ("0", "0")
    assert fmt.aligned([]) == ()


def test_a_share_is_never_nothing_or_all_unless_it_is() -> None:
    shares = [fmt.percent(share).replace("\u202f", " ") for share in (0, 1e-9, 0.5, 1 - 1e-9, 1)]
    assert shares == ["0.00 %", "< 0.01 %", "50.00 %", "> 99.99 %", "100.00 %"]


def test_cosines_have_a_sign() -> None:
    assert (fmt.cosine(0.124), fmt.cosine(-0.5)) == ("+0.12", "\u22120.50")
    assert (fmt.cosine(0.004), fmt.cosine(-0.004), fmt.cosine(0)) == ("0.00",) * 3


@pytest.mark.parametrize(
    ("above", "text"),
    [
        (0, "largest"),
        (4, "fifth largest"),
        (10, "11th largest"),
        (11, "12th largest"),
        (12, "13th largest"),
        (13, "14th largest"),
        (20, "21st largest"),
        (21, "22nd largest"),
        (22, "23rd largest"),
        (110, "111th largest"),
    ],
)
def test_a_value_has_a_place_among_others(above: int, text: str) -> None:
    assert fmt.place(999 - above, range(1000)) == text


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        ({1: 0, 2: 0.5}, "without block1 and with block2 \u00d7 0.5"),
        ({1: 0.5, 2: 0.25}, "with block1 \u00d7 0.5 and block2 \u00d7 0.25"),
        (dict.fromkeys(range(1, 28), 0.5), "with 27 blocks \u00d7 0.5"),
        (
            dict.fromkeys(range(1, 8), 0.0) | {8: 2} | dict.fromkeys(range(9, 16), 0.5),
            "without 7 blocks and with block8 \u00d7 2 and 7 blocks \u00d7 0.5",
        ),
    ],
)
def test_many_blocks_that_are_scaled_alike_are_counted(
    factors: dict[int, float], text: str
) -> None:
    scales = Scales(tuple((f"block{at}", float(factor)) for at, factor in factors.items()))
    assert fmt.describe_scales(scales) == text


def test_lists_and_plurals() -> None:
    assert fmt.join_and(["a"]) == "a"
    assert fmt.join_and(["a", "b", "c"]) == "a, b and c"
    assert (fmt.pluralise(1, "filter"), fmt.pluralise(2, "filter")) == ("1 filter", "2 filters")


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (0.0537, "5.37\u202fpoints lower"),
        (-0.0002, "0.02\u202fpoints higher"),
        (0.01, "1.00\u202fpoint lower"),
        (0.0, "unchanged"),
        (0.000001, "less than 0.01 points lower"),
    ],
)
def test_a_drop_is_told_in_points(drop: float, text: str) -> None:
    assert fmt.points(drop) == text
