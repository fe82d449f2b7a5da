"""QR codes, read back."""

import cv2
import numpy as np
import pytest

from skiplens.core.share_pictures import qr_code


@pytest.mark.parametrize("text", ["http://192.0.2.7:8000/learn/sum", "http://[2001:db8::1]/learn"])
def test_a_code_says_its_text(text: str) -> None:
    dark = qr_code(text)
    assert dark.shape[0] == dark.shape[1]
    picture = np.kron(np.where(dark, 0, 255), np.ones((8, 8))).astype(np.uint8)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text
