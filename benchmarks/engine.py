"""The engine: every activation of one digit, compared with other ways to compute them.

The engine and the bare loop have one thread, TensorFlow as many as it chooses.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks import addresses
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.model_folder import ModelFolder
from skiplens.samples import load_samples

TITLE = "Engine"
_ROUNDS: Final = 15
_CALLS: Final = {"engine": 40, "a bare loop": 40, "tf.function": 10, "predict": 2}
_FASTER: Final = {"tf.function": 5.0, "predict": 100.0}
_BARE: Final = {"activations": Target("<=", 1.15), "gradients": Target("<=", 1.3)}

Ways = Mapping[str, Callable[[], object]]
Inputs = Mapping[str, NDArray[np.float32]]


def measure() -> Iterator[Result]:
    """Activations and gradients, each compared with a bare loop and with TensorFlow."""
    from benchmarks.tensorflow_ways import Network  # on demand: it takes seconds to import

    folder = addresses.folder()
    network = Network(folder.path / "network.keras")
    engine = LiteRTEngine(folder, 1, 0)
    image = load_samples()[0].digit.as_input()
    branch_scales = np.ones(len(folder.manifest.disableable_blocks), np.float32)
    inputs = {"image": image, "branch_scales": branch_scales[None]}
    forward = {
        "engine": lambda: engine.activations(image, branch_scales),
        "a bare loop": bare_loop(folder, "activations", inputs),
        "tf.function": network.function(inputs),
        "predict": network.predict(inputs),
    }
    yield from _compare("activations", forward, _FASTER)
    target = np.eye(1, len(folder.manifest.classes), 7, dtype=np.float32)
    backward = {
        "engine": lambda: engine.gradients(image, branch_scales, 7),
        "a bare loop": bare_loop(folder, "gradients", {**inputs, "target": target}),
        "tf.function": network.gradients({**inputs, "target": target}),
    }
    yield from _compare("gradients", backward, {})
    yield Result("activations by tf.function, held to one thread", _on_one_thread(), "ms")


def _compare(what: str, ways: Ways, faster: Mapping[str, float]) -> Iterator[Result]:
    times = in_turn(ways, _ROUNDS, _CALLS)
    over = ratio(times["engine"], times["a bare loop"])
    yield Result(f"{what}, over a bare loop", over, "x", _BARE[what])
    for name, least in faster.items():
        target = Target(">=", least)
        yield Result(f"{what}, {name} over them", ratio(times[name], times["engine"]), "x", target)
    for name, seconds in times.items():
        yield Result(f"{what} by {name}", 1000 * median(seconds), "ms")


def _on_one_thread() -> float:
    """Milliseconds; in a process of its own, since TensorFlow counts its threads once."""
    command = [sys.executable, "-m", "benchmarks.tensorflow_ways"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ended.stdout)


def bare_loop(folder: ModelFolder, graph: str, inputs: Inputs) -> Callable[[], object]:
    """LiteRT alone: set the inputs, invoke, get every output."""
    content = folder.read(folder.manifest.graphs[graph].file)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    places = [(one["index"], inputs[one["name"]]) for one in interpreter.get_input_details()]
    outputs = [one["index"] for one in interpreter.get_output_details()]

    def run() -> object:
        for index, value in places:
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return run
