"""How alike the layers of compiled networks tell test digits apart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from skiplens.core.input_image import SIDE
from skiplens.core.ladder import are_compared
from skiplens.core.manifest import MANIFEST_FILE, NETWORK_FILE
from skiplens.core.similarity import Gram, NetworkSimilarity, centred_gram, linear_cka
from skiplens.errors import CompileError
from skiplens.mnist import Split
from skiplens.network.evaluation import BATCH_SIZE, OnStep, predict, with_outputs
from skiplens.network.own_network_files import stored_manifest
from skiplens.network.results import network_digest, write_manifest
from skiplens.network.tracing import instrument, load_network

SIMILARITY_DIGITS: Final = 2000
_CKA_DECIMALS: Final = 4


@dataclass(frozen=True, eq=False)
class Representation:
    """Activations of a network's layers for the same test digits.

    Attributes:
        network: id.
        sha256: of its ``network.keras``.
        grams: Gram matrix of the first block's input, of every block's output and of the logits, by
            layer, float64 ``(digits, digits)``.
    """

    network: str
    sha256: str
    grams: dict[str, Gram]


def representation(folder: Path, test: Split, batch_size: int = BATCH_SIZE) -> Representation:
    """The representation of a network, over at most 2,000 test digits, evenly spaced.

    A layer's features are all its values, filter by filter and position by position. Labels are
    not used. Layers are computed one by one to save memory.

    Args:
        folder: holds ``network.keras``.
        test: the digits.
        batch_size: digits at a time.
    """
    traced = instrument(load_network(folder / NETWORK_FILE))
    images = test.evenly_spaced(SIMILARITY_DIGITS).inputs()
    scales = np.ones(sum(block.can_disable for block in traced.blocks), np.float32)
    logits = [layer.name for layer in traced.layers if layer.role == "logits"]
    names = (traced.blocks[0].input, *(block.output for block in traced.blocks), *logits)
    grams = {
        name: centred_gram(predict(with_outputs(traced, [name]), images, scales, batch_size)[name])
        for name in dict.fromkeys(names)
    }
    return Representation(folder.name, network_digest(folder), grams)


def similarity(a: Representation, b: Representation) -> NetworkSimilarity:
    """Linear CKA of each layer of A with each of B."""
    return NetworkSimilarity(
        network=b.network,
        sha256=b.sha256,
        digits=len(next(iter(a.grams.values()))),
        layers=tuple(a.grams),
        other_layers=tuple(b.grams),
        cka=tuple(
            tuple(round(linear_cka(own, other), _CKA_DECIMALS) for other in b.grams.values())
            for own in a.grams.values()
        ),
    )


def similarity_to_others(
    folder: Path, test: Split, on_step: OnStep
) -> tuple[NetworkSimilarity, ...]:
    """Similarity to each other compiled network of the models folder."""
    compiled = compiled_networks(folder.resolve().parent)
    others = [other for other in compiled if are_compared(folder.name, other)]
    if not others:
        return ()
    own = representation(folder, test)
    found = []
    for step, other in enumerate(others, 1):
        found.append(similarity(own, representation(folder.parent / other, test)))
        on_step(step, len(others))
    return tuple(found)


def compiled_networks(models: Path) -> list[str]:
    """The ids of the compiled networks of a models folder that Keras can run on MNIST's digits, and
    that have blocks.
    """
    compiled = (path.parent for path in models.glob(f"*/{MANIFEST_FILE}"))
    return sorted(
        folder.name
        for folder in compiled
        if (folder / NETWORK_FILE).is_file() and _is_compared(stored_manifest(folder))
    )


def _is_compared(manifest: Mapping[str, Any]) -> bool:
    return bool(manifest.get("blocks")) and manifest.get("input_shape") == [SIDE, SIDE, 1]


def measure_similarities(
    models: Path, test: Split, on_step: OnStep = lambda step, steps: None
) -> dict[str, tuple[NetworkSimilarity, ...]]:
    """Measure the similarity of all compiled networks of a folder again, and store it in their
    manifests.

    Args:
        models: the folder of model folders.
        test: the digits.
        on_step: called with the number of networks run and in total.

    Returns:
        The similarity of each network to those that it is compared with, by id.

    Raises:
        CompileError: a network was changed since it was compiled.
    """
    names = compiled_networks(models)
    manifests = {name: _read_manifest(models / name) for name in names}
    found: list[Representation] = []
    for step, name in enumerate(names, 1):
        found.append(representation(models / name, test))
        on_step(step, len(names))
    measured = {
        own.network: tuple(
            similarity(own, other) for other in found if are_compared(own.network, other.network)
        )
        for own in found
    }
    for name, others in measured.items():
        stored = {"similarity": [asdict(other) for other in others]}
        write_manifest(models / name, manifests[name] | stored)
    return measured


def _read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest as it is written.

    Raises:
        CompileError: it is not of the network in the folder.
    """
    manifest = stored_manifest(folder)
    if manifest["files"][NETWORK_FILE] != network_digest(folder):
        raise CompileError(f"{folder.name} has changed since it was compiled; compile it again")
    return manifest
