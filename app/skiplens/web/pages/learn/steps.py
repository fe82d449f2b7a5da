"""The story: why a skip helps, in ten steps on one's own digit."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from skiplens.core.colormaps import PaletteName
from skiplens.engine.base import Engine
from skiplens.errors import UnknownStepError, quoted
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.learn import blocks, filters, gradients, pairs, rows
from skiplens.web.pages.learn.classroom import (
    ClassCode,
    ClassDigits,
    Lesson,
    class_code,
    class_digits,
)
from skiplens.web.pages.learn.scene import (
    Scene,
    StepFigure,
    StoryNetworks,
    StoryState,
    story_networks,
)
from skiplens.web.pages.network_map import NetworkMap
from skiplens.web.pages.network_page import NetworkPage, neighbour_links
from skiplens.web.pages.templating import NetworkLinks
from skiplens.web.parameters import (
    PaletteChoice,
    ServicesDep,
    ViewDep,
    ViewParameters,
    parse_scales,
    query_of,
)


@dataclass(frozen=True)
class Step:
    """A step of the story; its words and the markup of its figure bear its name in templates."""

    name: str
    """In its address."""
    title: str
    key: str
    """Its one sentence, for a class."""
    figure: Callable[[Scene], StepFigure]
    network: Callable[[StoryNetworks], Engine] = lambda networks: networks.residual
    follows: bool = True
    """Whether its figure depends on the digit."""
    scales: bool = False
    """Whether its figure switches branches."""
    is_extra: bool = False
    """Whether the story is told without it."""


STEPS: Final = (
    Step(
        "filter",
        "What a filter sees",
        "A filter looks for one small pattern, everywhere.",
        filters.kernel_figure,
    ),
    Step(
        "layer",
        "A layer is many filters",
        "Each filter of a layer looks for another pattern.",
        filters.layer_step,
    ),
    Step(
        "block",
        "Keep x, add a change",
        "A block keeps x and adds a change, F(x).",
        blocks.block_figure,
    ),
    Step(
        "sum", "One pixel, in numbers", "At every pixel: x plus F(x), then ReLU.", blocks.sum_figure
    ),
    Step(
        "switch",
        "Switch a block off",
        "With its branch off, a block just passes x on.",
        blocks.switch_figure,
        scales=True,
    ),
    Step(
        "routes",
        "A second route for the gradient",
        "The skip gives the gradient a second route, past w₂.",
        gradients.routes_figure,
        follows=False,
    ),
    Step(
        "gradients",
        "The gradient, before and after training",
        "How much of the gradient reaches the first block?",
        gradients.gradients_figure,
        lambda networks: networks.deep,
    ),
    Step(
        "depth",
        "How deep a network can go",
        "Does more depth help?",
        pairs.depth_figure,
        follows=False,
    ),
    Step(
        "ablation",
        "Take blocks out, scale them",
        "Take a block out: the other changes still add up.",
        blocks.ablation_figure,
        lambda networks: networks.deep,
        scales=True,
    ),
    Step(
        "meaning",
        "What it means, and what it does not",
        "A second route stays. It is no guarantee.",
        pairs.meaning_figure,
        follows=False,
    ),
    Step(
        "time",
        "The same skip, through time",
        "At each row, the skip adds x to the state.",
        rows.time_figure,
        lambda networks: networks.reader,
        is_extra=True,
    ),
)

COUNT: Final = sum(not step.is_extra for step in STEPS)
"""Steps of the story."""
HANDOUT: Final = "handout"  # in its address, where steps have their name

TERMS: Final = {
    "kernel": "A small grid of weights, here 3 by 3. Training finds the weights.",
    "map": "The picture of all sums: one pixel for each position of the kernel.",
    "filter": "A kernel and the map that it makes.",
    "training": "Many small changes of the weights, each of which makes the answers on known "
    "digits a little better.",
    "layer": "All filters that look at the same input.",
    "ReLU": "The rectifier: a value below zero becomes zero, any other stays.",
    "residual block": "A few layers with a skip past them: their output is added to their input.",
    "skip": "The path past the layers, also called the identity. It leaves x unchanged, or "
    "projects it to another shape.",
    "branch": "The layers beside the skip, which compute F(x).",
    "norm": "The length of many numbers taken as one vector: the root of the sum of their squares.",
    "test accuracy": "The share of digits, none of them seen in training, that the network "
    "classifies correctly.",
    "gradient": "How fast a result changes when a value that it depends on changes.",
    "loss": "How wrong the answers are, as one number. Training makes it small.",
    "sigmoid": "A function with values between 0 and 1. Its slope is at most 1/4.",
    "score": "The network's number for a class, also called logit. Softmax turns all scores into "
    "probabilities.",
    "interval": "A range computed so that 95 of 100 such ranges contain the true accuracy.",
    "recurrent": "Reading a sequence step by step, with the same weights at each step.",
    "state": "What a recurrent layer has kept of the rows it has read.",
    "gate": "A share between 0 and 1 for each value of x, computed by a learned layer.",
}
"""What a term means, shown where it has the pointer or the focus."""


class StoryPage(NetworkPage):
    """A page of the story."""

    @property
    def networks(self) -> NetworkLinks:
        """None to choose from: each step has its own."""
        return ()

    @property
    def count(self) -> int:
        """Of the steps of the story."""
        return COUNT

    @property
    def terms(self) -> dict[str, str]:
        """What each term means."""
        return TERMS


@dataclass(frozen=True)
class LearnPage(StoryPage):
    """A step of the story."""

    step: Step = field(default=STEPS[0], kw_only=True)
    figure: StepFigure = field(kw_only=True)
    is_presented: bool = field(default=False, kw_only=True)
    class_code: ClassCode | None = field(default=None, kw_only=True)
    """Of the step, for a class's own devices."""
    lesson: str | None = field(default=None, kw_only=True)
    """Code under which a class shows its digits."""

    @cached_property
    def network_map(self) -> NetworkMap:
        """The network map, or that of the figure."""
        return self.figure.map or super().network_map

    @property
    def number(self) -> int | None:
        """Of the step, from 1; ``None`` of an extra."""
        return None if self.step.is_extra else STEPS.index(self.step) + 1

    @property
    def progress(self) -> tuple[tuple[str, str, bool], ...]:
        """Title and address of every step, and whether it is this one."""
        return tuple((step.title, self._address_of(step), step is self.step) for step in STEPS)

    @property
    def neighbours(self) -> tuple[tuple[Step, str] | None, ...]:
        """The steps before and after, with their addresses."""
        return neighbour_links(STEPS, self.step, self._address_of)

    @property
    def other_mode(self) -> str:
        """The step for a class, or for oneself."""
        links = self.links.all_on()
        presented = not self.is_presented
        return step_address(links, self.step, presented=presented, lesson=self.lesson)

    @cached_property
    def class_digits(self) -> ClassDigits:
        """The digits that were shown to the class, as links to this step on them."""
        return class_digits(
            self.context.services.digits.shared(self.lesson or ""),
            self.links.digit,
            lambda digit: self.address(self.links.with_digit(digit)),
        )

    @property
    def lesson_address(self) -> str:
        """Where the digit is sent for the class to see it."""
        return addresses.lesson(self.step.name, self.lesson or "")

    @property
    def handout(self) -> str:
        """The whole story on this digit, to be printed."""
        return self.links.all_on().learn(HANDOUT)

    def _address_of(self, step: Step) -> str:
        links = self.links.all_on()
        return step_address(links, step, presented=self.is_presented, lesson=self.lesson)


def step_address(links: Links, step: Step, *, presented: bool, **state: object) -> str:
    """A step with its figure in some state."""
    return links.learn(step.name, **state, present=1 if presented else None)


def find_step(name: str | None) -> Step:
    """The step of that name; the first one without a name.

    Raises:
        UnknownStepError: there is none.
    """
    found = next((step for step in STEPS if name in (None, step.name)), None)
    if found is None:
        raise UnknownStepError(
            f"the story has no step {quoted(str(name))}; its steps are "
            f"{', '.join(step.name for step in STEPS)}"
        )
    return found


@dataclass(frozen=True)
class LearnQuery:
    """The digit, and how the story is shown."""

    digit: Annotated[str | None, Query(max_length=64)] = None
    present: Annotated[str | None, Query(max_length=8)] = None
    lesson: Lesson | None = None


LearnQueryDep = Annotated[LearnQuery, Depends(query_of(LearnQuery))]


def tell(
    step: Step,
    services: Services,
    parameters: ViewParameters,
    query: LearnQuery,
    state: StoryState,
) -> LearnPage:
    """A step on the digit of the query, with its figure in some state."""
    networks = story_networks(services)
    engine = step.network(networks)
    stored = services.digits.get(query.digit) if query.digit else services.default_digit
    scales = parse_scales(engine.manifest, parameters.scale if step.scales else None)
    forward = services.runner.run(engine, stored.image, scales)
    links = parameters.view(engine.manifest, stored.image.id, scales)
    presented = query.present is not None
    context = PageContext(services, engine, stored, forward, links)

    def address(links: Links, **changed: object) -> str:
        return step_address(links, step, presented=presented, lesson=query.lesson, **changed)

    kept = {name: value for name, value in asdict(state).items() if value is not None}
    kept.pop("f" if state.f == "sigmoid" else "", None)
    scene = Scene(
        context,
        state,
        networks,
        partial(address, links),
        lambda other: address(replace(links, scales=other)),
    )
    figure = step.figure(scene)
    first, second = figure.questions
    figure = replace(figure, questions=(first.beside(second), second.beside(first)))
    return LearnPage(
        "learn.html",
        f"{step.title} · Learn",
        context,
        address=partial(address, **kept),
        part="Learn",
        live_options=figure.live,
        values=figure.values,
        step=step,
        figure=figure,
        is_presented=presented,
        lesson=query.lesson,
    )


def get_learn_page(
    services: ServicesDep,
    parameters: ViewDep,
    query: LearnQueryDep,
    state: Annotated[StoryState, Depends(query_of(StoryState))],
    request: Request,
    step: str | None = None,
) -> LearnPage:
    """The step that the path names."""
    page = tell(find_step(step), services, parameters, query, state)
    if page.is_presented and page.lesson:
        return replace(page, class_code=class_code(request, page.step.name, page.lesson))
    return page


LearnPageDep = Annotated[LearnPage, Depends(get_learn_page)]


@dataclass(frozen=True)
class HandoutPage(StoryPage):
    """All steps on one digit, to be printed."""

    steps: tuple[LearnPage, ...] = field(kw_only=True)


def get_handout(
    services: ServicesDep,
    parameters: ViewDep,
    query: LearnQueryDep,
    palette: PaletteName = PaletteName.GREY,
) -> HandoutPage:
    """The whole story, in greys unless another palette is asked for."""
    drawn = replace(parameters, palette=PaletteChoice(palette), scale=None)
    steps = tuple(
        tell(step, services, drawn, LearnQuery(query.digit), StoryState()) for step in STEPS
    )
    return HandoutPage(
        "learn_handout.html",
        "Why a skip helps · Learn",
        steps[0].context,
        address=lambda links: links.learn(HANDOUT),
        part="Learn",
        steps=steps,
    )


HandoutDep = Annotated[HandoutPage, Depends(get_handout)]
