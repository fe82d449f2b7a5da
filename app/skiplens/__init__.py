"""skiplens: see inside a residual network."""

import os

# NumPy reads it once, on import. Requests compute on small arrays: with several threads they would
# wait for busy cores, for thousands of times their own duration.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
