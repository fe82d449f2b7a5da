"""API routes for gradients: at each block's input, and at each step of a sequence."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from skiplens.errors import NoSequenceError
from skiplens.service.gradients import BlockGradient, gradient_by_path, gradient_by_step
from skiplens.web.api.activations import VIEW
from skiplens.web.api.routing import EXAMPLE, Router
from skiplens.web.api.schemas import Joined
from skiplens.web.parameters import ForwardPassDep, NetworkDep

Target = Annotated[
    int | None, Query(description="index of a class; the predicted one by default", examples=[7])
]
router = Router("blocks")


class GradientByPath(BaseModel):
    """Norms of the gradient of a class's logit at every block's input, by path."""

    target: str = Field(description="Class whose logit is differentiated")
    blocks: tuple[BlockGradient, ...] = Field(description="Every block, in forward order")


class StepGradient(Joined):
    """Norms of the gradient at one step of a sequence."""

    records = ("gradient",)
    left_out = frozenset({"block"})  # the same at every step
    gradient: BlockGradient
    step: int = Field(description="Step of the sequence, from 0: in mnist-rows a row of the digit")


class GradientByStep(BaseModel):
    """Norms of the gradient of a class's logit at each step of the first block's input."""

    target: str = Field(description="Class whose logit is differentiated")
    block: str = Field(description="Name of the first block")
    steps: tuple[StepGradient, ...] = Field(description="Every step, from the first to the last")


@router.get(
    f"{VIEW}/gradients",
    summary="Norm of the gradient of a class's logit at each block's input, in total and by path",
)
def get_gradients(
    engine: NetworkDep, forward: ForwardPassDep, target: Target = None
) -> GradientByPath:
    found = gradient_by_path(engine, forward, target)
    return GradientByPath(target=engine.manifest.classes[found.target], blocks=found.blocks)


@router.get(
    f"{VIEW}/gradients/steps",
    summary="The same at each step of a sequence that the first block takes, such as rows",
    openapi_extra={EXAMPLE: {"network": "mnist-rows"}},
)
def get_gradients_by_step(
    engine: NetworkDep, forward: ForwardPassDep, target: Target = None
) -> GradientByStep:
    found = gradient_by_step(engine, forward, target)
    manifest = engine.manifest
    if found is None:
        raise NoSequenceError(
            f"network {manifest.id} has no gradient by step: its first block takes no sequence"
        )
    return GradientByStep(
        target=manifest.classes[found.target],
        block=manifest.blocks[0].name,
        steps=tuple(StepGradient(gradient=one, step=at) for at, one in enumerate(found.blocks)),
    )
