"""What the network reads in the digit: probabilities, and how a switched block changes them."""

from dataclasses import dataclass
from typing import Final

from app.service.examination import Examination
from app.service.services import Services
from app.web.pages import wording

BAR: Final = 100.0


@dataclass(frozen=True)
class Chance:
    """One class.

    Attributes:
        label: of the class.
        share: its probability.
        bar: the same, 0..100.
        whole: probability of the whole network; the same where no block is off.
        whole_bar: the same, 0..100.
        first: whether it is the most probable.
    """

    label: str
    share: float
    bar: float
    whole: float
    whole_bar: float
    first: bool


@dataclass(frozen=True)
class Reading:
    """What is read.

    Attributes:
        label: the most probable class.
        share: its probability.
        chances: every class.
        off: the blocks that are off, as words; nothing where all are on.
        whole_label: what the whole network reads.
        whole_share: and how probable that is.
        sentence: the change, in words; nothing where all blocks are on.
    """

    label: str
    share: float
    chances: tuple[Chance, ...]
    off: str | None
    whole_label: str
    whole_share: float
    sentence: str | None


def reading_of(services: Services, examination: Examination) -> Reading:
    """The reading of an examination, held against that of the whole network."""
    engine = services.catalogue.network(examination.manifest.id)
    return reading(examination, services.examiner.examine(engine, examination.digit, ()))


def reading(examination: Examination, whole: Examination) -> Reading:
    """The same of two examinations that are there."""
    classes = examination.manifest.classes
    now, before = examination.probabilities, whole.probabilities
    chances = tuple(
        Chance(
            label=label,
            share=float(now[at]),
            bar=round(BAR * float(now[at]), 2),
            whole=float(before[at]),
            whole_bar=round(BAR * float(before[at]), 2),
            first=at == examination.label,
        )
        for at, label in enumerate(classes)
    )
    return Reading(
        label=classes[examination.label],
        share=float(now[examination.label]),
        chances=chances,
        off=wording.listed(examination.off) if examination.off else None,
        whole_label=classes[whole.label],
        whole_share=float(before[whole.label]),
        sentence=_change(examination, whole) if examination.off else None,
    )


def _change(examination: Examination, whole: Examination) -> str:
    classes = examination.manifest.classes
    label, share = classes[whole.label], float(whole.probabilities[whole.label])
    names = wording.listed(examination.off)
    without = f"Without what {names} {'adds' if len(examination.off) == 1 else 'add'}"
    if examination.label == whole.label:
        now = wording.percent(float(examination.probabilities[whole.label]))
        return (
            f"{without}, it still reads {wording.with_article(label)}: {now} now, "
            f"{wording.percent(share)} with every block on."
        )
    return (
        f"{without}, the answer changes: the whole network reads "
        f"{wording.with_article(label)}, at {wording.percent(share)}."
    )
