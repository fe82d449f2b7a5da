"""API routes for what experiments found over test digits."""

from typing import Annotated, Literal

from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from skiplens.core.experiment_results import MeasuredExperiment, MeasuredRun
from skiplens.errors import NotMeasuredError
from skiplens.web.api.routing import Router
from skiplens.web.parameters import NetworkDep, ServicesDep

Name = Annotated[
    Literal["removal", "order", "scale", "early-exits"],
    PathParameter(description="name of an experiment", examples=["removal"]),
]

router = Router("experiments")


class DepthExperiment(BaseModel):
    """Networks of several depths."""

    runs: tuple[MeasuredRun, ...] = Field(
        description="Every trained network: with the skip first, from the fewest blocks up"
    )


@router.get(
    "/experiments/depth",
    summary="Accuracy and training of networks of several depths, with the skip and without",
)
def depth(services: ServicesDep) -> DepthExperiment:
    return DepthExperiment(runs=services.experiments.ladder)


@router.get(
    "/networks/{network}/experiments/{experiment}",
    summary="Test accuracy with blocks removed, reordered or scaled, or after each block",
)
def measured(engine: NetworkDep, services: ServicesDep, experiment: Name) -> MeasuredExperiment:
    found = services.experiments.measured(engine.manifest, experiment)
    if found is None:
        raise NotMeasuredError(
            f"experiment {experiment} was not measured with network {engine.manifest.id}: "
            "skiplens experiments does it"
        )
    return found
