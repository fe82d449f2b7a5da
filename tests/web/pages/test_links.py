"""Links carry the display options that differ from the defaults."""

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.web.links import Links, in_light
from tests.conftest import switched_off

PLAIN = Links("net", "digit")

OTHER = Links("net", "digit", switched_off("block2"), Normalisation.FILTER, PaletteName.LIGHT)

QUERY = "?scale=block2:0&normalize=filter&palette=light"


def test_defaults_are_left_out() -> None:
    assert PLAIN.gallery() == "/networks/net/digits/digit"
    assert PLAIN.filter("a.b", 3) == "/networks/net/digits/digit/layers/a.b/filters/3"


def test_other_values_than_the_defaults_are_kept() -> None:
    assert OTHER.layer("a.b") == f"/networks/net/digits/digit/layers/a.b{QUERY}"
    assert OTHER.gallery("block2") == f"/networks/net/digits/digit{QUERY}#block2"
    assert OTHER.upload() == f"/digits?network=net&{QUERY[1:]}"
    assert OTHER.with_digit("else").gallery() == f"/networks/net/digits/else{QUERY}"


def test_pages_and_images_keep_the_order() -> None:
    page_links = Links("net", "digit", sort=Sort.ZEROS)
    for address in (
        page_links.gallery(),
        page_links.layer("a.b"),
        page_links.filter("a.b", 3),
        page_links.grid("a.b"),
    ):
        assert address.endswith("?sort=zeros")
    assert (
        page_links.with_digit("else").sort
        is page_links.all_on().sort
        is page_links.options.sort
        is Sort.ZEROS
    )
    assert "sort" not in page_links.data("a.b", "activations")


def test_further_parameters_come_last() -> None:
    assert OTHER.filter("a.b", 3, at="1,2", channel=None).endswith(f"{QUERY}&at=1,2")


def test_data_depend_on_the_scales_alone() -> None:
    assert OTHER.data("a.b", "activations").endswith("/layers/a.b/activations?scale=block2:0")


def test_a_picture_is_light_unless_its_address_names_a_palette() -> None:
    grid = PLAIN.grid("a.b")
    assert in_light(grid) == f"{grid}?palette=light"
    assert in_light(f"{grid}?zoom=2") == f"{grid}?zoom=2&palette=light"
    assert in_light(OTHER.grid("a.b")) is None
    assert PLAIN.options.palette is PaletteName.DARK


def test_toggled_blocks_are_in_forward_order() -> None:
    switches = ("block1", "block2", "block3")
    assert OTHER.with_block_toggled("block1", switches).scales == switched_off("block1", "block2")
    assert OTHER.with_block_toggled("block2", switches).scales == AS_TRAINED
    assert OTHER.all_on().scales == AS_TRAINED


def test_another_network_keeps_the_scales_of_blocks_it_has(engine: Engine) -> None:
    page_links = Links("net", "digit", switched_off("block2", "block99"))
    manifest = engine.manifest
    expected = Links(manifest.id, "digit", switched_off("block2"), version=manifest.version)
    assert page_links.with_network(manifest) == expected


def test_images_of_a_network_name_its_version() -> None:
    page_links, other = Links("net", "digit", version="abc"), Links("other", "digit", version="def")
    pictures = (
        *(
            page_links.grid("a.conv"),
            page_links.block_maps("block1"),
            page_links.stage_maps(1, "sum"),
        ),
        *(page_links.kernels_png("a.conv"), page_links.kernel_png("a.conv", 3)),
    )
    assert all(picture.endswith("version=abc") for picture in pictures)
    assert page_links.compare_png(other, "a.conv", "a").endswith("version=abc-def")
    assert "version" not in page_links.layer("a.conv") + page_links.compare(other)
