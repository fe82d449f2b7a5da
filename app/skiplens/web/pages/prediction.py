"""The prediction: the most probable class, all probabilities, and what scaling changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.pages import fmt

MOST_CLASSES: Final = 30
LIKELIEST: Final = 10  # classes shown of more than that
LONGEST_NUMBER: Final = 3  # letters


@dataclass(frozen=True)
class ClassProbability:
    """Probability of a class, 0..1, and the same with every block on."""

    label: str
    share: float
    baseline: float
    first: bool


@dataclass(frozen=True)
class PredictionView:
    """The most probable class, and the probability of each."""

    label: str
    share: float
    classes: tuple[ClassProbability, ...]
    scaled: str | None
    """Which branches are scaled; ``None`` if every factor is 1, as is the sentence on that."""
    sentence: str | None
    has_more: bool = False
    """Whether there are more classes than are shown, to search among."""
    find: str = ""
    """What is searched for."""
    found: tuple[ClassProbability, ...] = ()
    """The classes with that in their names, the most probable first, so many as are shown."""

    @property
    def is_word(self) -> bool:
        """Whether the most probable class has a name of more than three letters."""
        return len(self.label) > LONGEST_NUMBER

    @property
    def announcement(self) -> str:
        """What a screen reader says when the prediction changes."""
        what = f"Prediction {self.scaled}" if self.scaled else "Prediction"
        return f"{what}: {self.label}, {fmt.percent(self.share)}."


def prediction_view(services: Services, forward: ForwardPass, find: str = "") -> PredictionView:
    """The prediction, compared with that of the network with every block on."""
    engine = services.registry.network(forward.manifest.id)
    baseline = services.runner.run(engine, forward.digit, AS_TRAINED)
    return compare_predictions(forward, baseline, find)


def compare_predictions(
    forward: ForwardPass, baseline: ForwardPass, find: str = ""
) -> PredictionView:
    """The prediction of ``forward``; ``baseline`` has every factor 1.

    Of very many classes only the most probable are told, and those with ``find`` in their names.
    """
    names = forward.manifest.classes
    probabilities = zip(
        names, forward.probabilities.tolist(), baseline.probabilities.tolist(), strict=True
    )
    classes = tuple(
        ClassProbability(label, now, before, first=at == forward.label)
        for at, (label, now, before) in enumerate(probabilities)
    )
    many = len(classes) > MOST_CLASSES
    return PredictionView(
        label=names[forward.label],
        share=classes[forward.label].share,
        classes=_most_likely(classes) if many else classes,
        scaled=fmt.describe_scales(forward.scales) if forward.scales else None,
        sentence=_describe_change(forward, classes[baseline.label]) if forward.scales else None,
        has_more=many,
        find=find,
        found=_most_likely(one for one in classes if find.lower() in one.label.lower())
        if many and find
        else (),
    )


def _most_likely(classes: Iterable[ClassProbability]) -> tuple[ClassProbability, ...]:
    return tuple(sorted(classes, key=lambda one: one.share, reverse=True)[:LIKELIEST])


def _describe_change(forward: ForwardPass, predicted: ClassProbability) -> str:
    """Whether the class that is most probable with every block on still is."""
    scaled = fmt.describe_scales(forward.scales)
    scaled = scaled[0].upper() + scaled[1:]
    baseline = fmt.percent(predicted.baseline)
    if predicted.first:
        now = fmt.percent(predicted.share)
        return (
            f"{scaled}, the prediction is still {predicted.label}: {now} now, "
            f"{baseline} with every block on."
        )
    return (
        f"{scaled}, the prediction changes: with every block on it is {predicted.label}, "
        f"at {baseline}."
    )
