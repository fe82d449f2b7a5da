"""Photographs of digits: which kinds are read right, and whether their warnings say why not.

The pictures are made by a seed from the project's own strokes, or from MNIST's digits. Work with
the seeds of ``writers.DEVELOPMENT``; those of ``writers.HELD_OUT`` are for a final figure.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import addresses
from benchmarks.photo_kinds import KINDS, STRENGTHS, take
from benchmarks.photo_scene import Photo
from benchmarks.results import Result, Target
from benchmarks.writers import DEVELOPMENT, HELD_OUT, read_digits
from skiplens.core.image_decoding import decode
from skiplens.core.input_image import Digit
from skiplens.core.preprocessing import preprocess
from skiplens.engine.base import Engine
from skiplens.engine.litert import LiteRTEngine
from skiplens.errors import SkiplensError
from skiplens.mnist import Split

TITLE = "Photographs read right"

SURE: Final = 0.9
"""The probability from which on a prediction looks certain."""

_HANDS: Final = 5
_ALL: Final = Target(">=", 0.97)
_SILENT: Final = Target("<", 0.01)
_CAUSES: Final = {
    "stands out": "faint",
    "edge of the image": "cut",
    "few pixels": "small",
    "very thin": "thin",
    "wider than": "wide",
    "more than one digit": "several",
}

Predict = Callable[[Digit], tuple[int, float]]
"""The label that a network gives a digit, and its probability."""


@dataclass(frozen=True)
class Reading:
    """What became of one photograph.

    Attributes:
        kind: of photograph.
        strength: an index of ``STRENGTHS``.
        right: it was read as what it is meant to be.
        sure: the prediction looks certain, right or not.
        given: causes of the warnings that came with it.
        missing: warnings that were due and did not come.
        wrong: warnings that came and do not fit.
        refused: name of the error that came instead of an answer, if one did.
    """

    kind: str
    strength: int
    right: bool
    sure: bool
    given: frozenset[str]
    missing: frozenset[str]
    wrong: frozenset[str]
    refused: str


_WARNINGS: Final[Mapping[str, Callable[[Reading], bool]]] = {
    "fitting warning": lambda one: bool(one.given - one.wrong),
    "wrong warning": lambda one: bool(one.wrong),
    "missing warning": lambda one: bool(one.missing),
}


def measure(data: Path | None = None, *, held_out: bool = False) -> Iterator[Result]:
    """Accuracy by kind and strength, how sure the errors are, and how well warnings fit.

    Args:
        data: a folder with MNIST, whose digits are taken instead of the strokes.
        held_out: read the seeds that are kept for a final figure.
    """
    digits = None if data is None else read_digits(data, held_out=held_out)
    seeds = HELD_OUT if held_out else DEVELOPMENT[:_HANDS]
    engine = LiteRTEngine(addresses.folder(), 1, 0)
    yield from results(list(read_all(KINDS, seeds, predictor(engine), digits)))
    engine.close()


def predictor(engine: Engine) -> Predict:
    """The answers of a network, with every block on."""
    output = engine.manifest.layers[-1].name
    on = np.ones(len(engine.manifest.disableable_blocks), np.float32)

    def predict(digit: Digit) -> tuple[int, float]:
        probabilities = engine.activations(digit.as_input(), on)[output].ravel()
        return int(probabilities.argmax()), float(probabilities.max())

    return predict


def read_all(
    kinds: Iterable[str], seeds: Collection[int], predict: Predict, digits: Split | None = None
) -> Iterator[Reading]:
    """Photographs of some kinds, in every strength by every hand."""
    for kind in kinds:
        for strength in range(len(STRENGTHS)):
            for seed in seeds:
                photo = take(kind, strength, seed, digits)
                yield read(photo, kind, strength, predict)


def read(photo: Photo, kind: str, strength: int, predict: Predict) -> Reading:
    """One photograph, as the app reads an upload."""
    try:
        prepared = preprocess(decode(photo.data))
    except SkiplensError as error:
        nothing: frozenset[str] = frozenset()
        refused = type(error).__name__
        return Reading(kind, strength, False, False, nothing, nothing, nothing, refused)
    label, probability = predict(prepared.digit)
    given = causes(prepared.warnings)
    return Reading(
        kind,
        strength,
        right=label in photo.labels,
        sure=probability >= SURE,
        given=given,
        missing=photo.due - given,
        wrong=given - photo.due - photo.fitting,
        refused="",
    )


def causes(warnings: Iterable[str]) -> frozenset[str]:
    """What the sentences complain of, in a word each.

    Raises:
        ValueError: a sentence is new to the bench; ``_CAUSES`` lacks it.
    """
    return frozenset(_cause(sentence) for sentence in warnings)


def _cause(sentence: str) -> str:
    for words, cause in _CAUSES.items():
        if words in sentence:
            return cause
    raise ValueError(f"the bench knows no cause for the warning: {sentence}")


def results(readings: Sequence[Reading]) -> Iterator[Result]:
    """The figures of some readings; kinds and strengths in the order in which they come."""
    yield from _by_kind(readings)
    yield Result("all kinds", _share([one.right for one in readings]), "", _ALL)
    for strength, name in enumerate(STRENGTHS):
        some = [one.right for one in readings if one.strength == strength]
        yield Result(f"all kinds, {name}", _share(some), "")
    silent = [one.sure and not one.right and not one.given for one in readings]
    yield Result("wrong, sure and without a warning", _share(silent), "", _SILENT)
    yield Result("refused or blank", _share([bool(one.refused) for one in readings]), "")
    for column, shown in _WARNINGS.items():
        yield Result(f"with a {column}", _share([shown(one) for one in readings]), "")
    spoilt = [bool(one.wrong) for one in readings if one.right]
    yield Result("right answers with a wrong warning", _share(spoilt), "")


def _by_kind(readings: Sequence[Reading]) -> Iterator[Result]:
    for kind in dict.fromkeys(one.kind for one in readings):
        own = [one for one in readings if one.kind == kind]
        for strength, name in enumerate(STRENGTHS):
            some = [one.right for one in own if one.strength == strength]
            if some:
                least = Target(">=", KINDS[kind].least[strength])
                yield Result(kind, _share(some), "", least, name)
        for column, shown in _WARNINGS.items():
            yield Result(kind, _share([shown(one) for one in own]), "", column=column)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / max(1, len(flags))
