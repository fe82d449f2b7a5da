"""``python -m skiplens`` is the command line."""

from skiplens.cli import main

main()
