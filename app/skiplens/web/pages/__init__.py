"""The pages: server-rendered, usable without JavaScript."""

from functools import cache
from typing import Final

from fastapi import FastAPI

from skiplens.web.pages import live, routes, templating
from skiplens.web.pages.assets import load_assets
from skiplens.web.pages.error import problem_page
from skiplens.web.pages.experiments.index import ROUTES
from skiplens.web.pages.learn import classroom
from skiplens.web.pages.templating import Renderer

_ENVELOPE: Final = 1024  # bytes of a multipart body besides the file: its name and the boundaries


def install(app: FastAPI, max_body_bytes: int) -> None:
    """Add the pages, the static files and the API's interactive documentation to the app.

    An uploaded file has to fit into a request of ``max_body_bytes``.
    """
    assets = load_assets()
    most_bytes = max(0, max_body_bytes - _ENVELOPE)
    app.state.renderer = _renderer(most_bytes)
    app.state.problem_page = problem_page
    app.routes[:0] = live.router.routes  # asked most often, and routes are tried in turn
    pages = (routes.router, classroom.router, templating.router)
    for router in (*pages, assets.router()):
        app.routes.extend(router.routes)
    app.routes.extend(ROUTES)


@cache
def _renderer(most_bytes: int) -> Renderer:
    """Apps of one process share their compiled templates."""
    return Renderer(load_assets(), most_bytes)
