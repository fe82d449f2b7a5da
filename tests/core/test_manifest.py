"""The records of a compiled network: what they work out from what they hold."""

from dataclasses import replace

from skiplens.core.manifest import FORMAT, BlockInfo, LayerInfo, Manifest

CONV = LayerInfo("block1.conv1", "Conv2D", "conv", "block1", (14, 14, 8))
BLOCK = BlockInfo(
    "block1", "add", "stem.output", "stem.output", "block1.residual", None, "block1.sum", "o", True
)


def manifest(*blocks: BlockInfo) -> Manifest:
    return Manifest(
        format=FORMAT,
        id="tiny",
        title="Tiny",
        summary="A tiny network.",
        input_shape=(28, 28, 1),
        classes=("0", "1"),
        parameters=3,
        layers=(CONV,),
        blocks=blocks,
        graphs={},
        test_accuracy=None,
        evaluation=None,
        training=None,
        files={},
    )


def test_a_layer_knows_its_filters_and_its_place() -> None:
    assert (CONV.filters, CONV.place, CONV.spatial) == (8, "block1", True)
    logits = LayerInfo("head.logits", "Dense", "logits", None, (1, 1, 10))
    assert (logits.filters, logits.place, logits.spatial) == (10, "head", False)
    row = replace(CONV, shape=(1, 14, 8))
    assert row.spatial


def test_switches_are_the_switchable_blocks_in_order() -> None:
    names = {"block3": True, "block1": False, "block2": True}
    blocks = (replace(BLOCK, name=name, can_disable=can) for name, can in names.items())
    assert manifest(*blocks).disableable_blocks == ("block3", "block2")
    assert manifest().disableable_blocks == ()
