"""The page of the data set: how a network reads its digits, and the digits themselves."""

from dataclasses import dataclass
from typing import ClassVar

from app.engine.protocol import Engine
from app.service.dataset.browsing import Choice, Listing, browse
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.service.dataset.indexes import Progress
from app.service.services import Services
from app.web import urls
from app.web.api.dataset import BrowsingParameters
from app.web.pages import dataset_words as words
from app.web.pages import shell
from app.web.pages.confusion import Confusion, confusion_table
from app.web.pages.read_tiles import Tiles, read_tiles
from app.web.pages.shell import ViewPage
from app.web.pages.view import View


@dataclass(frozen=True)
class Option:
    """One option of a chooser."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Chooser:
    """A field to choose by: its name, the words before it, and what there is to choose."""

    name: str
    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Chosen:
    """The digits that were chosen.

    Attributes:
        title: which they are.
        extent: how many, and which of them are on this page.
        empty: why there is none; nothing where there are some.
        all: the page of every digit; nothing where this is it.
        before: the page before, if any.
        after: the page after, if any.
        choosers: of what is shown.
        tiles: the digits of this page.
    """

    title: str
    extent: str
    empty: str | None
    all: str | None
    before: str | None
    after: str | None
    choosers: tuple[Chooser, ...]
    tiles: Tiles


@dataclass(frozen=True)
class DatasetPage(ViewPage):
    """The data set.

    Attributes:
        action: where the choosers lead.
        hidden: what they hand on: name and value.
        home: the gallery.
        progress: how far the index is.
        state_url: where a script asks for that.
        summary: how the network reads the digits; nothing until that is known.
        confusion: how many digits of each label are read as each class.
        chosen: the digits that were chosen.
        samples: the samples, to look at until then.
    """

    template: ClassVar[str] = "dataset.html"

    action: str
    hidden: tuple[tuple[str, str], ...]
    home: str
    progress: Progress
    state_url: str
    summary: str | None
    confusion: Confusion | None
    chosen: Chosen | None
    samples: Tiles | None


def dataset_page(
    services: Services, engine: Engine, view: View, parameters: BrowsingParameters
) -> DatasetPage:
    """The page of the data set; ``view`` says how grids are drawn behind the links.

    Raises:
        NoDatasetError: there is no data set.
        InvalidParameterError: there is no such page of digits.
    """
    indexes, manifest = services.indexes, engine.manifest
    progress = indexes.progress(engine)
    summary, confusion, chosen, samples = None, None, None, None
    if progress.state == "ready":
        collection, index = indexes.dataset, indexes.of_dataset(engine)
        counts = index.confusion(collection.split.labels)
        summary = words.summary(int(counts.trace()), len(collection))
        confusion = confusion_table(counts, manifest.classes, view, parameters.choice)
        listing = browse(collection, index, parameters.choice, parameters.page)
        chosen = _chosen(collection, index, listing, view, parameters)
    elif len(indexes.samples):
        places = tuple(range(len(indexes.samples)))
        samples = read_tiles(indexes.samples, indexes.of_samples(engine), places, view)
    return DatasetPage(
        title=f"The test set in {manifest.title}",
        **{
            **vars(shell.shell(services, view)),
            "networks": shell.network_links(services, view, View.dataset),
        },
        action=urls.dataset_page(manifest.id),
        hidden=tuple(
            (name, str(view.query[name])) for name in ("normalize", "palette") if view.query[name]
        ),
        home=view.gallery(),
        progress=progress,
        state_url=urls.api_dataset(manifest.id),
        summary=summary,
        confusion=confusion,
        chosen=chosen,
        samples=samples,
    )


def _chosen(
    collection: Collection,
    index: Index,
    listing: Listing,
    view: View,
    parameters: BrowsingParameters,
) -> Chosen:
    choice = parameters.choice
    kept = {**_fields(choice), "order": None if choice.order is Choice().order else choice.order}
    before, after = listing.page - 1, listing.page + 1
    return Chosen(
        title=words.title(choice),
        extent=words.extent(listing),
        empty=None if listing.total else words.empty(choice),
        all=None if choice == Choice() else f"{view.dataset()}#digits",
        before=f"{view.dataset(**kept, page=before)}#digits" if before else None,
        after=f"{view.dataset(**kept, page=after)}#digits" if after <= listing.pages else None,
        choosers=_choosers(choice),
        tiles=read_tiles(collection, index, listing.places, view),
    )


def _choosers(choice: Choice) -> tuple[Chooser, ...]:
    fields = _fields(choice)
    return tuple(
        Chooser(
            name,
            title,
            tuple(Option(value, text, value == fields[name]) for value, text in options),
        )
        for name, title, options in words.CHOOSERS
    )


def _fields(choice: Choice) -> dict[str, str]:
    """A choice as the fields of a form; what is left open is empty."""
    return {
        "label": "" if choice.label is None else str(choice.label),
        "prediction": "" if choice.prediction is None else str(choice.prediction),
        "wrong": "" if choice.wrong is None else str(choice.wrong).lower(),
        "order": choice.order.value,
    }
