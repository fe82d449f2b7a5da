"""The table of drawings."""

import pytest

from scripts.strokes import DRAWINGS, HANDS, read_drawings


def test_a_line_of_the_table_becomes_a_drawing() -> None:
    (drawing,) = read_drawings("# a note\n\n7 crossed quick: 0,0 9,0^ 5,99; 2,50 8,50\n")
    assert (drawing.label, drawing.style, drawing.hand) == (7, "crossed", HANDS["quick"])
    assert [stroke.split() for stroke in drawing.strokes] == [
        ["0,0", "9,0^", "5,99"],
        ["2,50", "8,50"],
    ]


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
def test_every_hand_writes_every_digit(hand: object) -> None:
    assert {drawing.label for drawing in DRAWINGS if drawing.hand == hand} == set(range(10))


def test_no_digit_is_drawn_twice_in_one_style() -> None:
    assert len({(drawing.label, drawing.style) for drawing in DRAWINGS}) == len(DRAWINGS)
