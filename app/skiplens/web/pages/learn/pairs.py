"""Networks that were trained alike, with the skip and without, compared by test accuracy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from skiplens.core.ladder import RUNGS, STREAM, LadderRow, MeasuredRun, accuracy_together, rungs
from skiplens.core.manifest import Accuracy
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.registry import twin_of
from skiplens.service.services import Services
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import Axis, LineChart, Point, Series, line_chart, share_axis
from skiplens.web.pages.learn.blocks import one_block_out
from skiplens.web.pages.learn.gradients import first_shares
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure

_ASIDE: Final = 0.04
"""Of a depth's place on the axis, to either side."""


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
    def change(self) -> str:
        """The same in words: ``add 1.01 points of accuracy``."""
        verb = "add" if self.gain >= 0 else "cost"
        return f"{verb} {100 * abs(self.gain):.2f} points of accuracy"

    @property
    def helps(self) -> bool:
        """Whether the skip's accuracy is higher, and the two intervals do not touch."""
        return self.residual.interval[0] > self.plain.interval[1]

    @property
    def hurts(self) -> bool:
        """Whether the skip's accuracy is lower, and the two intervals do not touch."""
        return self.plain.interval[0] > self.residual.interval[1]

    @property
    def sentence(self) -> str:
        """Both accuracies, and what their intervals say."""
        outcome = "No clear difference."
        if self.helps or self.hurts:
            outcome = f"The skip clearly {'helps' if self.helps else 'hurts'}."
        return (
            f"{self.name}: {fmt.percent(self.residual.value)} with the skip, "
            f"{fmt.percent(self.plain.value)} without. {outcome}"
        )


def twin_pairs(services: Services) -> tuple[Pair, ...]:
    """Every network whose blocks add, beside its twin, where both were tested and no run of the
    ladder has them.
    """
    manifests = services.registry.manifests.values()
    trained = [manifest for manifest in manifests if manifest.training]  # here, and so alike
    pairs = []
    for manifest in trained:
        adds = any(block.merge == "add" for block in manifest.blocks)
        adds = adds and not (services.experiments.ladder and manifest.id in {STREAM, *RUNGS})
        twin = twin_of(manifest, trained) if adds else None
        other = services.registry.network(twin).manifest if twin else None
        if other and manifest.test_accuracy and other.test_accuracy:
            with_skip, without = manifest.test_accuracy, other.test_accuracy
            runs = ((with_skip.value,), (without.value,))
            name = f"{manifest.title} ({fmt.pluralise(len(manifest.blocks), 'block')})"
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


def chosen_pair(pairs: tuple[Pair, ...], key: str | None) -> Pair | None:
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


def depth_chart(pairs: tuple[Pair, ...]) -> LineChart | None:
    """Accuracy by depth: lines through the means, a bar for each interval and a dot for each run;
    ``None`` without pairs.
    """
    if not pairs:
        return None
    sides = [side for pair in pairs for side in (pair.residual, pair.plain)]
    low = _floor(min(side.interval[0] for side in sides))
    series = []
    for side, (tone, name) in enumerate((("identity", "with the skip"), ("ink", "without"))):
        beside = (-_ASIDE, _ASIDE)[side]  # bars of one depth would hide each other
        found = [(pair.residual, pair.plain)[side] for pair in pairs]
        means = tuple(Point(at + beside, one.value) for at, one in enumerate(found))
        runs = tuple(
            Point(at + beside, value, f"{pair.name}, {name}: {fmt.percent(value)}")
            for at, pair in enumerate(pairs)
            for value in pair.runs[side]
        )
        bars = [
            Series(
                "",
                f"{tone} interval",
                tuple(Point(at + beside, end) for end in one.interval),
                dots=False,
            )
            for at, one in enumerate(found)
        ]
        series += [Series(name, tone, means, dots=False), *bars, Series("", tone, runs, line=False)]
    names = tuple((float(at), pair.name) for at, pair in enumerate(pairs))
    return line_chart(
        series,
        x=Axis("depth", names, -0.5, len(pairs) - 0.5),
        y=share_axis("test accuracy", low, steps=round(100 * (1 - low))),
        alt="Test accuracy by depth. " + " ".join(pair.sentence for pair in pairs),
    )


def _best_depths(pairs: tuple[Pair, ...]) -> str:
    """At which depth accuracy is highest, with skips and without, and where more depth hurts."""
    if not pairs:
        return ""
    with_skips, without = (
        max(pairs, key=lambda pair: pair.residual.value),
        max(pairs, key=lambda pair: pair.plain.value),
    )
    deepest = pairs[-1]
    worse = without.plain.interval[0] > deepest.plain.interval[1]
    return (
        f"With skips, accuracy is highest at {with_skips.name}. Without skips, it is highest at "
        f"{without.name}{f', and clearly lower at {deepest.name}' if worse else ''}."
    )


def _floor(accuracy: float) -> float:
    """The whole percent below."""
    return math.floor(100 * accuracy) / 100


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
    low = _floor(min(side.interval[0] for side in sides))

    def place(accuracy: Accuracy) -> tuple[float, float, float]:
        values = (accuracy.interval[0], accuracy.value, accuracy.interval[1])
        start, value, end = (round(100 * (one - low) / (1 - low), 2) for one in values)
        return start, value, end

    rows = {pair.key: PairRow(place(pair.residual), place(pair.plain)) for pair in pairs}
    return PairChart(rows, f"{100 * low:.0f}{fmt.NARROW}%", f"100{fmt.NARROW}%")


def depth_figure(scene: Scene) -> StepFigure:
    """Accuracy by depth, with the skip and without."""
    pairs = ladder_pairs(scene.context.services)
    rows = rungs(scene.context.services.experiments.ladder)
    found = _pair_figure(
        scene,
        pairs,
        depth_chart(pairs),
        ("Where does the skip clearly help? Select a depth.", "Where does it not?"),
    )
    return replace(found, finding=_best_depths(pairs), notes=tuple(_class_notes(rows, pairs)))


def _class_notes(rows: tuple[LadderRow, ...], pairs: tuple[Pair, ...]) -> Iterator[tuple[str, str]]:
    """Whether the gradient is the reason, and why the skip hurts where it hurts most."""
    if not rows:
        return
    fewest, most = first_shares(rows[0]), first_shares(rows[-1])
    if fewest and most:
        shallow, deep = pairs[0], pairs[-1]
        text = (
            f"The two go together here, but that proves nothing. Without skips, {most[1]} of the "
            f"gradient reaches the first of {deep.name} at the start; there, skips {deep.change}. "
            f"With {shallow.name}, {fewest[1]} reaches the first; there, skips {shallow.change}."
        )
        if shallow.hurts:
            text += " So a smaller gradient need not mean lower accuracy."
        yield "Is the gradient the reason?", f"{text} The starting weights differ, too."
    row, worst = min(zip(rows, pairs, strict=True), key=lambda found: found[1].gain)
    with_skips, without = _last_loss(row.residual), _last_loss(row.plain)
    if worst.hurts and with_skips > without:
        text = (
            f"It learns less in the same time: after training, its loss on the training digits is "
            f"{fmt.number(with_skips)}, against {fmt.number(without)} without skips. So it has not "
            "learned those digits too closely (overfitting). A possible reason, not tested here: "
            "with skips, every branch starts at zero and has to grow first."
        )
        yield f"Why is the network with skips worse at {worst.name}?", text


def _last_loss(runs: tuple[MeasuredRun, ...]) -> float:
    """The training loss in the last epoch: the mean of all runs; NaN if it was not measured."""
    losses = [run.history.epochs[-1].loss for run in runs if run.history.epochs]
    return fmean(losses) if losses else math.nan


def _evidence(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """What the story has shown of the deepest networks, with skips and without, as texts."""
    services = scene.context.services
    rows, pairs = rungs(services.experiments.ladder), ladder_pairs(services)
    shares = first_shares(rows[-1]) if rows else None
    if shares:
        yield "Gradient at the first block, before training", *shares
    if pairs:
        deep = pairs[-1]
        right, without = fmt.percent(deep.residual.value), fmt.percent(deep.plain.value)
        yield f"Test accuracy, {deep.name}", right, without
    removed = one_block_out(scene)
    if removed:
        digits, kept, lost = removed
        blocks = len(scene.networks.deep.manifest.blocks)
        yield (
            f"The same with one of {blocks} taken out, on {digits:,} digits",
            fmt.percent(kept.mean),
            fmt.percent(lost.mean),
        )


def meaning_figure(scene: Scene) -> StepFigure:
    """Every pair of networks that were trained alike."""
    pairs = (
        *twin_pairs(scene.context.services),
        *(
            replace(pair, name=f"Simple stack ({pair.name})")
            for pair in ladder_pairs(scene.context.services)
        ),
    )
    found = _pair_figure(
        scene,
        pairs,
        pair_chart(pairs),
        (
            "Choose a pair in which the skip clearly helps.",
            "Choose a pair in which it does not clearly help.",
        ),
    )
    return replace(found, values={**found.values, "evidence": tuple(_evidence(scene))})


def _pair_figure(
    scene: Scene, pairs: tuple[Pair, ...], chart: object, questions: tuple[str, str]
) -> StepFigure:
    chosen = chosen_pair(pairs, scene.state.pair)
    return StepFigure(
        values={
            "pairs": tuple((pair, scene.address(pair=pair.key)) for pair in pairs),
            "columns": tuple(
                (pair.name, scene.address(pair=pair.key), pair == chosen) for pair in pairs
            ),
            "chart": chart,
            "chosen": chosen,
            "most": max(pairs, key=lambda pair: pair.gain, default=None),
            "least": min(pairs, key=lambda pair: pair.gain, default=None),
        },
        questions=pair_questions(chosen, questions),
        tool=("These runs in the tool", scene.links.experiments()),
    )
