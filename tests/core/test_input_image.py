"""Inputs: digits, and images of any size and colours."""

import hashlib

import numpy as np
import pytest

from skiplens.core.input_image import Digit, Fit, InputContract, InputImage

RED, GREEN = (255, 0, 0), (0, 255, 0)


def halves(height: int, width: int) -> InputImage:
    """Red on the left, green on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, GREEN
    return InputImage.of(pixels)


def test_a_digit_is_the_input_of_its_network_byte_for_byte(digit: Digit) -> None:
    found = digit.as_input()
    assert found.shape == (1, 28, 28, 1)
    assert found.dtype == np.float32
    assert np.array_equal(found[0, :, :, 0], digit.pixels.astype(np.float32) / np.float32(255))


def test_images_of_equal_bytes_and_other_shapes_have_other_ids() -> None:
    rows = np.zeros((2, 6), np.uint8)
    assert InputImage.of(rows).id != InputImage.of(rows.reshape(6, 2)).id
    assert InputImage.of(rows.reshape(2, 2, 3)).id != InputImage.of(rows).id


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)],
    ids=["floats", "two channels", "a row"],
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        InputImage.of(pixels)


@pytest.mark.parametrize(
    ("fit", "corner", "middle_row"),
    [("crop", RED, [RED, RED, GREEN, GREEN]), ("pad", (0, 0, 0), None), ("stretch", RED, None)],
)
def test_another_aspect_is_fitted(
    fit: Fit, corner: tuple[int, ...], middle_row: list[tuple[int, ...]] | None
) -> None:
    found = halves(8, 32).fitted((8, 8, 3), fit)
    assert found.shape == (8, 8, 3)
    assert tuple(found[0, 0]) == corner
    assert tuple(found[4, -1]) == GREEN
    if middle_row:
        assert [tuple(pixel) for pixel in found[4, ::2]] == middle_row


@pytest.mark.parametrize(
    ("side", "across", "down"), [(224, 512, 440), (28, 110, 300), (64, 98, 49)]
)
def test_a_crop_stays_inside_an_image_of_any_size(side: int, across: int, down: int) -> None:
    image = InputImage.of(np.zeros((down, across), np.uint8))
    assert image.fitted((side, side, 1), "crop").shape == (side, side)


def test_colours_follow_the_network(digit: Digit) -> None:
    assert halves(8, 8).fitted((8, 8, 1), "crop").shape == (8, 8)
    coloured = digit.as_input((56, 56, 3))
    assert coloured.shape == (1, 56, 56, 3)
    assert np.array_equal(coloured[..., 0], coloured[..., 2])


def test_the_range_of_values_is_told_by_channel() -> None:
    assert InputContract().ranges == "0 to 1"
    contract = InputContract("image", "bgr", "crop", (1.0, 1.0, 1.0), (-103.939, -116.779, -123.68))
    assert contract.ranges == ("blue -103.9 to 151.1, green -116.8 to 138.2, red -123.7 to 131.3")


def test_the_id_is_the_first_16_hex_digits_of_the_hash_of_the_784_bytes() -> None:
    pixels = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    assert Digit.of(pixels).id == hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    assert Digit.from_bytes(pixels.tobytes()).id == Digit.of(pixels).id


def test_a_digit_keeps_a_read_only_copy() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    digit = Digit.of(pixels)
    pixels[3, 3] = 9
    assert not digit.pixels.any()
    with pytest.raises(ValueError, match="read-only"):
        digit.pixels[0, 0] = 1


def test_input_is_scaled_as_in_training() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[2, 5] = 255
    pixels[2, 6] = 51
    given = Digit.of(pixels).as_input()
    assert given.shape == (1, 28, 28, 1)
    assert given.dtype == np.float32
    assert given[0, 2, 5:7, 0].tolist() == [1.0, np.float32(0.2)]


@pytest.mark.parametrize("wrong", [np.zeros((27, 28), np.uint8), np.zeros((28, 28), np.float32)])
def test_other_shapes_and_types_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(28, 28\)"):
        Digit.of(wrong)
