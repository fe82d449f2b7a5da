"""Titles: one for every network that ships, a plain one for any other."""

from skiplens.network.architectures import ARCHITECTURES, TITLES, title_of


def test_every_network_that_ships_has_its_own() -> None:
    assert TITLES.keys() == ARCHITECTURES.keys()
    assert len({title.title for title in TITLES.values()}) == len(TITLES)
    assert all(title.summary.endswith(".") for title in TITLES.values())
    assert title_of("mnist-classic") == TITLES["mnist-classic"]


def test_any_other_is_called_by_its_id() -> None:
    assert title_of("my-network") == ("my-network", "A network compiled by its user.")
