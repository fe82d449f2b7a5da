"""skiplens: see inside a residual network."""

import os

# NumPy reads it once, when it is imported. What a request works out is small: spread over cores it
# waits for them, thousands of times as long as it takes where others keep them busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
