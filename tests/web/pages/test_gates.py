"""What is said of a block that is gated is true of a gate, and is not said of other blocks."""

import pytest

from skiplens.core.digit import Digit
from tests.web.pages.conftest import Look

GATED, PLAIN, ALONE = "mnist-highway", "mnist-resnet", "mnist-plain"
ADDED = (
    "Each block computes x + F(x)",
    "The identity path passes its share back unchanged",
    "carries x past the block unchanged",
    "adds to its input",
    "What each block adds",
)


def text(look: Look, digit: Digit, network: str, page: str = "") -> str:
    """A page's words, with every run of spaces as one."""
    return " ".join(look(f"/networks/{network}/digits/{digit.id}{page}").text.split())


def test_only_of_blocks_that_add_it_is_said_that_x_passes_whole(look: Look, digit: Digit) -> None:
    pages = {
        network: text(look, digit, network) + text(look, digit, network, "/depth")
        for network in (GATED, PLAIN, ALONE)
    }
    assert [one for one in ADDED if one not in pages[PLAIN]] == []
    assert [one for one in ADDED if one in pages[GATED]] == []
    assert [one for one in ADDED if one in pages[ALONE]] == []


def test_the_depth_of_a_gated_network_states_its_rule(look: Look, digit: Digit) -> None:
    said = text(look, digit, GATED, "/depth")
    assert "Each block computes T·F(x) + (1\N{MINUS SIGN}T)·x" in said
    assert "the further a gate is open, the less flows back past the block" in said
    assert "gate" not in text(look, digit, PLAIN, "/depth")


def test_the_gallery_explains_the_gate_where_blocks_begin(look: Look, digit: Digit) -> None:
    said = text(look, digit, GATED)
    assert said.count("A gate T(x), between 0 and 1, sets") == 1
    assert "carries the remaining share of x past the block, (1\N{MINUS SIGN}T)·x" in said
    assert "A gate" not in text(look, digit, PLAIN)


@pytest.mark.parametrize(
    ("network", "words"),
    [(PLAIN, "what the block's branch adds to"), (GATED, "the gate sets how much of it is used")],
)
def test_the_residual_is_added_only_where_no_gate_takes_a_share(
    look: Look, digit: Digit, network: str, words: str
) -> None:
    assert words in text(look, digit, network, "/layers/block2.residual")


def test_a_branch_that_is_off_is_a_gate_shut_where_there_is_one(look: Look, digit: Digit) -> None:
    for page in ("?scale=block2:0", "/blocks/block2?scale=block2:0"):
        gated, plain = (text(look, digit, network, page) for network in (GATED, PLAIN))
        assert "its gate is closed, so T(x) is zero, and x passes through unchanged" in gated
        assert "F(x) is zero" not in gated
        assert "F(x) is zero, and x passes through unchanged" in plain
        assert "gate" not in plain


def test_what_is_switched_has_the_name_of_what_is_lost(look: Look, digit: Digit) -> None:
    for page, word in (("", "switch"), ("/blocks/block2", "Switch")):
        assert f"{word} T·F(x) off" in text(look, digit, GATED, page)
        assert f"{word} F(x) off" in text(look, digit, PLAIN, page)


def test_past_a_branch_that_is_off_a_projected_x_is_not_as_it_came(
    look: Look, digit: Digit
) -> None:
    said = text(look, digit, PLAIN, "/blocks/block3?scale=block3:0")
    assert "only the projected x passes" in said
    assert "as it came" not in said
