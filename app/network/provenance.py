"""Says which code made a network, so that a manifest can be traced back."""

import subprocess
from pathlib import Path
from typing import Final

MODIFIED: Final = "-modified"


def code_commit() -> str | None:
    """The commit checked out where this code lives, ``-modified`` where it has been changed since;
    ``None`` outside a git checkout.
    """
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", f"--dirty={MODIFIED}"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
