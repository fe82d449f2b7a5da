"""Two forward passes side by side: of one network layer by layer, of two networks by place."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError, UnknownLayerError
from skiplens.service.comparison import (
    compare,
    comparison_grid,
    find_pair,
    layer_pairs,
    similarity,
)
from skiplens.service.forward import ForwardPass, run_network
from skiplens.service.map_grids import GridOptions
from tests.conftest import switched_off

SHIPPED = ("mnist-classic", "mnist-highway", "mnist-plain", "mnist-resnet")
Passes = dict[str, ForwardPass]


def names(a: Manifest, b: Manifest) -> dict[str, str]:
    return {pair.a.name: pair.b.name for pair in layer_pairs(a, b)}


def test_a_digit_compared_with_itself_differs_nowhere(forward_passes: Passes) -> None:
    one = forward_passes["mnist-resnet"]
    found = compare(one, one)
    assert {layer.norm_difference for layer in found} == {0.0}
    assert [layer.layer for layer in found] == [layer.name for layer in one.manifest.layers]
    assert {layer.cka for layer in found} == {None}


def test_a_difference_is_signed_and_both_sides_share_a_range(
    engine: Engine, forward_passes: Passes
) -> None:
    a = forward_passes["mnist-resnet"]
    b = run_network(engine, a.digit, switched_off("block1"))
    pair = find_pair(a.manifest, b.manifest, "block2.output")
    options = GridOptions()
    sides = [comparison_grid(a, b, pair, side, options) for side in ("a", "b")]
    assert sides[0].range == sides[1].range
    difference = comparison_grid(a, b, pair, "difference", options)
    assert difference.diverging
    assert difference.range[0] == -difference.range[1]
    expected = a.activations["block2.output"] - b.activations["block2.output"]
    assert np.array_equal(difference.maps, expected)


def test_two_networks_have_no_difference_and_each_side_its_own_range(
    forward_passes: Passes,
) -> None:
    a, b = forward_passes["mnist-resnet"], forward_passes["mnist-plain"]
    pair = find_pair(a.manifest, b.manifest, "block2.output")
    sides = [comparison_grid(a, b, pair, side, GridOptions()) for side in ("a", "b")]
    assert sides[0].range != sides[1].range
    for forward, grid in zip((a, b), sides, strict=True):
        assert np.array_equal(grid.maps, forward.activations["block2.output"])
    with pytest.raises(InvalidParameterError, match="separately trained networks do not corr"):
        comparison_grid(a, b, pair, "difference", GridOptions())
    assert {row.norm_difference for row in compare(a, b)} == {None}
    assert {row.cosine for row in compare(a, b)} == {None}


def test_a_layer_that_either_lacks_is_refused(forward_passes: Passes) -> None:
    a, b = forward_passes["mnist-resnet"].manifest, forward_passes["mnist-plain"].manifest
    for layers in (("nope",), ("nope", "block1.output")):
        with pytest.raises(UnknownLayerError, match="mnist-resnet has no layer 'nope'"):
            find_pair(a, b, *layers)
    with pytest.raises(UnknownLayerError, match="mnist-plain has no layer 'nope'"):
        find_pair(a, b, "stem.output", "nope")
    with pytest.raises(InvalidParameterError, match="layer must be one that A and B both have"):
        find_pair(a, b, "block1.sum")
    with pytest.raises(InvalidParameterError, match="layer must be one that A and B both have"):
        find_pair(a, a, "block1.output", "block2.output")
    chosen = find_pair(a, b, "block1.sum", "block5.conv2")
    assert (chosen.a.name, chosen.b.name) == ("block1.sum", "block5.conv2")


def test_twins_are_matched_layer_by_layer(forward_passes: Passes) -> None:
    twin, own = (forward_passes[name].manifest for name in ("mnist-plain", "mnist-resnet"))
    assert names(twin, own) == {layer.name: layer.name for layer in twin.layers}
    assert set(names(own, twin)) == {layer.name for layer in twin.layers}


def test_layers_are_matched_by_path_and_role_from_the_last_one_on(forward_passes: Passes) -> None:
    classic, own = (forward_passes[name].manifest for name in ("mnist-classic", "mnist-resnet"))
    found = names(classic, own)
    assert found["stem.output"] == "stem.output"
    assert "stem.relu1" not in found  # the other stem has one activation
    assert found["block1.conv"] == "block1.conv2"
    gated = names(forward_passes["mnist-highway"].manifest, own)
    assert "block1.gate.conv" not in gated  # a convolution, but of another path
    assert gated["block3.conv1"] == "block3.conv1"  # not its projection's convolution


def test_names_do_not_count(forward_passes: Passes) -> None:
    own = forward_passes["mnist-resnet"].manifest

    def renamed(name: str) -> str:
        return f"my_{name}"

    other = replace(
        own,
        id="mine",
        layers=tuple(
            replace(
                layer,
                name=renamed(layer.name),
                inputs=tuple(map(renamed, layer.inputs)),
                block=layer.block and renamed(layer.block),
            )
            for layer in own.layers
        ),
        blocks=tuple(
            replace(
                block,
                name=renamed(block.name),
                input=renamed(block.input),
                identity=renamed(block.identity or ""),
                residual=renamed(block.residual),
                sum=renamed(block.sum or ""),
                output=renamed(block.output),
            )
            for block in own.blocks
        ),
    )
    assert names(own, other) == {layer.name: renamed(layer.name) for layer in own.layers}


@pytest.mark.parametrize(
    ("blocks", "expected"), [(6, [1, 2, 3, 4, 5, 6]), (5, [1, 2, 4, 5, 6]), (1, [1]), (2, [1, 6])]
)
def test_blocks_are_matched_by_their_share_of_the_depth(
    forward_passes: Passes, blocks: int, expected: list[int]
) -> None:
    own = forward_passes["mnist-plain"].manifest
    kept = {block.name for block in own.blocks[:blocks]}
    layers = tuple(layer for layer in own.layers if layer.block is None or layer.block in kept)
    other = replace(own, id="other", layers=layers, blocks=own.blocks[:blocks])
    found = names(other, own)
    assert [found[block.output] for block in other.blocks] == [
        f"block{number}.output" for number in expected
    ]


@pytest.mark.parametrize("network", SHIPPED)
def test_every_shipped_network_is_compared_with_every_other(
    engines: Mapping[str, Engine], network: str
) -> None:
    own = engines[network].manifest
    for other in (engines[name].manifest for name in SHIPPED if name != network):
        found, back = similarity(own, other), similarity(other, own)
        assert found
        assert back
        assert found.digits == 2000
        assert found.layers == (
            own.blocks[0].input,
            *(block.output for block in own.blocks),
            "head.logits",
        )
        assert np.allclose(np.array(found.cka), np.array(back.cka).T, atol=2e-4)
        assert np.all((np.array(found.cka) > 0) & (np.array(found.cka) <= 1))


def test_layers_of_twins_are_alike_at_the_same_place_and_less_further_off(
    engines: Mapping[str, Engine], forward_passes: Passes
) -> None:
    found = similarity(engines["mnist-resnet"].manifest, engines["mnist-plain"].manifest)
    assert found
    table = np.array(found.cka)
    assert np.all(table.diagonal() > 0.95)
    assert np.all(abs(table.argmax(axis=1) - np.arange(len(table))) <= 1)
    assert np.all(np.diff(table[0]) < 0)
    rows = compare(forward_passes["mnist-resnet"], forward_passes["mnist-plain"])
    by_layer = {row.layer: row.cka for row in rows}
    assert by_layer["block3.output"] == found.cka[3][3]
    assert by_layer["block3.conv1"] is None


def test_what_only_the_other_network_measured_is_turned_round(
    engines: Mapping[str, Engine],
) -> None:
    own, other = engines["mnist-classic"].manifest, engines["mnist-plain"].manifest
    measured = similarity(own, other)
    turned = similarity(replace(own, similarity=()), other)
    assert measured
    assert turned
    assert (turned.network, turned.sha256) == (measured.network, measured.sha256)
    assert (turned.layers, turned.other_layers) == (measured.layers, measured.other_layers)
    assert np.allclose(turned.cka, measured.cka, atol=2e-4)


def test_what_was_measured_before_a_network_was_trained_anew_is_not_shown(
    engines: Mapping[str, Engine],
) -> None:
    own, other = engines["mnist-resnet"].manifest, engines["mnist-plain"].manifest
    trained = replace(other, files=other.files | {"network.keras": "0" * 64}, similarity=())
    assert similarity(own, trained) is None
    assert similarity(own, own) is None
