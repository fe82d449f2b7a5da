"""skiplens: see inside a residual network."""

import os
from typing import TYPE_CHECKING, Any

# NumPy reads it once, on import. Requests compute on small arrays: with several threads they would
# wait for busy cores, for thousands of times their own duration.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if TYPE_CHECKING:
    from skiplens.client import Client
    from skiplens.open_network import open_network as open  # noqa: A004  # as the command is named

__all__ = ["Client", "open"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever is exported
    # Imported when it is asked for: a process that decodes images starts without it.
    if name == "Client":
        from skiplens.client import Client

        return Client
    if name == "open":
        from skiplens.open_network import open_network

        return open_network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
