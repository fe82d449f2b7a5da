"""Links: what differs from the usual is carried, and nothing else."""

from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.manifest import AS_TRAINED
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.web.links import Links
from tests.conftest import switched_off

PLAIN = Links("net", "digit")
OTHER = Links("net", "digit", switched_off("block2"), Normalisation.FILTER, PaletteName.LIGHT)
QUERY = "?scale=block2:0&normalize=filter&palette=light"


def test_the_usual_is_left_out() -> None:
    assert PLAIN.gallery() == "/networks/net/digits/digit"
    assert PLAIN.filter("a.b", 3) == "/networks/net/digits/digit/layers/a.b/filters/3"


def test_what_differs_is_carried() -> None:
    assert OTHER.layer("a.b") == f"/networks/net/digits/digit/layers/a.b{QUERY}"
    assert OTHER.gallery("block2") == f"/networks/net/digits/digit{QUERY}#block2"
    assert OTHER.upload() == f"/digits?network=net&{QUERY[1:]}"
    assert OTHER.with_digit("else").gallery() == f"/networks/net/digits/else{QUERY}"


def test_the_order_is_carried_to_pages_and_pictures() -> None:
    view = Links("net", "digit", sort=Sort.ZEROS)
    for address in (view.gallery(), view.layer("a.b"), view.filter("a.b", 3), view.grid("a.b")):
        assert address.endswith("?sort=zeros")
    assert view.with_digit("else").sort is view.all_on().sort is view.options.sort is Sort.ZEROS
    assert "sort" not in view.data("a.b", "activations")


def test_what_is_asked_for_beside_it_comes_last() -> None:
    assert OTHER.filter("a.b", 3, at="1,2", channel=None).endswith(f"{QUERY}&at=1,2")


def test_data_depend_on_switches_alone() -> None:
    assert OTHER.data("a.b", "activations").endswith("/layers/a.b/activations?scale=block2:0")


def test_a_switch_is_turned_over_in_forward_order() -> None:
    switches = ("block1", "block2", "block3")
    assert OTHER.with_block_toggled("block1", switches).scales == switched_off("block1", "block2")
    assert OTHER.with_block_toggled("block2", switches).scales == AS_TRAINED
    assert OTHER.all_on().scales == AS_TRAINED


def test_another_network_keeps_the_switches_that_it_has(engine: Engine) -> None:
    view = Links("net", "digit", switched_off("block2", "block99"))
    manifest = engine.manifest
    expected = Links(manifest.id, "digit", switched_off("block2"), version=manifest.version)
    assert view.with_network(manifest) == expected


def test_pictures_of_a_network_say_which_version_of_it_they_are_of() -> None:
    view, other = Links("net", "digit", version="abc"), Links("other", "digit", version="def")
    pictures = (
        *(view.grid("a.conv"), view.block_maps("block1"), view.stage_maps(1, "sum")),
        *(view.kernels_png("a.conv"), view.kernel_png("a.conv", 3)),
    )
    assert all(picture.endswith("version=abc") for picture in pictures)
    assert view.compare_png(other, "a.conv", "a").endswith("version=abc-def")
    assert "version" not in view.layer("a.conv") + view.compare(other)
