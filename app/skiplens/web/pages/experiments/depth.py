"""Experiment: accuracy and training loss against depth, with the skip and without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query, Response

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.experiment_results import CurvePoint
from skiplens.core.input_image import InputImage
from skiplens.core.ladder import (
    DEEPEST,
    KINDS,
    LADDER,
    LadderKind,
    MeasuredRun,
    accuracy_by_depth,
    stream_name,
)
from skiplens.engine.base import Array, Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import predict
from skiplens.service.registry import ModelRegistry
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Point,
    Series,
    count_axis,
    line_chart,
    share_axis,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    experiment_view,
    router,
)
from skiplens.web.pages.templating import RespondDep

TONES: Final[Mapping[LadderKind, str]] = {"residual": "identity", "plain": "chain"}
NAMES: Final[Mapping[LadderKind, str]] = {"residual": "with the skip", "plain": "without it"}
_MARGIN: Final = 0.005  # below the lowest accuracy of a chart


@dataclass(frozen=True, eq=False)
class Rung:
    """A digit in one network of the ladder.

    Attributes:
        kind: with the skip, or without.
        blocks: how many.
        network: id.
        probabilities: float32 ``(classes,)``.
    """

    kind: LadderKind
    blocks: int
    network: str
    probabilities: Array

    @property
    def label(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def key(self) -> str:
        """Under which a drawing has its texts."""
        return f"depth.{self.kind}.{self.blocks}"


def classify_on_ladder(registry: ModelRegistry, digit: InputImage) -> tuple[Rung, ...]:
    """The digit in every loaded network of the ladder, kind by kind, from the fewest blocks up."""
    loaded: Mapping[str, Engine] = {engine.manifest.id: engine for engine in registry.networks}
    return tuple(
        Rung(kind, blocks, name, predict(loaded[name], digit, [AS_TRAINED])[0])
        for kind in KINDS
        for blocks in LADDER
        if (name := stream_name(kind, blocks)) in loaded
    )


@dataclass(frozen=True)
class RungCell:
    """A digit in one network of the ladder, as texts; the bar is 0..100."""

    key: str
    blocks: int
    href: str
    label: str
    share: str
    bar: float


def _cells(rungs: Sequence[Rung], registry: ModelRegistry) -> dict[str, dict[str, str]]:
    """Texts by rung, under the keys of a drawing."""
    return {
        rung.key: {
            "label": registry.network(rung.network).manifest.classes[rung.label],
            "share": fmt.percent(float(rung.probabilities[rung.label])),
            "bar": str(fmt.bar(float(rung.probabilities[rung.label]))),
        }
        for rung in rungs
    }


def rung_rows(
    services: Services, digit: InputImage, links: Links
) -> tuple[tuple[str, str, tuple[RungCell, ...]], ...]:
    """The ladder with a digit: a row with the skip and one without, each with name and tone."""
    rungs = classify_on_ladder(services.registry, digit)
    texts = _cells(rungs, services.registry)

    def cell(rung: Rung) -> RungCell:
        found = texts[rung.key]
        href = addresses.gallery(rung.network, links.digit)
        bar = float(found["bar"])
        return RungCell(rung.key, rung.blocks, href, found["label"], found["share"], bar)

    return tuple(
        (NAMES[kind], TONES[kind], tuple(cell(rung) for rung in rungs if rung.kind == kind))
        for kind in KINDS
        if any(rung.kind == kind for rung in rungs)
    )


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The drawing on every rung."""
    rungs = classify_on_ladder(drawn.services.registry, drawn.forward.digit)
    cells = _cells(rungs, drawn.services.registry).items()
    return {f"{key}.{part}": text for key, texts in cells for part, text in texts.items()}


def accuracy_chart(runs: Sequence[MeasuredRun]) -> LineChart | None:
    """Test accuracy against depth: a line through the means, and a dot for each seed."""
    if not runs:
        return None
    series = []
    for kind, points in accuracy_by_depth(runs).items():
        line = tuple(Point(point.x, point.mean) for point in points)
        series.append(Series(NAMES[kind], TONES[kind], line, dots=False))
        dots = tuple(
            Point(
                run.blocks,
                run.test_accuracy,
                f"{run.blocks} blocks {NAMES[kind]}, seed {run.seed}: "
                f"{fmt.percent(run.test_accuracy)}",
            )
            for run in runs
            if run.kind == kind
        )
        series.append(Series("", TONES[kind], dots, line=False))
    lowest = min(run.test_accuracy for run in runs) - _MARGIN
    low = int(100 * lowest) / 100
    return line_chart(
        series,
        x=Axis("blocks", tuple((n, str(n)) for n in LADDER), 0, DEEPEST + 1),
        y=share_axis("test accuracy", low, 1.0, round(100 * (1 - low))),
        alt="Test accuracy against the number of blocks, with the skip and without: "
        + describe_ladder(runs),
    )


def loss_chart(runs: Sequence[MeasuredRun], blocks: int) -> LineChart | None:
    """Training loss against steps, of every seed of one depth."""
    chosen = [run for run in runs if run.blocks == blocks]
    if not chosen:
        return None
    series, named = [], set[LadderKind]()
    for run in chosen:
        points = tuple(Point(one.step, one.loss) for one in run.history.loss)
        name = "" if run.kind in named else NAMES[run.kind]
        series.append(Series(name, TONES[run.kind], points, dots=False))
        named.add(run.kind)
    losses = [point.y for one in series for point in one.points]
    steps = max(point.x for one in series for point in one.points)
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2) if min(losses) / 2 <= tick]
    return line_chart(
        series,
        x=count_axis("training steps", 0, int(steps), 500),
        y=Axis(
            "training loss",
            tuple((tick, f"{tick:g}") for tick in ticks),
            min(*losses, ticks[0]),
            max(*losses, 2.5),
            log=True,
        ),
        alt=f"Training loss of networks of {blocks} blocks, with the skip and without",
    )


def describe_ladder(runs: Sequence[MeasuredRun]) -> str:
    """Whether the deepest networks are better than the second deepest, and by how much."""
    found = accuracy_by_depth(runs)
    before, deepest = LADDER[-2:]
    parts = []
    for kind in KINDS:
        means = {int(point.x): point.mean for point in found.get(kind, ())}
        if before in means and deepest in means:
            verb = "falls" if means[deepest] < means[before] else "rises"
            change = f"from {fmt.percent(means[before])} to {fmt.percent(means[deepest])}"
            parts.append(f"{verb} {change} {NAMES[kind]}")
    if not parts:
        return ""
    return f"From {before} to {deepest} blocks, test accuracy {fmt.join_and(parts)}."


EXPERIMENT: Final = Experiment(
    "depth",
    "Depth",
    "Does a network get better with every block, or worse?",
    "He et al. 2015, fig. 1 and 6",
    card=lambda context: accuracy_chart(context.services.experiments.ladder),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def depth(
    respond: RespondDep,
    context: ExperimentContextDep,
    blocks: Annotated[int, Query(description="depth of the training curves")] = DEEPEST,
) -> Response:
    """The ladder of depths."""
    if blocks not in LADDER:
        raise InvalidParameterError(f"blocks must be one of {', '.join(map(str, LADDER))}")
    runs = context.services.experiments.ladder
    options = {} if blocks == DEEPEST else {"blocks": blocks}
    values = {
        "rungs": rung_rows(context.services, context.forward.digit, context.links),
        "accuracy": accuracy_chart(runs),
        "loss": loss_chart(runs, blocks),
        "depths": [
            (count, context.links.experiment(EXPERIMENT.name, blocks=count), count == blocks)
            for count in LADDER
        ],
        "table": _table(runs),
        "sentence": describe_ladder(runs),
    }
    return respond(experiment_view(context, EXPERIMENT, values, options))


def _table(runs: Sequence[MeasuredRun]) -> tuple[tuple[str, str, tuple[CurvePoint, ...]], ...]:
    """Means and spreads: a row with the skip and one without, each with name and tone."""
    found = accuracy_by_depth(runs)
    return tuple((NAMES[kind], TONES[kind], found[kind]) for kind in KINDS if kind in found)
