"""Everything that a server needs to answer, in one record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.digit import Digit
from skiplens.core.image_decoding import ImageLimits
from skiplens.engine.base import Engine
from skiplens.errors import UnknownDigitError
from skiplens.samples import Sample
from skiplens.service.dataset.indexer import Dataset, DatasetIndexer
from skiplens.service.dataset.labelled_digits import LabelledDigits, WithCollection
from skiplens.service.digit_store import DigitStore, StoredDigit, WithSamples
from skiplens.service.forward import CachedModelRunner, ModelRunner
from skiplens.service.registry import ModelRegistry

WELCOME_LABEL: Final = 3


@dataclass(frozen=True)
class Services:
    """What callers can ask for.

    Attributes:
        registry: the networks.
        runner: examines digits; keeps what it computed.
        digits: samples, the data set's and stored digits.
        indexes: what the networks make of the samples and of the data set, in short.
        limits: bounds of an uploaded image.
    """

    registry: ModelRegistry
    runner: CachedModelRunner
    digits: WithSamples
    indexes: DatasetIndexer
    limits: ImageLimits

    @classmethod
    def create(  # noqa: PLR0913  # one parameter a part
        cls,
        engines: Mapping[str, Engine],
        store: DigitStore,
        samples: Sequence[Sample],
        *,
        default_network: str,
        cache_bytes: int,
        limits: ImageLimits,
        dataset: Dataset | None = None,
    ) -> "Services":
        """Services over loaded engines, a digit store and, if there is one, a data set."""
        kept = WithCollection(store, dataset.collection) if dataset else store
        return cls(
            ModelRegistry(engines, default_network),
            CachedModelRunner(ModelRunner(), cache_bytes),
            WithSamples(kept, samples),
            DatasetIndexer(LabelledDigits.of_samples(samples), dataset),
            limits,
        )

    def digit(self, digit: str) -> Digit:
        """The digit of that id.

        Raises:
            UnknownDigitError: it is not stored.
        """
        return self.digits.get(digit).digit

    @property
    def default_digit(self) -> StoredDigit:
        """The sample that the first page shows.

        Raises:
            UnknownDigitError: no samples were given.
        """
        samples = tuple(self.digits.samples.values())
        if not samples:
            raise UnknownDigitError("no samples are loaded, so there is no digit to begin with")
        return next((one for one in samples if one.label == WELCOME_LABEL), samples[0])

    def close(self) -> None:
        """Stop indexing, then close engines and store."""
        self.indexes.close()
        for engine in self.registry.networks:
            engine.close()
        self.digits.close()
