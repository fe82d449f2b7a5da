"""The calls of a functional model, one by one."""

import keras
from keras import layers

from skiplens.network.tracing import traced_calls


def forked() -> keras.Model:
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, name="conv")(image)
    left = layers.Dropout(0.5, name="dropout")(x, training=True)
    return keras.Model(image, layers.Add(name="sum")([left, layers.ReLU(name="relu")(x)]))


def test_calls_come_in_order_with_what_they_were_given() -> None:
    source = keras.Input((8, 8, 1))
    steps, result = traced_calls(forked(), source)
    made = {layer.name: out for layer, _, _, out in steps}
    names = [layer.name for layer, _, _, _ in steps]
    assert names.index("conv") < names.index("dropout") < names.index("sum")
    assert set(names) >= {"conv", "dropout", "relu", "sum"}
    given = {layer.name: args for layer, args, _, _ in steps}
    assert given["conv"][0] is source
    assert given["relu"][0] is made["conv"]
    assert [id(one) for one in given["sum"][0]] == [id(made["dropout"]), id(made["relu"])]
    assert result is made["sum"]


def test_what_matters_in_training_alone_is_left_out() -> None:
    steps, _ = traced_calls(forked(), keras.Input((8, 8, 1)))
    assert all(not keywords for _, _, keywords, _ in steps)
