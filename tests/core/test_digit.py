"""The digit and its id."""

import hashlib

import numpy as np
import pytest

from skiplens.core.input_image import Digit


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
