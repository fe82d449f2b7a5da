from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.digit import Digit
from skiplens.core.grid_image import encode_grey
from skiplens.core.manifest import AS_TRAINED
from skiplens.errors import (
    ExportError,
    InvalidParameterError,
    UnknownBlockError,
    UnknownDigitError,
    UnknownNetworkError,
    UnreadableImageError,
)
from skiplens.export.gallery import ExportContext, ExportOptions
from tests.conftest import switched_off

Open = Callable[[ExportOptions], ExportContext]


def test_what_is_left_open_is_as_on_the_first_page(exhibit_of: Open) -> None:
    context = exhibit_of(ExportOptions())
    assert context.engine.manifest.id == "mnist-resnet"
    assert context.stored.label == 3
    assert context.forward.scales == AS_TRAINED
    assert context.forward is context.baseline


def test_a_digit_is_taken_by_its_id(context: ExportContext, digit: Digit) -> None:
    assert context.stored.digit.id == digit.id
    assert context.stored.label == 7


def test_switched_off_blocks_add_nothing_beside_the_whole(context: ExportContext) -> None:
    assert context.forward.scales == switched_off("block2")
    assert not context.forward.activations["block2.residual"].any()
    assert context.baseline.activations["block2.residual"].any()


def test_an_image_is_prepared_and_not_stored(
    exhibit_of: Open, stroke: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "stroke.png"
    path.write_bytes(encode_grey(255 - stroke, 8))
    context = exhibit_of(ExportOptions(image=path))
    assert context.stored.inverted
    with pytest.raises(UnknownDigitError):
        exhibit_of(ExportOptions(digit=context.stored.digit.id))


def test_a_digit_and_an_image_are_one_too_many(exhibit_of: Open, digit: Digit) -> None:
    with pytest.raises(InvalidParameterError, match="digit and image are both given"):
        exhibit_of(ExportOptions(digit=digit.id, image=Path("seven.png")))


def test_an_image_that_is_not_there_is_named(exhibit_of: Open, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"image .*none\.png cannot be opened: No such file"):
        exhibit_of(ExportOptions(image=tmp_path / "none.png"))


def test_a_file_that_is_no_image_is_refused(exhibit_of: Open, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear network,")
    with pytest.raises(UnreadableImageError):
        exhibit_of(ExportOptions(image=path))


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (ExportOptions(network="none"), UnknownNetworkError),
        (ExportOptions(digit="0" * 16), UnknownDigitError),
        (ExportOptions(scale="block99:0"), UnknownBlockError),
    ],
)
def test_unknown_names_are_refused(
    exhibit_of: Open, wish: ExportOptions, error: type[Exception]
) -> None:
    with pytest.raises(error):
        exhibit_of(wish)
