"""What skiplens costs, as ratios within one run, and how it reads photographs: ``make bench``."""

import skiplens  # noqa: F401  # before NumPy, which it holds to one thread as in the server
