"""What a figure of the story is drawn from, and what it shows and asks.

A question is answered by touching the figure: the state of the figure, which the address has, is
judged by what the network does in that state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import Query
from pydantic import FiniteFloat

from skiplens.core.branch_scales import Scales
from skiplens.core.ladder import STREAM
from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.core.two_layer_network import ActivationName
from skiplens.engine.base import Engine
from skiplens.errors import UnknownStepError
from skiplens.service.early_exits_and_votes import reads_rows
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import twin_of
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.learn import adds_blocks, can_be_told
from skiplens.web.pages.learn.two_layer import RANGE
from skiplens.web.pages.network_map import NetworkMap
from skiplens.web.pages.unit import Neighbour, neighbours

_Weight = Annotated[FiniteFloat | None, Query(ge=-RANGE, le=RANGE)]


@dataclass(frozen=True)
class StoryState:
    """How a figure stands: what was pointed at, chosen or dragged; ``None`` where nothing was."""

    at: Annotated[str | None, Query(max_length=16)] = None
    filter: Annotated[int | None, Query(ge=0, le=99_999)] = None
    block: Annotated[str | None, Query(max_length=128)] = None
    x: _Weight = None
    w1: _Weight = None
    w2: _Weight = None
    f: ActivationName = "sigmoid"
    pair: Annotated[str | None, Query(max_length=64)] = None


@dataclass(frozen=True)
class StoryNetworks:
    """The networks that the story is told on."""

    residual: Engine
    """Whose blocks add, and whose first layer is a convolution of the digit."""
    deep: Engine
    """The deepest of the ladder, else of those that have a twin; else the same."""
    twin: Engine | None
    gated: Engine | None
    reader: Engine
    """That reads the digit row by row, by blocks that add; else the first one."""


def story_networks(services: Services) -> StoryNetworks:
    """The networks of the story, among those that are loaded.

    Raises:
        UnknownStepError: there is none that it can be told on.
    """
    engines = services.registry.networks
    residual = next((one for one in engines if can_be_told(one.manifest)), None)
    if residual is None:
        raise UnknownStepError("the story needs a network with residual blocks; none is loaded")
    manifests = [one.manifest for one in engines if one.manifest.no_gradients is None]
    twins = {
        engine.manifest.id: twin_of(engine.manifest, manifests)
        for engine in engines
        if adds_blocks(engine.manifest)
    }
    deepest = max(
        (services.registry.network(name) for name, twin in twins.items() if twin),
        key=lambda engine: (engine.manifest.id == STREAM, len(engine.manifest.blocks)),
        default=residual,
    )
    twin = twins[deepest.manifest.id]
    of_digits = [one for one in engines if one.manifest.takes_digits]
    gated = (one for one in of_digits if any(block.gate for block in one.manifest.blocks))
    readers = (
        one
        for one in of_digits
        if reads_rows(one.manifest) and one.manifest.blocks[0].merge == "add"
    )
    return StoryNetworks(
        residual,
        deepest,
        services.registry.network(twin) if twin else None,
        next(gated, None),
        next(readers, residual),
    )


@dataclass(frozen=True)
class Question:
    """A question, and what the network says to the state of the figure."""

    text: str
    verdict: bool | None
    """``None`` until the figure was touched."""
    remark: str

    @classmethod
    def judged(cls, text: str, *, touched: bool, right: bool, remark: str) -> "Question":
        """The question with its verdict, once the figure was touched."""
        return cls(text, right if touched else None, remark if touched else "")

    def beside(self, other: "Question") -> "Question":
        """The question, open while another one is right: who answers that does not ask this."""
        if other.verdict and not self.verdict:
            return replace(self, verdict=None, remark="")
        return self


@dataclass(frozen=True)
class StepFigure:
    """The figure of a step, its questions, and where it leads in the tool."""

    values: Mapping[str, Any]
    questions: tuple[Question, Question]
    tool: tuple[str, str]
    """Text and address."""
    notes: tuple[tuple[str, str], ...] = ()
    """What a class may ask besides, with answers."""
    finding: str = ""
    """What was measured, in a sentence."""
    map: NetworkMap | None = None
    live: Mapping[str, object] = field(default_factory=dict)
    """What the page asks for besides, while one draws."""


@dataclass(frozen=True)
class Scene:
    """What a figure is drawn from."""

    context: PageContext
    state: StoryState
    networks: StoryNetworks
    address: Callable[..., str]
    """Of the step with its figure in another state."""
    scaled: Callable[[Scales], str]
    """Address of the step with other factors of branches."""

    @property
    def forward(self) -> ForwardPass:
        """Of the digit in the network of the step."""
        return self.context.forward

    @property
    def manifest(self) -> Manifest:
        """Of the network of the step."""
        return self.context.engine.manifest

    @property
    def links(self) -> Links:
        """Of the digit in the network of the step."""
        return self.context.links


def moves(scene: Scene, layer: LayerInfo, position: tuple[int, int]) -> tuple[Neighbour, ...]:
    """Steps of two positions from one on a map, in each direction."""
    return neighbours(layer, position, lambda row, column: scene.address(at=f"{row},{column}"), 2)
