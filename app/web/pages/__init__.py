"""The pages: server-rendered, usable without JavaScript."""

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Add the pages, the static files and the API's interactive documentation to the app."""
