"""The services that a server needs, in one record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skiplens.core.limits import MAX_DOWNLOAD_BYTES, DecodingBounds, ImageLimits
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.samples import Sample
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.indexer import Dataset, DatasetIndexer
from skiplens.service.decoding_pool import DecodingPool, longest_side
from skiplens.service.digit_store import DigitDatabase, DigitStore, InputRecord
from skiplens.service.experiment_results import ExperimentResults
from skiplens.service.forward import CachedModelRunner
from skiplens.service.registry import ModelRegistry

DEFAULT_LABEL: Final = 3


@dataclass(frozen=True)
class Services:
    """All services.

    Attributes:
        registry: the networks.
        runner: computes and caches forward passes.
        digits: samples, digits of the data set and uploads.
        indexes: activation indexes of the samples and of the data set.
        limits: of uploaded images.
        decoding: decodes uploaded images.
        experiments: what experiments found over test digits.
        max_download_bytes: of the activations of all layers in one file.
    """

    registry: ModelRegistry
    runner: CachedModelRunner
    digits: DigitStore
    indexes: DatasetIndexer
    limits: ImageLimits
    decoding: DecodingPool
    experiments: ExperimentResults
    max_download_bytes: int

    @classmethod
    def create(  # noqa: PLR0913  # one parameter a part
        cls,
        engines: Mapping[str, Engine],
        store: DigitDatabase,
        samples: Sequence[Sample],
        *,
        default_network: str,
        cache_bytes: int,
        limits: ImageLimits,
        decoding: DecodingBounds | None = None,
        dataset: Dataset | None = None,
        models: Path | None = None,
        pictures: Sequence[InputRecord] = (),
        given: Sequence[InputRecord] = (),
        max_download_bytes: int = MAX_DOWNLOAD_BYTES,
    ) -> "Services":
        """The services of loaded engines."""
        return cls(
            ModelRegistry(engines, default_network),
            CachedModelRunner(_cache_size(cache_bytes, engines.values())),
            DigitStore(store, samples, dataset.collection if dataset else None, pictures, given),
            DatasetIndexer(LabelledDigits.of_samples(samples), dataset),
            limits,
            DecodingPool(
                limits,
                decoding or DecodingBounds(),
                longest_side(engine.manifest for engine in engines.values()),
            ),
            ExperimentResults(models),
            max_download_bytes,
        )

    @property
    def default_digit(self) -> InputRecord:
        """The sample on the first page."""
        samples = tuple(self.digits.samples.values())
        return next((digit for digit in samples if digit.label == DEFAULT_LABEL), samples[0])

    def samples(self, manifest: Manifest) -> Mapping[str, InputRecord]:
        """Samples of what a network takes, by id."""
        return self.digits.samples if manifest.takes_digits else self.digits.pictures

    def default_input(self, manifest: Manifest) -> InputRecord:
        """The input that a network is shown with at first."""
        return next(iter(self.pictures(manifest).values()), None) or self.default_digit

    def pictures(self, manifest: Manifest) -> Mapping[str, InputRecord]:
        """Images of the user that a network takes, by id, or one that is drawn for it."""
        return self.digits.given if manifest.takes_digits else self.digits.pictures

    def close(self) -> None:
        """Stop indexing and decoding, then close engines and store."""
        self.indexes.close()
        self.decoding.close()
        for engine in self.registry.networks:
            engine.close()
        self.digits.database.close()


def _cache_size(given: int, engines: Iterable[Engine]) -> int:
    """Bytes of the cache: at least two forward passes, as a page asks for one again and again."""
    passes = (engine.manifest.activation_bytes for engine in engines)
    return max(given, 2 * max(passes, default=0)) if given else 0
