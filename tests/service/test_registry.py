"""Looking things up by name."""

import pytest

from skiplens.engine.base import Engine
from skiplens.errors import (
    UnknownBlockError,
    UnknownLayerError,
    UnknownNetworkError,
)
from skiplens.service.registry import ModelRegistry, find_block, find_layer


def test_the_default_comes_first_and_unknown_networks_are_named(engine: Engine) -> None:
    registry = ModelRegistry({"other": engine, "mnist-resnet": engine}, "mnist-resnet")
    assert registry.networks[0] is registry.network("mnist-resnet")
    assert list(registry.manifests) == ["mnist-resnet", "other"]
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
