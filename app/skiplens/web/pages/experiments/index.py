"""All experiments: the index, and what follows a drawing on their pages."""

from types import ModuleType
from typing import Final

from fastapi import Response

from skiplens.errors import InvalidParameterError, quoted
from skiplens.web import links
from skiplens.web.links import Links
from skiplens.web.pages.experiments import (
    classes,
    depth,
    early_exits,
    gradients,
    order,
    removal,
    scale,
    votes,
)
from skiplens.web.pages.experiments.experiment_page import (
    Experiment,
    ExperimentContextDep,
    LiveDrawing,
    router,
)
from skiplens.web.pages.network_page import NetworkPage
from skiplens.web.pages.templating import RespondDep

MODULES: Final[tuple[ModuleType, ...]] = (
    depth,
    removal,
    order,
    scale,
    early_exits,
    votes,
    gradients,
    classes,
)
"""One for each experiment, in the order of the index."""
EXPERIMENTS: Final[dict[str, Experiment]] = {
    module.EXPERIMENT.name: module.EXPERIMENT for module in MODULES
}
INDEX: Final = "index"


def _address(view: Links) -> str:
    return view.experiments(network=view.network, **view.query)


@router.get(links.EXPERIMENTS)
def index(respond: RespondDep, context: ExperimentContextDep) -> Response:
    """The question of each experiment, and a figure."""
    view = context.links
    cards = [
        (experiment, view.experiment(experiment.name), experiment.card(context))
        for experiment in EXPERIMENTS.values()
    ]
    page = NetworkPage(
        "experiments/index.html",
        "Experiments",
        context,
        address=_address,
        elsewhere=_address,
        part="Experiments",
        live_options={"experiment": INDEX},
        values={
            "cards": cards,
            "rungs": depth.rung_rows(context.services, context.forward.digit, view),
            "sentence": depth.describe_ladder(context.services.experiments.ladder),
            "removal": removal.few_to_remove(
                context.services.experiments, context.engine.manifest, view, _address
            ),
            "removal_sentence": removal.describe_removal(context.engine, context.forward)
            if context.forward.scales.off
            else removal.describe_least_needed(
                context.services.experiments, context.engine.manifest
            ),
        },
    )
    return respond(page)


ROUTES: Final = router.routes  # of every experiment, as their modules are imported above


def live_values(name: str, drawn: LiveDrawing) -> dict[str, str]:
    """Values that follow a drawing on the page of an experiment, or on the index.

    Raises:
        InvalidParameterError: there is no such experiment, or its page has no such option.
    """
    if name == INDEX:
        return depth.live(drawn)  # of the others, the index shows what was measured
    if name not in EXPERIMENTS:
        raise InvalidParameterError(
            f"experiment must be one of {', '.join((INDEX, *EXPERIMENTS))}; got {quoted(name)}"
        )
    return EXPERIMENTS[name].live(drawn)
