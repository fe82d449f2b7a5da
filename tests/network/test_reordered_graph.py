"""Which networks have blocks that can run in any order."""

import keras
import pytest

from skiplens.network.reordered_graph import blocks_are_alike
from skiplens.network.tracing import instrument


@pytest.mark.parametrize(
    ("dot", "dilation", "alike"), [(".", 1, True), ("_", 1, False), (".", 2, False)]
)
def test_blocks_swap_places_only_if_alike_and_their_weights_tell_which_they_are_of(
    dot: str, dilation: int, alike: bool
) -> None:
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", name="stem")(image)
    for at in (1, 2, 3):
        name = f"block{at}{dot}"
        rate = dilation if at == 2 else 1
        branch = keras.layers.Conv2D(2, 3, padding="same", dilation_rate=rate, name=f"{name}conv")(
            x
        )
        x = keras.layers.Add(name=f"{name}add")([x, branch])
    x = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    traced = instrument(keras.Model(image, keras.layers.Softmax()(x)))
    assert [block.name for block in traced.blocks] == ["block1", "block2", "block3"]
    assert blocks_are_alike(traced) is alike
