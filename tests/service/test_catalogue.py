"""Looking things up by name."""

import pytest

from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.engine.base import Engine
from skiplens.errors import (
    BlockNotDisableableError,
    InvalidParameterError,
    UnknownBlockError,
    UnknownFilterError,
    UnknownLayerError,
    UnknownNetworkError,
)
from skiplens.service.registry import (
    MOST_LAYERS,
    ModelRegistry,
    find_block,
    find_layer,
    parse_disabled_blocks,
    parse_filters,
    parse_layers,
)

LAYER = LayerInfo("stem.conv", "Conv2D", "conv", None, (28, 28, 8))


def test_the_default_comes_first_and_unknown_networks_are_named(engine: Engine) -> None:
    registry = ModelRegistry({"other": engine, "mnist-resnet": engine}, "mnist-resnet")
    assert registry.networks[0] is registry.network("mnist-resnet")
    with pytest.raises(
        UnknownNetworkError, match=r"'nope' is not loaded; loaded are mnist-resnet, other"
    ):
        registry.network("nope")


def test_a_default_that_is_not_loaded_gives_way_to_one_that_is(engine: Engine) -> None:
    assert ModelRegistry({"other": engine}, "mnist-resnet").default == "other"


def test_layers_and_blocks_are_found_and_the_others_listed(engine: Engine) -> None:
    assert find_layer(engine.manifest, "block1.output").role == "output"
    assert find_block(engine.manifest, "block2").sum == "block2.sum"
    with pytest.raises(UnknownLayerError, match=r"no layer 'block1'; its layers are stem\.conv"):
        find_layer(engine.manifest, "block1")
    with pytest.raises(UnknownBlockError, match="no block 'block9'; its blocks are block1"):
        find_block(engine.manifest, "block9")


def test_an_unprintable_or_endless_name_is_not_echoed(engine: Engine) -> None:
    with pytest.raises(UnknownLayerError) as refused:
        find_layer(engine.manifest, "\x1b[2J" + "x" * 5000)
    assert "\x1b" not in str(refused.value)
    assert "x" * 100 not in str(refused.value)


def test_off_is_put_in_forward_order_and_each_block_counts_once(engine: Engine) -> None:
    assert parse_disabled_blocks(engine.manifest, "block5, block2,block5") == ("block2", "block5")
    assert (
        parse_disabled_blocks(engine.manifest, None)
        == parse_disabled_blocks(engine.manifest, "")
        == ()
    )
    with pytest.raises(UnknownBlockError):
        parse_disabled_blocks(engine.manifest, "block2,,block5")


def test_a_block_without_identity_cannot_be_switched_off(engine: Engine) -> None:
    fixed = BlockInfo("block1", None, "a", None, "f", None, None, "o", can_disable=False)
    manifest = type(engine.manifest)(**{**vars(engine.manifest), "blocks": (fixed,)})
    with pytest.raises(BlockNotDisableableError, match="x would not come through there"):
        parse_disabled_blocks(manifest, "block1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, tuple(range(8))), ("3", (3,)), ("0,4-7", (0, 4, 5, 6, 7)), ("7, 1", (7, 1))],
)
def test_filters_are_indices_and_ranges(text: str | None, expected: tuple[int, ...]) -> None:
    assert parse_filters(LAYER, text) == expected


@pytest.mark.parametrize(
    "text", ["a", "1-", "-1", "1,,2", "1,1", "5-3", "7-4,1", "1.5", "²", "9999999999"]
)
def test_other_lists_of_filters_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="filters must"):
        parse_filters(LAYER, text)


def test_a_filter_that_the_layer_has_not_is_unknown() -> None:
    with pytest.raises(UnknownFilterError, match="no filter 8; its filters are 0 to 7"):
        parse_filters(LAYER, "6-8")


def test_layers_come_in_the_order_given_each_once_and_none_by_default(engine: Engine) -> None:
    chosen = parse_layers(engine.manifest, "head.logits, stem.conv,head.logits")
    assert [layer.name for layer in chosen] == ["head.logits", "stem.conv"]
    assert parse_layers(engine.manifest, None) == parse_layers(engine.manifest, "") == ()


def test_lists_of_layers_are_bounded_and_every_name_is_checked(engine: Engine) -> None:
    most = ",".join(["stem.conv"] * MOST_LAYERS)
    assert len(parse_layers(engine.manifest, most)) == 1
    with pytest.raises(InvalidParameterError, match=r"65 layers; at most 64"):
        parse_layers(engine.manifest, f"{most},stem.conv")
    with pytest.raises(UnknownLayerError, match="no layer 'nowhere'"):
        parse_layers(engine.manifest, "stem.conv,nowhere")
