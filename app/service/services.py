"""Everything that a server needs to answer, in one record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.decoding import ImageLimits
from app.core.digit import Digit
from app.engine.protocol import Engine
from app.errors import UnknownDigitError
from app.samples import Sample
from app.service.catalogue import Catalogue
from app.service.digits import DigitStore, StoredDigit, WithSamples
from app.service.examination import CachedExaminer, EngineExaminer

WELCOME_LABEL: Final = 3


@dataclass(frozen=True)
class Services:
    """What callers can ask for.

    Attributes:
        catalogue: the networks.
        examiner: examines digits; keeps what it computed.
        digits: samples and stored digits.
        limits: bounds of an uploaded image.
    """

    catalogue: Catalogue
    examiner: CachedExaminer
    digits: WithSamples
    limits: ImageLimits

    @classmethod
    def over(
        cls,
        engines: Mapping[str, Engine],
        store: DigitStore,
        samples: Sequence[Sample],
        *,
        default_network: str,
        cache_bytes: int,
        limits: ImageLimits,
    ) -> "Services":
        """Services over loaded engines and a digit store."""
        return cls(
            Catalogue(engines, default_network),
            CachedExaminer(EngineExaminer(), cache_bytes),
            WithSamples(store, samples),
            limits,
        )

    def digit(self, digit: str) -> Digit:
        """The digit of that id.

        Raises:
            UnknownDigitError: it is not stored.
        """
        return self.digits.get(digit).digit

    @property
    def welcome(self) -> StoredDigit:
        """The sample that the first page shows.

        Raises:
            UnknownDigitError: no samples were given.
        """
        samples = tuple(self.digits.samples.values())
        if not samples:
            raise UnknownDigitError("no samples are loaded, so there is no digit to begin with")
        return next((one for one in samples if one.label == WELCOME_LABEL), samples[0])

    def close(self) -> None:
        """Close engines and store."""
        for engine in self.catalogue.networks:
            engine.close()
        self.digits.close()
