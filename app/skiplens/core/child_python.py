"""The command and the variables that run a module of this package in a process of its own."""

import os
import sys
from pathlib import Path
from typing import Final

import skiplens

_PACKAGES: Final = str(Path(skiplens.__file__).parents[1])


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """What runs a module. Python would look for modules in the current folder first (``-P``): a
    ``random.py`` or ``numpy.py`` of the user would be taken for the one that is meant.
    """
    return sys.executable, "-P", "-m", module, *arguments


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, with more, in which the package is found beside the user's."""
    path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}
