"""Linear centred kernel alignment (CKA): how alike two layers tell examples apart; its record.

After Kornblith, Norouzi, Lee and Hinton, "Similarity of Neural Network Representations Revisited"
(ICML 2019). It compares layers of any sizes, and neither a rotation of a layer's features, a new
order of its filters included, nor a common factor changes it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skiplens.core.published import Published

Gram = NDArray[np.float64]


def centred_gram(features: NDArray[np.floating]) -> Gram:
    """Inner products of all pairs of examples, after each feature's mean is subtracted.

    Args:
        features: ``(examples, ...)``; every value of an example is one feature.

    Returns:
        float64 ``(examples, examples)``.
    """
    flat = features.reshape(len(features), -1)
    centred = flat - flat.mean(axis=0, dtype=np.float64).astype(flat.dtype)
    return np.asarray(centred @ centred.T, np.float64)


def linear_cka(a: Gram, b: Gram) -> float:
    """Linear CKA of two layers, 0 to 1; 0 if either has the same values for every example.

    The paper's equation 3 with a linear kernel, ``||Y'X||^2 / (||X'X|| ||Y'Y||)`` of centred
    features in Frobenius norms. Here it is written in Gram matrices, for which ``||Y'X||^2`` is
    ``<XX', YY'>``: there are fewer examples than features.

    Args:
        a: of :func:`centred_gram`, of one layer.
        b: of the other, of the same examples.
    """
    norms = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.vdot(a, b)) / norms if norms else 0.0


@dataclass(frozen=True)
class NetworkSimilarity(Published):
    """Similarity of the layers of two networks, measured when one of them was compiled."""

    network: str
    """Id of the network compared with."""
    sha256: str
    """SHA-256 of that network's `network.keras`."""
    digits: int
    """Number of test digits."""
    layers: tuple[str, ...]
    """Layers of this network, in forward order: the first block's input, every block's output, the
    logits."""
    other_layers: tuple[str, ...]
    """The same layers of the network compared with."""
    cka: tuple[tuple[float, ...], ...]
    """Linear CKA, 0 to 1: a row for each layer of this network, a column for each of the other."""
