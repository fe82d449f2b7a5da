"""QR codes."""

import cv2
import numpy as np
from numpy.typing import NDArray


def qr_code(text: str) -> NDArray[np.bool_]:
    """The modules of the QR code of a text, bool ``(side, side)``, true where dark.

    Around it is a light margin of two modules; readers want four (ISO/IEC 18004).
    """
    modules = np.asarray(cv2.QRCodeEncoder.create().encode(text))
    dark: NDArray[np.bool_] = modules == 0
    return dark
