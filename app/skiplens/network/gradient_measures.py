"""Measures of gradients: by length of path, and along lines between digits."""

from collections.abc import Iterator
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from skiplens.core.experiment_results import Curve, curve_point
from skiplens.core.gradients import has_path_lengths, path_gradients, path_shares
from skiplens.errors import DatasetError
from skiplens.mnist import Split
from skiplens.network.block_chain import SEED, Array, BlockChain
from skiplens.network.evaluation import OnStep
from skiplens.network.tracing import InstrumentedModel, instrument

PATH_DIGITS: Final = 100
LINES: Final = 20
POINTS: Final = 257
"""Of a line between two digits."""
LAGS: Final = 65
_BATCH_SIZE: Final = 10


def measure_gradients(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Shares of the gradient by length of path, where paths have one (Veit et al. 2016, fig. 6);
    derivatives along lines between digits, at the start and at the end of training (Balduzzi et al.
    2017, fig. 1 and 2), where there are logits.
    """
    curves, traced = [], instrument(chain.network)
    if has_path_lengths(traced.blocks, traced.layers):
        shares = map(path_shares, gradients_by_length(traced, test))
        curves.append(_curve("paths", np.stack(list(shares))))
    on_step(1, 3)
    if traced.logits is None:
        return tuple(curves)
    keras.utils.set_random_seed(SEED)
    networks = {"start": keras.models.clone_model(chain.network), "trained": chain.network}
    for step, (name, network) in enumerate(networks.items(), 2):
        lines = derivatives(network, test)
        place = np.linspace(0, 1, POINTS).tolist()
        points = (curve_point(x, [y]) for x, y in zip(place, _scaled(lines[0]), strict=True))
        curves.append(Curve(f"line.{name}", tuple(points)))
        correlations = np.stack([autocorrelation(line) for line in lines])
        curves.append(_curve(f"autocorrelation.{name}", correlations))
        on_step(step, 3)
    return tuple(curves)


def _curve(name: str, runs: Array) -> Curve:
    """The mean and spread over rows; x is the column."""
    points = (curve_point(at, column.tolist()) for at, column in enumerate(runs.T))
    return Curve(name, tuple(points))


def _scaled(line: Array) -> list[float]:
    """Divided by the root mean square, unless that is zero."""
    return [float(y) for y in line / (np.sqrt(np.mean(line**2)) or 1.0)]


def gradients_by_length(traced: InstrumentedModel, test: Split) -> Iterator[Array]:
    """For each digit the gradient of the right class's logit at the stem's output, by the number of
    branches that a path goes through; as of :func:`path_gradients`.
    """
    weights = {
        f"{name}/kernel": np.asarray(layer.kernel)
        for name, layer in traced.keras_layers.items()
        if hasattr(layer, "kernel")
    }
    for images, labels in test[:PATH_DIGITS].batches(_BATCH_SIZE):
        seen = traced.model(_inputs(traced.model, tf.constant(images)), training=False)
        for at, target in enumerate(labels.tolist()):
            maps = {name: np.asarray(value[at]) for name, value in seen.items()}
            yield path_gradients(traced.blocks, traced.layers, weights, maps, target)


def _inputs(model: keras.Model, images: Any) -> dict[str, Any]:
    """A traced network's inputs, with every branch as it was trained."""
    inputs = {"image": images}
    if "branch_scales" in model.input:
        blocks = model.input["branch_scales"].shape[1]
        inputs["branch_scales"] = tf.ones((len(images), blocks))
    return inputs


def derivatives(network: keras.Model, test: Split) -> Array:
    """Derivatives along lines from one digit to another of another class, of the logit of the
    second's class: ``(lines, points)``.

    Raises:
        DatasetError: all digits are of one class.
    """
    if (test.labels == test.labels[0]).all():
        raise DatasetError(
            f"all test digits are {test.labels[0]}s; gradients are measured between digits of two "
            "classes"
        )
    traced = instrument(network)
    model = keras.Model(traced.model.input, traced.model.output[traced.logits])
    images, rng = test.inputs(), np.random.default_rng(SEED)
    found: list[Array] = []
    place = np.linspace(0, 1, POINTS, dtype=np.float32)[:, None, None, None]
    while len(found) < LINES:
        a, b = rng.choice(len(test), 2, replace=False)
        if test.labels[a] != test.labels[b]:
            line = images[a] + place * (images[b] - images[a])
            gradient = _input_gradient(model, line, int(test.labels[b]))
            found.append((gradient * (images[b] - images[a])).sum(axis=(1, 2, 3)))
    return np.stack(found)


def _input_gradient(model: keras.Model, images: Array, target: int) -> Array:
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = model(_inputs(model, x), training=False)[:, target]
    return np.asarray(tape.gradient(logit, x))


def autocorrelation(line: Array) -> Array:
    """The autocorrelation ``(lags,)`` of a line about its mean: 1 at lag 0. A constant, which is as
    smooth as can be, has 1 throughout.
    """
    centred = line - line.mean()
    power = float(np.mean(centred**2))
    if power <= 1e-9 * float(np.mean(line**2)):
        return np.ones(LAGS, np.float32)
    lagged = [np.mean(centred[lag:] * centred[: len(line) - lag]) for lag in range(LAGS)]
    return np.asarray(lagged, np.float32) / power
