"""Networks that were trained alike, with the skip and without, compared by test accuracy."""

import math
from dataclasses import dataclass
from typing import Final

from skiplens.core.ladder import RUNGS, STREAM
from skiplens.core.manifest import Accuracy
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.services import Services
from skiplens.web.pages import format as fmt
from skiplens.web.pages.depth import twin_of
from skiplens.web.pages.learn.ladder import accuracy_together, rungs
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure


@dataclass(frozen=True)
class Pair:
    """Two networks, or sets of them, trained alike: with the skip and without.

    Attributes:
        key: in addresses.
        name: for people.
        residual: accuracy on the test digits with the skip, of all runs together.
        plain: without.
        runs: accuracy of each run, 0..1, with the skip and without.
    """

    key: str
    name: str
    residual: Accuracy
    plain: Accuracy
    runs: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def gain(self) -> float:
        """How much higher the skip's accuracy is, -1..1."""
        return self.residual.value - self.plain.value

    @property
    def gain_text(self) -> str:
        """The same in percentage points, with its sign: ``+1.01``."""
        return f"{100 * self.gain:+.2f}".replace("-", fmt.MINUS)

    @property
    def helps(self) -> bool:
        """Whether the skip's accuracy is higher, and the two intervals do not touch."""
        return self.residual.interval[0] > self.plain.interval[1]

    @property
    def sentence(self) -> str:
        """Both accuracies."""
        return (
            f"{self.name}: {fmt.percent(self.residual.value)} with the skip, "
            f"{fmt.percent(self.plain.value)} without."
        )


def twin_pairs(services: Services) -> tuple[Pair, ...]:
    """Every network whose blocks add, beside its twin, where both were tested and no run of the
    ladder has them.
    """
    manifests = [engine.manifest for engine in services.registry.networks]
    pairs = []
    for manifest in manifests:
        adds = any(block.merge == "add" for block in manifest.blocks)
        adds = adds and not (services.experiments.ladder and manifest.id in {STREAM, *RUNGS})
        others = [other for other in manifests if other is not manifest]
        twin = twin_of(manifest, others) if adds else None
        other = services.registry.network(twin).manifest if twin else None
        if other and manifest.test_accuracy and other.test_accuracy:
            with_skip, without = manifest.test_accuracy, other.test_accuracy
            runs = ((with_skip.value,), (without.value,))
            name = f"{manifest.title}, {fmt.pluralise(len(manifest.blocks), 'block')}"
            pairs.append(Pair(manifest.id, name, with_skip, without, runs))
    return tuple(pairs)


def ladder_pairs(services: Services) -> tuple[Pair, ...]:
    """Every depth of the ladder, its runs together; none if it was not trained."""
    found = []
    for rung in rungs(services.experiments.ladder):
        with_skip, without = (
            tuple(run.test_accuracy for run in runs) for runs in (rung.residual, rung.plain)
        )
        found.append(
            Pair(
                key=str(rung.blocks),
                name=f"{rung.blocks} blocks",
                residual=accuracy_together(rung.residual),
                plain=accuracy_together(rung.plain),
                runs=(with_skip, without),
            )
        )
    return tuple(found)


def pair_questions(pair: Pair | None, questions: tuple[str, str]) -> tuple[Question, Question]:
    """A question for a pair in which the skip helps, and one for a pair in which it does not."""
    remark, touched = pair.sentence if pair else "", pair is not None
    helps = pair is not None and pair.helps
    first, second = (
        Question.judged(text, touched=touched, right=right, remark=remark)
        for text, right in zip(questions, (helps, not helps), strict=True)
    )
    return first, second


def find_pair(pairs: tuple[Pair, ...], key: str | None) -> Pair | None:
    """The pair of that key; ``None`` if none is named.

    Raises:
        InvalidParameterError: there is no such pair.
    """
    found = next((pair for pair in pairs if pair.key == key), None)
    if found is None and key is not None:
        raise InvalidParameterError(
            f"pair must be one of {', '.join(pair.key for pair in pairs) or 'none'}; "
            f"got {quoted(key)}"
        )
    return found


CHART_HEIGHT: Final = 320  # pixels; the width is in percent
_ABOVE, _BELOW = 12.0, 30.0


@dataclass(frozen=True)
class DepthLine:
    """Accuracy by depth: the line through the means, and a dot for each run.

    Attributes:
        tone: ``identity`` with the skip, ``total`` without.
        means: positions, ``x`` in percent and ``y`` in pixels.
        dots: of each run, with a tooltip.
    """

    tone: str
    means: tuple[tuple[float, float], ...]
    dots: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class DepthChart:
    """Accuracy by depth, with ticks."""

    lines: tuple[DepthLine, ...]
    ticks: tuple[tuple[float, str], ...]
    alt: str


def depth_chart(pairs: tuple[Pair, ...]) -> DepthChart | None:
    """The chart of the ladder; ``None`` if it was not trained."""
    values = [value for pair in pairs for runs in pair.runs for value in runs]
    if not values:
        return None
    low = math.floor(100 * min(values)) / 100

    def y(value: float) -> float:
        share = (value - low) / (1 - low)
        return round(_ABOVE + (CHART_HEIGHT - _ABOVE - _BELOW) * (1 - share), 2)

    def x(at: int) -> float:
        return round(100 * (at + 0.5) / len(pairs), 2)

    lines = []
    for side, (tone, name) in enumerate((("identity", "with the skip"), ("total", "without"))):
        means = tuple(
            (x(at), y((pair.residual, pair.plain)[side].value)) for at, pair in enumerate(pairs)
        )
        dots = tuple(
            (x(at), y(value), f"{pair.name}, {name}: {fmt.percent(value)}")
            for at, pair in enumerate(pairs)
            for value in pair.runs[side]
        )
        lines.append(DepthLine(tone, means, dots))
    first, last = round(100 * low), 100
    ticks = tuple((y(at / 100), f"{at}{fmt.NARROW}%") for at in range(first, last + 1))
    alt = "Test accuracy by depth. " + " ".join(pair.sentence for pair in pairs)
    return DepthChart(tuple(lines), ticks, alt)


@dataclass(frozen=True)
class PairRow:
    """A pair on one axis; positions in percent: interval from, value, interval to."""

    residual: tuple[float, float, float]
    plain: tuple[float, float, float]


@dataclass(frozen=True)
class PairChart:
    """All pairs on one axis of test accuracy."""

    rows: dict[str, PairRow]
    low: str
    high: str


def pair_chart(pairs: tuple[Pair, ...]) -> PairChart | None:
    """The chart; ``None`` without pairs."""
    if not pairs:
        return None
    sides = [side for pair in pairs for side in (pair.residual, pair.plain)]
    low = math.floor(100 * min(side.interval[0] for side in sides)) / 100

    def place(accuracy: Accuracy) -> tuple[float, float, float]:
        values = (accuracy.interval[0], accuracy.value, accuracy.interval[1])
        start, value, end = (round(100 * (one - low) / (1 - low), 2) for one in values)
        return start, value, end

    rows = {pair.key: PairRow(place(pair.residual), place(pair.plain)) for pair in pairs}
    return PairChart(rows, f"{100 * low:.0f}{fmt.NARROW}%", f"100{fmt.NARROW}%")


def depth_figure(scene: Scene) -> StepFigure:
    """Accuracy by depth, with the skip and without."""
    pairs = ladder_pairs(scene.context.services)
    return _pair_figure(
        scene,
        pairs,
        depth_chart(pairs),
        (
            "Choose the depth at which the skip clearly helps.",
            "Choose one at which it does not clearly help.",
        ),
    )


def meaning_figure(scene: Scene) -> StepFigure:
    """Every pair of networks that were trained alike."""
    pairs = (
        *twin_pairs(scene.context.services),
        *ladder_pairs(scene.context.services),
    )
    return _pair_figure(
        scene,
        pairs,
        pair_chart(pairs),
        (
            "Choose a pair in which the skip helps and the bars do not overlap.",
            "Choose a pair in which it does not clearly help.",
        ),
    )


def _pair_figure(
    scene: Scene, pairs: tuple[Pair, ...], chart: object, questions: tuple[str, str]
) -> StepFigure:
    chosen = find_pair(pairs, scene.state.pair)
    return StepFigure(
        values={
            "pairs": tuple((pair, scene.address(pair=pair.key)) for pair in pairs),
            "columns": tuple(
                (pair.name, pair.name, scene.address(pair=pair.key), pair == chosen)
                for pair in pairs
            ),
            "chart": chart,
            "chosen": chosen,
            "most": max(pairs, key=lambda pair: pair.gain, default=None),
            "least": min(pairs, key=lambda pair: pair.gain, default=None),
        },
        questions=pair_questions(chosen, questions),
        tool=("These runs in the tool", scene.links.experiments()),
    )
