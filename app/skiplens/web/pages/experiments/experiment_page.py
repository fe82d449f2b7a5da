"""Shared by the pages of experiments: their record, their context and their frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import TypeAdapter, ValidationError

from skiplens.core.experiment_results import CurvePoint, MeasuredExperiment
from skiplens.core.ladder import DEEPEST, STREAM, stream_name
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.pages import fmt
from skiplens.web.pages.charts import (
    Axis,
    LineChart,
    Mark,
    Point,
    Series,
    count_axis,
    line_chart,
    share_axis,
)
from skiplens.web.pages.context import PageContext, open_page
from skiplens.web.pages.network_page import NetworkPage
from skiplens.web.parameters import ServicesDep, ViewDep

_T = TypeVar("_T")

router: Final = APIRouter(include_in_schema=False, default_response_class=Response)
"""Of every page of an experiment."""


@dataclass(frozen=True)
class LiveDrawing:
    """A drawing under way on the page of an experiment; ``query`` has the page's options."""

    services: Services
    engine: Engine
    forward: ForwardPass
    query: Mapping[str, str]

    def option(self, name: str, kind: TypeAdapter[_T], default: _T) -> _T:
        """An option, checked as the page checks its query parameter.

        Raises:
            InvalidParameterError: the page would refuse it.
        """
        if name not in self.query:
            return default
        try:
            return kind.validate_python(self.query[name])
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            raise InvalidParameterError(f"{name}: {fault['msg']}") from error


Live = Callable[[LiveDrawing], dict[str, str]]
"""Texts and attributes by the keys of ``data-live``."""


@dataclass(frozen=True)
class Experiment:
    """An experiment.

    Attributes:
        name: in addresses.
        title: of its page.
        question: that it answers, one sentence.
        paper: whose figure it reproduces.
        card: its small figure on the index; ``None`` if nothing was measured.
        live: what follows a drawing on its page.
    """

    name: str
    title: str
    question: str
    paper: str
    card: Callable[[PageContext], LineChart | None]
    live: Live


def get_experiment_context(
    services: ServicesDep,
    parameters: ViewDep,
    network: Annotated[str | None, Query(max_length=64)] = None,
    digit: Annotated[str | None, Query(max_length=64)] = None,
) -> PageContext:
    """The network and the digit of the query, by default the residual stream and an input of its
    kind.
    """
    default = STREAM if STREAM in services.registry.manifests else services.registry.default
    engine = services.registry.network(network or default)
    stored = services.digits.get(digit) if digit else services.default_input(engine.manifest)
    return open_page(services, engine, stored, parameters)


ExperimentContextDep = Annotated[PageContext, Depends(get_experiment_context)]


def measured_beside(
    services: Services, experiment: str, third: str
) -> list[tuple[Manifest, MeasuredExperiment, str]]:
    """Measurements of the deepest networks of the ladder and in a third one, of those that are
    loaded, each with the tone of its curve.
    """
    loaded = services.registry.manifests
    tones = {STREAM: "identity", stream_name("plain", DEEPEST): "chain", third: "ink"}
    found = [
        (loaded[name], services.experiments.measured(loaded[name], experiment), tone)
        for name, tone in tones.items()
        if name in loaded
    ]
    return [(network, one, tone) for network, one, tone in found if one is not None and one.curves]


def page_about(
    context: PageContext, experiment: str, network: str, **options: object
) -> str | None:
    """The address of an experiment's page about another network; ``None`` if that is not loaded."""
    if network not in context.services.registry.manifests:
        return None
    return context.links.experiment(experiment, network=network, scale="", **options)


def depth_axis(blocks: int) -> Axis:
    """How many of the blocks are passed."""
    return count_axis("blocks passed", 0, blocks, 1 + blocks // 6)


def point_with_spread(point: CurvePoint, x: float, what: str, run: str) -> Point:
    """The mean of an accuracy over runs, and its standard deviation; ``run`` names one of them."""
    share, spread = fmt.percent(point.mean), fmt.percent(point.spread)
    return Point(
        x,
        point.mean,
        f"{what}: {share} ± {spread} over {fmt.pluralise(point.runs, run)}",
        max(point.mean - point.spread, 0.0),
        min(point.mean + point.spread, 1.0),
    )


def measured_accuracy(
    series: Sequence[Series], digits: int, *, x: str, alt: str, mark: float | None = None
) -> LineChart:
    """Test accuracy against a share, with a value of it marked."""
    return line_chart(
        series,
        x=share_axis(x),
        y=share_axis(f"accuracy on {digits:,} test digits"),
        alt=f"{alt}: {fmt.join_and([one.name for one in series])}",
        marks=[] if mark is None else [Mark(mark, "")],
    )


def experiment_view(
    context: PageContext,
    experiment: Experiment,
    values: Mapping[str, Any],
    options: Mapping[str, object] | None = None,
    current_block: str = "",
) -> NetworkPage:
    """The page of an experiment, whose template has its name; ``options`` stay in its address."""
    kept = dict(options or {})
    return NetworkPage(
        f"experiments/{experiment.name}.html",
        experiment.title,
        context,
        address=lambda links: links.experiment(experiment.name, **kept),
        elsewhere=lambda links: links.experiment(experiment.name),
        part="Experiments",
        current_block=current_block,
        live_options={"experiment": experiment.name, **kept},
        values={"experiment": experiment, **values},
    )
