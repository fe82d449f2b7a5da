"""What the page of the data set says of the digits that were chosen, and what else there is."""

from typing import Final

from app.service.dataset.browsing import PER_PAGE, Choice, Listing, Order
from app.web.pages import wording

_NUMERALS: Final = tuple((str(one), str(one)) for one in range(10))

# Name in the query, words before it, and value and words of each option.
CHOOSERS: Final[tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = (
    ("label", "Labelled", (("", "any"), *_NUMERALS)),
    ("prediction", "read as", (("", "any"), *_NUMERALS)),
    ("wrong", "show", (("", "all"), ("true", "misread"), ("false", "read correctly"))),
    (
        "order",
        "first",
        (
            (Order.MISTAKES, "the misread, surest first"),
            (Order.CONFIDENCE, "the surest answers"),
            (Order.DOUBT, "the least sure answers"),
            (Order.INDEX, "as in the test set"),
        ),
    ),
)


def summary(correct: int, digits: int) -> str:
    """How a network reads the data set."""
    wrong = digits - correct
    misread = f"misreads {wrong:,}" if wrong else "misreads none"
    return (
        f"This network reads {correct:,} of {digits:,} correctly, "
        f"{wording.percent(correct / digits)}, and {misread}."
    )


def title(choice: Choice) -> str:
    """Which digits were chosen."""
    parts = []
    if choice.label is not None:
        parts.append(f"labelled {choice.label}")
    if choice.prediction is not None:
        parts.append(f"read as {choice.prediction}")
    said = wording.listed(parts) if parts else ""
    if choice.wrong is None:
        return f"Digits {said}" if said else "Every test digit"
    which = "Misread digits" if choice.wrong else "Digits read correctly"
    return f"{which}, {said}" if said else which


def extent(listing: Listing) -> str:
    """How many digits there are, and which of them are on this page."""
    count = wording.plural(listing.total, "digit")
    if listing.pages == 1:
        return count
    first = (listing.page - 1) * PER_PAGE + 1
    return f"{count}, of which {first:,} to {first - 1 + len(listing.places):,}"


def empty(choice: Choice) -> str:
    """Why no digit was found."""
    label, answer = choice.label, choice.prediction
    if label is not None and answer is not None and label != answer and choice.wrong is not False:
        return f"No digit labelled {label} is read as {answer}."
    if choice.wrong and answer is None:
        every = "Every digit" if label is None else f"Every digit labelled {label}"
        return f"{every} is read correctly."
    if choice.wrong and label is None:
        return f"Only digits labelled {answer} are read as {answer}."
    return "No digit is all of this at once."
