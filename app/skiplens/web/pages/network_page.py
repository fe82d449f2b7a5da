"""The frame of every page: its network, its input, their alternatives, and the site's parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.drawing import blank_paper
from skiplens.core.ladder import RUNGS
from skiplens.service.digit_store import InputRecord
from skiplens.service.registry import find_block
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.context import PageContext, known_label
from skiplens.web.pages.digit_tiles import PictureLink, Samples, picture_links, sample_links
from skiplens.web.pages.figures import Picture, input_picture
from skiplens.web.pages.learn import can_be_told
from skiplens.web.pages.network_map import NetworkMap, network_map
from skiplens.web.pages.prediction import PredictionView, prediction_view
from skiplens.web.pages.templating import NetworkLinks, Page

_Item = TypeVar("_Item")

_GREY_PENS: Final = (("white", "#ffffff"), ("grey", "#808080"), ("black", "#000000"))
_PENS: Final = (
    *(("black", "#000000"), ("white", "#ffffff"), ("red", "#d62728"), ("orange", "#ff7f0e")),
    *(("yellow", "#ffd92f"), ("green", "#2ca02c"), ("blue", "#1f77b4"), ("brown", "#8c564b")),
)


@dataclass(frozen=True)
class ScaleControls:
    """Factors of the residual branches to choose from: of one block, and sets of them.

    Each choice is a text, an address, and whether it is in force.
    """

    block: str
    gated: bool
    """Whether the factor multiplies the gate, and not the branch."""
    factor: str
    factors: tuple[tuple[str, str, bool], ...]
    sets: tuple[tuple[str, str, bool], ...]


def site_sections(services: Services, links: Links, compare: str) -> tuple[tuple[str, str], ...]:
    """The parts of the site, for a network and an input, with the address of the comparison."""
    parts = [("Explore", links.gallery()), ("Blocks", links.blocks()), ("Compare", compare)]
    manifest = services.registry.network(links.network).manifest
    if services.indexes.has_dataset and manifest.classifies_digits:
        parts.append(("Test set", links.dataset()))
    if any(map(can_be_told, services.registry.manifests.values())):
        parts.append(("Learn", replace(links, scales=AS_TRAINED).learn()))
    parts.append(("Experiments", links.experiments()))
    return tuple(parts)


@dataclass(frozen=True)
class SitePage(Page):
    """A page about no network: the header leads to the default one, and to all others."""

    services: Services

    @cached_property
    def _links(self) -> Links:
        first = self.services.registry.networks[0].manifest
        return Links(first.id, self.services.default_input(first).image.id)

    @property
    def sections(self) -> tuple[tuple[str, str], ...]:
        """The parts of the site, for the network and the input of the first page."""
        return site_sections(self.services, self._links, addresses.at(addresses.COMPARE))

    @property
    def networks(self) -> NetworkLinks:
        """The networks to choose from."""
        found = network_links(self.services, self._links, Links.gallery)
        return tuple((manifest, address, False) for manifest, address, _ in found)


@dataclass(frozen=True)
class CandidateLink:
    """Something in an uploaded image that may be the digit meant.

    Attributes:
        digit: its id.
        href: this page about it.
        box: x, y, width and height of its strokes in the image, pixels.
        current: whether the page is about it.
    """

    digit: str
    href: str
    box: str
    current: bool


@dataclass(frozen=True)
class NetworkPage(Page):
    """A page about a network and an input, in the frame that all of them share.

    ``values`` is what the template shows in the frame, read as attributes.
    """

    context: PageContext
    address: Callable[[Links], str] = Links.gallery
    """This page under other links."""
    elsewhere: Callable[[Links], str] = Links.gallery
    """The page of another network."""
    part: str = field(default="Explore", kw_only=True)
    current_block: str = ""
    """Name of the block that the page is about, if any."""
    layer_name: str | None = None
    """The layer that the page is about, if any."""
    live_options: Mapping[str, object] = field(default_factory=dict)
    """What the page asks for besides, while one draws."""

    @property
    def links(self) -> Links:
        """Of the network and the input."""
        return self.context.links

    @property
    def live(self) -> str:
        """Where the page asks for its changes while one draws."""
        return self.links.live_page(**self.live_options)

    @property
    def store(self) -> str:
        """Where the page sends a drawing."""
        return addresses.drawings(None if self.takes_digits else self.links.network)

    @property
    def input_template(self) -> str:
        """Address of an input as the page shows it, with the placeholder ``{digit}``."""
        return addresses.input_png("{digit}", None if self.takes_digits else self.links.network)

    @property
    def paper(self) -> str:
        """Colour where nothing is drawn on an image."""
        red, *rest = blank_paper((1, 1, self._channels)).ravel().tolist()
        return "#{:02x}{:02x}{:02x}".format(red, *(rest or (red, red)))

    @property
    def pens(self) -> tuple[tuple[str, str], ...]:
        """Names and colours to draw in over an image, the first for a start."""
        return _PENS if self._channels > 1 else _GREY_PENS

    @property
    def _channels(self) -> int:
        return self.context.forward.manifest.input_shape[2]

    @property
    def card(self) -> str:
        """A picture of the view, for sites on which its address is shared."""
        return self.links.card(self.layer_name)

    @property
    def sections(self) -> tuple[tuple[str, str], ...]:
        """The parts of the site, for this network and input."""
        other = self.links.with_digit(confusable_sample(self.context))
        return site_sections(self.context.services, self.links, self.links.compare(other))

    @property
    def networks(self) -> NetworkLinks:
        """The networks to choose from."""
        return network_links(self.context.services, self.links, self.elsewhere)

    @property
    def stored(self) -> InputRecord:
        """The input."""
        return self.context.stored

    @property
    def noun(self) -> str:
        """What the network's input is called."""
        return self.context.forward.manifest.noun

    @property
    def takes_digits(self) -> bool:
        """Whether the network takes digits, or else other images."""
        return self.context.forward.manifest.takes_digits

    @cached_property
    def input(self) -> Picture:
        """The input as the network gets it."""
        return input_picture(self.context.forward)

    @cached_property
    def pictures(self) -> list[PictureLink]:
        """Images that the user gave, for this page."""
        return picture_links(
            self.context, self.links.digit, lambda image: self.address(self.links.with_digit(image))
        )

    @cached_property
    def samples(self) -> "Samples":
        """Other inputs for this page."""
        return sample_links(
            self.context.services.digits.samples,
            self.links.digit,
            lambda digit: self.address(self.links.with_digit(digit)),
        )

    @cached_property
    def prediction(self) -> "PredictionView":
        """The network's prediction for the input."""
        return prediction_view(self.context.services, self.context.forward, self.context.find)

    @property
    def verdict(self) -> str:
        """Whether the prediction is right, if that is known."""
        forward = self.context.forward
        label = known_label(self.context.stored, forward.manifest)
        if label is None:
            return ""
        right = label == forward.label
        return f"right, labelled {label}" if right else f"✗ wrong, labelled {label}"

    @property
    def candidates(self) -> list[CandidateLink]:
        """Candidate digits in the uploaded image, most likely first."""
        stored = self.context.stored
        return [
            CandidateLink(
                one.digit,
                self.address(self.links.with_digit(one.digit)),
                " ".join(map(str, one.box)),
                one.digit == stored.image.id,
            )
            for one in stored.candidates
        ]

    @cached_property
    def mistakes(self) -> tuple[str, str] | None:
        """The test digits before and after this one that the network classifies wrongly."""
        return _mistakes(self.context, self.address)

    @cached_property
    def network_map(self) -> NetworkMap:
        """The network map."""
        return network_map(self.context.forward, self.links, self.address, self.current_block)

    @cached_property
    def scale(self) -> ScaleControls | None:
        """The controls of the branches; ``None`` if no branch can be scaled."""
        return _scale_controls(self.context, self.address, self.current_block)

    @property
    def address_fields(self) -> list[tuple[str, object]]:
        """What a form passes on that stays on the page, name and value."""
        own = parse_qsl(urlsplit(self.address(self.links)).query)
        found = {**dict(self.hidden_options()), **dict(own)}
        return [(name, value) for name, value in found.items() if name != "find"]

    def hidden_options(self) -> list[tuple[str, object]]:
        """What every form passes on, name and value."""
        return [(name, value) for name, value in self.links.query.items() if value]


def confusable_sample(context: PageContext) -> str:
    """A sample of the class that comes second for the page's input, else the first other sample."""
    forward, samples = context.forward, context.services.samples(context.forward.manifest)
    others = {digit: stored for digit, stored in samples.items() if digit != forward.digit.id}
    second = int(forward.probabilities.argsort()[-2])
    confusable = [
        digit for digit, one in others.items() if known_label(one, forward.manifest) == second
    ]
    return next(iter([*confusable, *others]), forward.digit.id)


def _mistakes(context: PageContext, address: Callable[[Links], str]) -> tuple[str, str] | None:
    indexes, position = context.services.indexes, context.stored.dataset_index
    if position is None or not context.engine.manifest.classifies_digits:
        return None
    if indexes.progress(context.engine).state != "ready":
        return None
    labels = indexes.dataset.split.labels
    wrong = np.flatnonzero(indexes.dataset_index(context.engine).predictions != labels)
    if not len(wrong):
        return None
    before = wrong[np.searchsorted(wrong, position, "left") - 1]
    after = wrong[np.searchsorted(wrong, position, "right") % len(wrong)]
    ids = indexes.dataset.ids
    before_href, after_href = (
        address(context.links.with_digit(ids[int(at)])) for at in (before, after)
    )
    return before_href, after_href


_FACTORS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)


def _scale_controls(
    context: PageContext, address: Callable[[Links], str], current: str
) -> ScaleControls | None:
    links, manifest = context.links, context.forward.manifest
    switches = manifest.disableable_blocks
    if not switches:
        return None
    scaled = [block for block, _ in links.scales.factors]
    block = current if current in switches else [switches[0], *scaled][-1]
    pair = switches[switches.index(block) :][:2]

    def option(label: str, scales: Scales) -> tuple[str, str, bool]:
        return label, address(replace(links, scales=scales)), scales == links.scales

    return ScaleControls(
        block=block,
        gated=find_block(manifest, block).gate is not None,
        factor=fmt.branch_factor(links.scales.of(block)),
        factors=tuple(
            (label, href, links.scales.of(block) == factor)
            for factor in _FACTORS
            for label, href, _ in [
                option(fmt.branch_factor(factor), links.scales.with_factor(block, factor, switches))
            ]
        ),
        sets=(
            option("as trained", AS_TRAINED),
            option(f"{block} off", manifest.scaled([block])),
            *(
                [option(f"{fmt.join_and(pair)} off", manifest.scaled(pair))]
                if len(pair) > 1
                else []
            ),
            *([option("all off", manifest.scaled(switches))] if len(switches) > 1 else []),
        ),
    )


def network_links(
    services: Services, links: Links, address: Callable[[Links], str]
) -> NetworkLinks:
    """The networks to choose from; ``address`` picks the page that each of them leads to.

    Of the ladder's networks only the deepest two are among them, and the current one.
    """
    manifests = [
        manifest
        for name, manifest in services.registry.manifests.items()
        if name not in RUNGS or name == links.network
    ]
    return tuple(
        (manifest, address(links.with_network(manifest)), manifest.id == links.network)
        for manifest in manifests
    )


def neighbour_links(
    items: Sequence[_Item], current: _Item, address: Callable[[_Item], str]
) -> tuple[tuple[_Item, str] | None, ...]:
    """The items before and after one of them, with their pages."""
    at = items.index(current)
    return tuple(
        (items[place], address(items[place])) if 0 <= place < len(items) else None
        for place in (at - 1, at + 1)
    )
