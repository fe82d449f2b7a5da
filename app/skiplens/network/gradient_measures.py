"""Measures of gradients: by length of path, and along lines between digits."""

from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skiplens.core.experiment_results import Curve, curve_point
from skiplens.mnist import Split
from skiplens.network.block_chain import SEED, Array, BlockChain
from skiplens.network.evaluation import OnStep
from skiplens.network.tracing import instrument

PATH_DIGITS: Final = 100
LINES: Final = 20
POINTS: Final = 257
"""Of a line between two digits."""
LAGS: Final = 65
_BATCH_SIZE: Final = 10


def measure_gradients(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Shares of the gradient by length of path, where every block adds to an unchanged x (Veit et
    al. 2016, fig. 6); derivatives along lines between digits, at the start and at the end of
    training (Balduzzi et al. 2017, fig. 1 and 2).
    """
    curves = []
    if chain.logits_are_a_sum:
        curves.append(_curve("paths", path_shares(chain, test[:PATH_DIGITS])))
    on_step(1, 3)
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


def path_shares(chain: BlockChain, test: Split) -> Array:
    """Shares of the gradient of the right class's logit at the stem's output, by the number of
    branches that a path goes through: ``(digits, 1 + blocks)``, rows adding up to 1. A share is the
    norm of the sum over all paths of that length, among those of all lengths.
    """
    images, norms = test.inputs(), []
    for start in range(0, len(test), _BATCH_SIZE):
        batch = slice(start, start + _BATCH_SIZE)
        found = path_gradients(chain, images[batch], test.labels[batch])
        norms.append(np.sqrt((found**2).sum(axis=(2, 3, 4))))
    sizes = np.concatenate(norms, axis=1).T
    return np.asarray(sizes / sizes.sum(axis=1, keepdims=True))


def path_gradients(chain: BlockChain, images: Array, targets: NDArray[np.uint8]) -> Array:
    """The gradient of the logits of ``targets`` at the stem's output, as the sum over all paths of
    each length: ``(1 + blocks, N, H, W, C)``, whose sum over lengths is the gradient.

    A path either passes a block or goes through its branch: backwards, ``G[k]`` becomes
    ``G[k] + G[k - 1] dF/dx``.
    """
    states = list(chain.states(images))
    _, height, width, filters = states[-1].shape
    upstream = chain.head_kernel[:, targets].T / (height * width)
    ones = np.ones((len(images), height, width, filters), np.float32)
    lengths = [upstream[:, None, None] * ones]
    for at in reversed(range(len(chain.blocks))):
        through = _through_branch(chain, at, states[at], np.concatenate(lengths))
        through = through.reshape(len(lengths), *ones.shape)
        zero = np.zeros_like(ones)
        lengths = [
            passed + entered
            for passed, entered in zip([*lengths, zero], [zero, *through], strict=True)
        ]
    return np.stack(lengths)


def _through_branch(chain: BlockChain, at: int, maps: Array, upstream: Array) -> Array:
    """Gradients ``(M N, H, W, C)`` at the output of a block, taken back through its branch."""
    x = tf.constant(np.tile(maps, (len(upstream) // len(maps), 1, 1, 1)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        added = chain.apply(at, x) - x
    return np.asarray(tape.gradient(added, x, output_gradients=tf.constant(upstream)))


def derivatives(network: keras.Model, test: Split) -> Array:
    """Derivatives along lines from one digit to another of another class, of the logit of the
    second's class: ``(lines, points)``.
    """
    traced = instrument(network)
    logits = next(layer.name for layer in traced.layers if layer.role == "logits")
    model = keras.Model(traced.model.input, traced.model.output[logits])
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
    inputs = {"image": x}
    if "branch_scales" in model.input:
        blocks = model.input["branch_scales"].shape[1]
        inputs["branch_scales"] = tf.ones((len(images), blocks))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = model(inputs, training=False)[:, target]
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
