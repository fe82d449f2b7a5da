"""Indexes as files, so that a later start need not build them again."""

import hashlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import structlog

from app.engine.protocol import Engine
from app.service.dataset.collection import Collection
from app.service.dataset.index import KEPT, Index

FORMAT: Final = 1
_DAMAGED: Final = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
_logger = structlog.get_logger(__name__)


class Shelf:
    """A folder with one index a network.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, engine: Engine) -> Path:
        """The file that a network's index is kept in."""
        return self._folder / f"{engine.manifest.id}.npz"

    def load(self, engine: Engine, collection: Collection) -> Index | None:
        """The index that is kept of this very network and collection, if it is whole."""
        path = self.path(engine)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if str(archive["key"]) != _key(engine, collection):
                    _logger.info("index_outdated", network=engine.manifest.id)
                    return None
                index = Index(archive["probabilities"], archive["places"], archive["values"])
            _check(index, engine, collection)
        except FileNotFoundError:
            return None
        except _DAMAGED as error:
            _logger.warning("index_damaged", network=engine.manifest.id, error=str(error))
            return None
        return index

    def save(self, engine: Engine, collection: Collection, index: Index) -> None:
        """Keep an index: the file is there whole or not at all. A folder that cannot be written
        costs the next start a few seconds, so the log is told and nothing else.
        """
        path = self.path(engine)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(
                    file,
                    key=np.array(_key(engine, collection)),
                    probabilities=index.probabilities,
                    places=index.places,
                    values=index.values,
                )
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            _logger.warning("index_not_kept", network=engine.manifest.id, error=str(error))


def _key(engine: Engine, collection: Collection) -> str:
    """Changes with everything that an index follows from."""
    manifest = engine.manifest
    graph = manifest.files[manifest.graphs["activations"].file]
    parts = (str(FORMAT), engine.name, graph, collection.sha256)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _check(index: Index, engine: Engine, collection: Collection) -> None:
    """Refuse arrays that are no index of this network and collection, with a ValueError."""
    manifest, digits = engine.manifest, len(collection)
    ranked = sum(layer.filters for layer in manifest.layers), min(KEPT, digits)
    expected = (
        ("probabilities", np.float32, (digits, len(manifest.classes))),
        ("places", np.int32, ranked),
        ("values", np.float32, ranked),
    )
    for name, dtype, shape in expected:
        array = getattr(index, name)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}")
    if not (np.isfinite(index.probabilities).all() and np.isfinite(index.values).all()):
        raise ValueError("it holds a value that is NaN or infinite")
    if index.places.min() < 0 or index.places.max() >= digits:
        raise ValueError(f"it names a digit that is none of the {digits}")
