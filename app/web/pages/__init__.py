"""The pages: server-rendered, usable without JavaScript."""

from fastapi import FastAPI

from app.web.pages import documents, pictures, theme
from app.web.pages.assets import load_assets
from app.web.pages.errors import ErrorPages
from app.web.pages.rendering import Renderer


def install(app: FastAPI) -> None:
    """Add the pages, the static files and the API's interactive documentation to the app."""
    assets = load_assets()
    renderer = app.state.renderer = Renderer(assets)
    app.include_router(documents.router)
    app.include_router(pictures.router)
    app.include_router(theme.router)
    app.include_router(assets.router())
    app.add_middleware(ErrorPages, renderer=renderer)
