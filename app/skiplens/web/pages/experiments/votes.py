"""Experiment: what the stem and each block add to the score of a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query, Response

from skiplens.core.ladder import STREAM
from skiplens.core.manifest import Manifest, logits_are_a_sum
from skiplens.engine.base import Array, Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.early_exits_and_votes import Votes, votes
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import find_block
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import Axis, LineChart, Point, Series, count_axis, line_chart
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    experiment_view,
    page_about,
    router,
)
from skiplens.web.pages.templating import RespondDep
from skiplens.web.parameters import MAX_LIST_CHARACTERS

_LOGIT: Final = Axis("", tuple((at, f"{at:g}") for at in (-10, 0, 10, 20)), -14, 24)
_FILTER_VOTE: Final = Axis("", tuple((at, f"{at:g}") for at in (-5, 0, 5)), -8, 8)


@dataclass(frozen=True)
class Share:
    """A part of a sum as a bar, from where the sum stood before it; places in percent.

    Attributes:
        key: of its values while one draws.
        name: what adds it.
        href: what the name leads to, if anything.
        value: as text.
        left: where the bar begins.
        width: its length.
        tone: ``adds``, ``takes`` or ``sum``.
        current: whether it is the block whose filters are shown.
    """

    key: str
    name: str
    href: str
    value: str
    left: float
    width: float
    tone: str
    current: bool = False

    def live(self) -> dict[str, str]:
        """Its values while one draws."""
        bar = {"x": f"{self.left:g}%", "width": f"{self.width:g}%", "tone": self.tone}
        return {self.key: self.value} | {f"{self.key}.{name}": text for name, text in bar.items()}


def _share(axis: Axis, key: str, name: str, start: float, value: float, href: str = "") -> Share:
    ends = sorted((axis.place(start), axis.place(start + value)))
    tone = "adds" if value >= 0 else "takes"
    text = f"{value:+.2f}".replace("-", fmt.MINUS)
    return Share(key, name, href, text, ends[0], round(ends[1] - ends[0], 2), tone)


def waterfall(found: Votes, target: int, hrefs: Mapping[str, str]) -> tuple[Share, ...]:
    """The logit of a class, part by part, and at the end itself; ``hrefs`` by block."""
    parts = [("bias", found.bias), ("stem", found.stem)]
    parts += [(one.block, one.total) for one in found.blocks]
    shares, total = [], 0.0
    for at, (name, vote) in enumerate(parts):
        href = hrefs.get(name, "")
        shares.append(_share(_LOGIT, f"votes.part{at}", name, total, float(vote[target]), href))
        total += float(vote[target])
    logit = float(found.logits[target])
    whole = _share(_LOGIT, "votes.logit", "logit", 0.0, logit)
    return (*shares, Share(**vars(whole) | {"tone": "sum"}))


def filter_shares(filters: Array, target: int, hrefs: Sequence[str]) -> tuple[Share, ...]:
    """The contribution of each filter of a block to the logit of a class."""
    return tuple(
        _share(_FILTER_VOTE, f"votes.filter{at}", f"filter {at}", 0.0, float(vote), href)
        for at, (vote, href) in enumerate(zip(filters[:, target], hrefs, strict=True))
    )


def _has_votes(manifest: Manifest) -> bool:
    return logits_are_a_sum(manifest.blocks, manifest.layers)


def _strongest(found: Votes, target: int) -> str:
    """The block that adds most to the logit of a class."""
    return max(found.blocks, key=lambda one: float(one.total[target])).block


def _indices(classes: Sequence[str]) -> dict[str, int]:
    """Each class by what an address calls it: its name, with its number if an earlier class has the
    same name.
    """
    found: dict[str, int] = {}
    for at, name in enumerate(classes):
        found[f"{name} ({at})" if name in found else name] = at
    return found


def _target(manifest: Manifest, forward: ForwardPass, name: str | None) -> int:
    """The index of the class of a query, by default of the predicted one."""
    if not name:
        return forward.label
    found = _indices(manifest.classes)
    if name not in found:
        raise InvalidParameterError(f"class must be one of {', '.join(found)}")
    return found[name]


def live(drawn: LiveDrawing) -> dict[str, str]:
    """The votes for the drawing."""
    engine, forward = drawn.engine, drawn.forward
    if not _has_votes(engine.manifest):
        return {}
    found = votes(forward, engine.weights)
    target = _target(engine.manifest, forward, drawn.query.get("class"))
    block = drawn.query.get("block") or _strongest(found, target)
    filters = _filters(found, find_block(engine.manifest, block).name)
    shares = (
        *waterfall(found, target, {}),
        *filter_shares(filters, target, [""] * len(filters)),
    )
    texts = {"votes.class": engine.manifest.classes[target], "votes.block": block}
    return texts | {key: text for share in shares for key, text in share.live().items()}


def _filters(found: Votes, block: str) -> Array:
    return next(one.filters for one in found.blocks if one.block == block)


def measured_chart(services: Services, manifest: Manifest) -> LineChart | None:
    """The mean vote of stem and blocks for the right class and for the others."""
    found = services.experiments.measured(manifest, "votes")
    if found is None or not found.curves:
        return None
    names = {
        "label": ("for the right class", "identity"),
        "others": ("for each other class", "chain"),
    }
    series = [
        Series(
            names[curve.name][0],
            names[curve.name][1],
            tuple(
                Point(
                    point.x,
                    point.mean,
                    f"{f'block{point.x:g}' if point.x else 'stem'} {names[curve.name][0]}: "
                    f"{fmt.number(point.mean)} ± {fmt.number(point.spread)}",
                    point.mean - point.spread,
                    point.mean + point.spread,
                )
                for point in curve.points
            ),
        )
        for curve in found.curves
    ]
    ends = [end for one in series for point in one.points for end in (point.low, point.high)]
    low, high = min(end for end in ends if end is not None), max(end or 0 for end in ends)
    step = max(1, int((high - low) // 5))
    ticks = range(int(low // step) * step, int(high // step + 2) * step, step)
    return line_chart(
        series,
        x=count_axis("block (0 is the stem)", 0, len(manifest.blocks), 5),
        y=Axis("mean vote", tuple((tick, f"{tick:g}") for tick in ticks), ticks[0], ticks[-1]),
        alt="Mean vote of each block for the right class, and for each other class",
    )


EXPERIMENT: Final = Experiment(
    "votes",
    "Votes",
    "Which blocks vote for the answer, and which against it?",
    "Elhage et al. 2021, the residual stream and direct logit attribution",
    card=lambda context: measured_chart(context.services, context.engine.manifest),
    live=live,
)


@router.get(addresses.experiment_page(EXPERIMENT.name))
def votes_page(
    respond: RespondDep,
    context: ExperimentContextDep,
    target: Annotated[str | None, Query(alias="class", max_length=MAX_LIST_CHARACTERS)] = None,
    block: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """The logit of a class as a sum, and the filters of one block."""
    manifest = context.engine.manifest
    chosen = find_block(manifest, block).name if block else None
    options = {"class": target, "block": chosen}
    kept = {name: value for name, value in options.items() if value}
    at = _target(manifest, context.forward, target)
    values: dict[str, object] = {
        "measured": measured_chart(context.services, manifest),
        "stream": page_about(context, EXPERIMENT.name, STREAM),
        "parts": (),
    }
    if _has_votes(manifest):
        values |= _values(context, at, chosen, kept)
    return respond(experiment_view(context, EXPERIMENT, values, kept, chosen or ""))


def _values(
    context: PageContext, target: int, chosen: str | None, kept: Mapping[str, str]
) -> dict[str, object]:
    """The page's values for a network whose logits are a sum."""
    engine, links, classes = context.engine, context.links, context.engine.manifest.classes
    found = votes(context.forward, engine.weights)
    block = chosen or _strongest(found, target)

    def page(**options: object) -> str:
        return links.experiment(EXPERIMENT.name, **{**kept, **options})

    blocks = {one.name: page(block=one.name) for one in engine.manifest.blocks}
    parts = waterfall(found, target, blocks)
    filters = _filters(found, block)
    return {
        "parts": [Share(**vars(one) | {"current": one.name == block}) for one in parts],
        "zero": _LOGIT.place(0),
        "target": classes[target],
        "classes": [
            (classes[at], page(**{"class": name}), at == target)
            for name, at in _indices(classes).items()
        ],
        "block": block,
        "block_href": links.block(block),
        "filters": filter_shares(filters, target, _filter_hrefs(engine, links, block)),
        "filter_zero": _FILTER_VOTE.place(0),
        "sentence": _describe(found, target, classes[target]),
    }


def _filter_hrefs(engine: Engine, links: Links, block: str) -> list[str]:
    residual = find_block(engine.manifest, block).residual
    layer = next(layer for layer in engine.manifest.layers if layer.name == residual)
    return [links.filter(residual, at) for at in range(layer.filters)]


def _describe(found: Votes, target: int, name: str) -> str:
    """The number of blocks that make most of the logit."""
    ordered = sorted(found.blocks, key=lambda one: -float(one.total[target]))
    logit = f"The logit of class {name} is {fmt.number(float(found.logits[target]))}."
    if len(ordered) == 1:
        return f"{logit} {ordered[0].block} adds {fmt.number(float(ordered[0].total[target]))}."
    first = [one.block for one in ordered[:2]]
    share = sum(float(one.total[target]) for one in ordered[:2])
    against = sum(float(one.total[target]) < 0 for one in found.blocks)
    count = len(found.blocks)
    return (
        f"{logit} {fmt.join_and(first)} add most to it, {fmt.number(share)} together; {against} of "
        f"{count} blocks subtract from it."
    )
