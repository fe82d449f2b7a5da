"""What every engine offers. Callers know this and no engine by name."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import Manifest

Array = NDArray[np.float32]
Activations = Mapping[str, Array]


class Engine(Protocol):
    """Runs one network. Safe to call from several threads at once."""

    @property
    def manifest(self) -> Manifest:
        """The network's description."""

    @property
    def name(self) -> str:
        """``litert`` or ``keras``."""

    @property
    def device(self) -> str:
        """``CPU``, or the name of the GPU."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """Every weight by ``layer/weight``: ``stem.conv/kernel`` is ``(h, w, in, out)``."""

    @property
    def waiting(self) -> int:
        """Callers waiting at this moment."""

    def activations(self, image: Array, gates: Array) -> Activations:
        """One forward pass.

        Args:
            image: float32 ``(1, 28, 28, 1)`` in [0, 1].
            gates: float32 ``(n,)``, one for each switchable block: 1 as trained, 0 off.

        Returns:
            Every layer's float32 ``(H, W, C)`` by name, finite, owned by the caller.

        Raises:
            BusyError: too many callers are waiting already.
            NonFiniteError: the network computed NaN or infinity.
        """

    def gradients(self, image: Array, gates: Array, target: int) -> Activations:
        """The gradient of log p(``target``) at every layer but the last, the probabilities, and by
        route at each block's input.

        Arguments and errors as in :meth:`activations`; ``target`` is a class index.
        """

    def close(self) -> None:
        """Free what the engine holds; it must not be called afterwards."""
