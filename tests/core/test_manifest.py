"""Records of a manifest."""

from dataclasses import replace

import pytest

from skiplens.core.manifest import FORMAT, Accuracy, BlockInfo, LayerInfo, Manifest

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


def test_a_layer_knows_its_filters_and_whether_it_has_positions() -> None:
    assert (CONV.filters, CONV.spatial) == (8, True)
    logits = LayerInfo("head.logits", "Dense", "logits", None, (1, 1, 10))
    assert (logits.filters, logits.spatial) == (10, False)
    row = replace(CONV, shape=(1, 14, 8))
    assert row.spatial


def test_switches_are_the_switchable_blocks_in_order() -> None:
    names = {"block3": True, "block1": False, "block2": True}
    blocks = (replace(BLOCK, name=name, can_disable=can) for name, can in names.items())
    assert manifest(*blocks).disableable_blocks == ("block3", "block2")
    assert manifest().disableable_blocks == ()


def test_another_version_computes_or_names_something_else() -> None:
    one = manifest()
    others = (
        replace(one, files={"network.keras": "0123"}),
        replace(one, input=replace(one.input, fit="pad")),
        replace(one, classes=("no", "yes")),
        replace(one, classes=("0, 1",)),
    )
    assert len({one.version, *(other.version for other in others)}) == 5
    assert replace(one, summary="In other words.").version == one.version


@pytest.mark.parametrize(
    ("correct", "digits", "interval"),
    [
        (81, 263, (0.2553, 0.3662)),  # as in Newcombe 1998, table I, method 3
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
    ],
)
def test_the_interval_is_wilsons(correct: int, digits: int, interval: tuple[float, float]) -> None:
    found = Accuracy.of(correct, digits)
    assert (found.correct, found.digits, found.value) == (correct, digits, correct / digits)
    assert found.interval == pytest.approx(interval, abs=5e-5)
    assert found.interval[0] <= found.value <= found.interval[1] + 1e-12
