"""What queries mean: factors of blocks, their order, lists of layers and of filters."""

from dataclasses import replace

import pytest

from skiplens.core.block_order import TRAINED_ORDER
from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.manifest import REORDERED, BlockInfo, GraphInfo, LayerInfo
from skiplens.engine.base import Engine
from skiplens.errors import (
    BlockNotDisableableError,
    BlocksNotReorderableError,
    InvalidParameterError,
    UnknownBlockError,
    UnknownFilterError,
    UnknownLayerError,
)
from skiplens.web.parameters import (
    MAX_LAYERS,
    parse_filters,
    parse_layers,
    parse_order,
    parse_scales,
)

LAYER = LayerInfo("stem.conv", "Conv2D", "conv", None, (28, 28, 8))


def test_factors_are_put_in_forward_order_and_those_of_1_dropped(engine: Engine) -> None:
    found = parse_scales(engine.manifest, "block5:.50, block2:-0,block1:1,block6:-4e0")
    assert found == Scales((("block2", 0.0), ("block5", 0.5), ("block6", -4.0)))
    assert str(found) == "block2:0,block5:0.5,block6:-4"
    assert parse_scales(engine.manifest, str(found)) == found
    assert found.off == ("block2",)
    assert (found.of("block5"), found.of("block1")) == (0.5, 1)
    assert parse_scales(engine.manifest, None) == parse_scales(engine.manifest, "") == AS_TRAINED
    assert found
    assert not AS_TRAINED


@pytest.mark.parametrize(
    "text",
    [
        *("block2", "block2:", "block2:half", "block2:nan", "block2:inf"),
        *("block2:4.01", "block2:1_0", ","),
    ],
)
def test_what_is_no_factor_is_refused_and_what_is_allowed_said(engine: Engine, text: str) -> None:
    with pytest.raises(
        InvalidParameterError, match="scale_a must be block:factor pairs"
    ) as refused:
        parse_scales(engine.manifest, f"block1:0,{text}", "scale_a")
    assert "with factors from -4 to 4; got 'block1:0," in str(refused.value)


def test_a_block_is_scaled_once_and_must_be_there(engine: Engine) -> None:
    with pytest.raises(InvalidParameterError, match="scale must name each block once"):
        parse_scales(engine.manifest, "block2:0,block2:0")
    with pytest.raises(UnknownBlockError):
        parse_scales(engine.manifest, "block99:0")


def test_a_block_without_identity_cannot_be_switched_off(engine: Engine) -> None:
    fixed = BlockInfo("block1", None, "a", None, "f", None, None, "o", can_disable=False)
    manifest = type(engine.manifest)(**{**vars(engine.manifest), "blocks": (fixed,)})
    with pytest.raises(BlockNotDisableableError, match="x would not pass there"):
        parse_scales(manifest, "block1:0.5")


def test_the_blocks_of_an_order_share_their_places_and_the_others_keep_theirs(
    engine: Engine,
) -> None:
    graphs = {REORDERED: GraphInfo("reordered.tflite", (), (), 0.0)}
    manifest = replace(engine.manifest, graphs=graphs)
    trained = [block.name for block in manifest.blocks]
    order = parse_order(manifest, "block5, block2")
    assert order.names == ("block1", "block5", "block3", "block4", "block2", "block6")
    assert order.text(trained) == "block5,block2"
    assert parse_order(manifest, order.text(trained)) == order
    assert parse_order(manifest, "block1,block2") == parse_order(manifest, None) == TRAINED_ORDER
    with pytest.raises(InvalidParameterError, match="order must name each block once"):
        parse_order(manifest, "block2,block2")
    with pytest.raises(UnknownBlockError):
        parse_order(manifest, "block2,block9")
    with pytest.raises(BlocksNotReorderableError, match="blocks of one shape"):
        parse_order(engine.manifest, "block2,block1")


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
    most = ",".join(["stem.conv"] * MAX_LAYERS)
    assert len(parse_layers(engine.manifest, most)) == 1
    with pytest.raises(InvalidParameterError, match=r"65 layers; at most 64"):
        parse_layers(engine.manifest, f"{most},stem.conv")
    with pytest.raises(UnknownLayerError, match="no layer 'nowhere'"):
        parse_layers(engine.manifest, "stem.conv,nowhere")
