"""The GPU engine: one multi-output Keras model, fed in batches. Any Keras backend will do."""

from collections.abc import Mapping

import numpy as np

from app.core.manifest import NETWORK_FILE, Manifest
from app.engine.batching import Batcher
from app.engine.finite import check_finite, telling
from app.engine.folder import ModelFolder
from app.engine.litert import LiteRTEngine
from app.engine.protocol import Activations, Array
from app.errors import ModelError, SkiplensError


class KerasEngine:
    """Runs ``network.keras`` itself; implements :class:`app.engine.protocol.Engine`.

    Gradients come from the compiled graph all the same: Keras has no gradient that every backend
    knows, and the graph takes a millisecond.

    Args:
        folder: an open model folder; its ``network.keras`` is loaded, which can run code that the
            file brings, after its SHA-256 was held against the manifest.
        device: what to call the device that the backend runs on.
        max_waiting: requests that may wait.

    Raises:
        ModelError: Keras cannot load the network.
    """

    name = "keras"

    def __init__(self, folder: ModelFolder, device: str, max_waiting: int) -> None:
        folder.read(NETWORK_FILE)
        try:
            from app.network.loading import load_tapped  # the only way to Keras, taken on demand

            self._model = load_tapped(folder.path / NETWORK_FILE).model
        except (ImportError, SkiplensError) as error:
            raise ModelError(f"Keras cannot load {folder.path / NETWORK_FILE}: {error}") from error
        self.device = device
        self._gradients = LiteRTEngine(folder, 1, max_waiting)
        self._shapes = {layer.name: layer.shape for layer in folder.manifest.layers}
        self._telling = telling(folder.manifest.layers)
        self._batcher = Batcher(self._model.predict_on_batch, max_waiting)

    @property
    def manifest(self) -> Manifest:
        """The network's description."""
        return self._gradients.manifest

    @property
    def weights(self) -> Mapping[str, Array]:
        """Every weight by ``layer/weight``, read-only."""
        return self._gradients.weights

    @property
    def waiting(self) -> int:
        """Requests that wait for their batch."""
        return self._batcher.waiting + self._gradients.waiting

    def activations(self, image: Array, gates: Array) -> Activations:
        """One forward pass; see :meth:`app.engine.protocol.Engine.activations`."""
        inputs = {"image": image, "gates": gates[None].astype(np.float32)}
        outputs = self._batcher.submit({name: inputs[name] for name in self._model.input})
        check_finite(outputs, self._telling)
        return {name: value.reshape(self._shapes[name]) for name, value in outputs.items()}

    def gradients(self, image: Array, gates: Array, target: int) -> Activations:
        """One backward pass; see :meth:`app.engine.protocol.Engine.gradients`."""
        return self._gradients.gradients(image, gates, target)

    def close(self) -> None:
        """End the thread that runs the batches."""
        self._batcher.close()
