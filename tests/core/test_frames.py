import json
import struct

import numpy as np
import pytest

from skiplens.core.file_formats import pack


@pytest.mark.parametrize("text", ["{}", '{"a":1}', '{"ab":1}', '{"abc":1}', '{"é":1}'])
def test_a_header_is_filled_up_so_that_what_follows_is_aligned(text: str) -> None:
    packed = pack(text.encode(), ())
    (length,) = struct.unpack_from("<I", packed)
    assert len(packed) == 4 + length
    assert length % 4 == 0
    assert json.loads(packed[4:]) == json.loads(text)


def test_arrays_follow_row_by_row_with_the_lowest_byte_first() -> None:
    pixels = np.array([[1, 2], [3, 4]], np.uint8)
    maps = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    packed = pack(b"{}", (pixels.T, maps.astype(">f4")))
    assert packed[8:12] == bytes([1, 3, 2, 4])
    np.testing.assert_array_equal(np.frombuffer(packed, "<f4", offset=12), np.arange(6))
