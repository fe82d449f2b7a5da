"""One server and one Chromium for all tests; a page that must stay free of errors for each.

No test waits for a silent network, which takes half a second each time: a page is ready when its
scripts have said so and the pictures in view are there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from skiplens.settings import ROOT
from tests.browser.pages import fetch, wait_until_ready
from tests.conftest import wait_until
from tests.idx import shifted_samples, write_test_set

REQUIRED = "SKIPLENS_REQUIRE_BROWSER"
SERVE = "from skiplens.cli import main; main()"
OpenPage = Callable[..., Page]
# The shell is the same engine without windows and tabs: it takes half of the processor's time.
SHELL = ("chromium-headless-shell", "chromium", "chromium-browser")
WHOLE = ("chromium", "chromium-browser", "chromium-headless-shell")
ONE_PROCESS = "--renderer-process-limit=1"  # started once, and scripts stay compiled
expect.set_options(timeout=30_000)  # ms that a page may take on a busy machine


@contextmanager
def serving(state: Path, *options: str) -> Iterator[str]:
    """The address of a real server that keeps its state in a folder."""
    with (
        (state / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", "--port", "0", *options],
            env={**os.environ, "SKIPLENS_STATE_DIR": str(state)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            started = next((line for line in process.stdout if "skiplens is at" in line), "")
            assert started, (state / "log").read_text(encoding="utf-8")
            address = started.split()[3].rstrip("/")
            assert fetch(f"{address}/readyz").status_code == 200
            yield address
        finally:
            process.terminate()


def is_indexed(network: str) -> bool:
    """Whether the network at an address of the API has read the data set."""
    return bool(fetch(f"{network}/dataset").json()["state"] == "ready")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server with a small data set, which two networks have read."""
    folder = tmp_path_factory.mktemp("state")
    data = write_test_set(folder / "mnist", shifted_samples())
    with serving(folder, "--data", str(data)) as address:
        for network in ("mnist-resnet", "mnist-rows"):
            wait_until(partial(is_indexed, f"{address}/api/v1/networks/{network}"))
        yield address


def executable(names: tuple[str, ...]) -> str:
    """The first of these browsers that is on the path; without any, the test is skipped."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = f"none of {', '.join(names)} is on the path"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def launch(
    playwright: Playwright, names: tuple[str, ...], *options: str, without: Sequence[str] = ()
) -> Browser:
    """A headless browser, the first that is there; ``without`` are options of Playwright's."""
    return playwright.chromium.launch(
        executable_path=executable(names),
        args=["--no-sandbox", *options],
        ignore_default_args=list(without),
    )


@pytest.fixture(scope="package")  # Playwright's event loop must be gone before other tests
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium."""
    with launch(playwright, SHELL, ONE_PROCESS) as launched:
        yield launched


@pytest.fixture(scope="package")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium as people have it: the shell fetches more pictures ahead, and keeps no pages."""
    with launch(playwright, WHOLE) as launched:
        yield launched


@pytest.fixture(scope="session")
def axe() -> Path:
    """The checker of accessibility, which npm installs for the tests alone."""
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        reason = "axe-core is not installed: `make setup` with npm on the path does that"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


class Contexts:
    """Browser contexts by their options: opening one costs more than a page in it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._opened: dict[str, BrowserContext] = {}

    def get(self, *, fresh: bool, **options: object) -> BrowserContext:
        """A context with these options, which no test has used if it is to be fresh."""
        if fresh:
            return self._browser.new_context(**options)  # type: ignore[arg-type]  # a plain dict
        key = repr(sorted(options.items()))
        if key not in self._opened:
            self._opened[key] = self.get(fresh=True, **options)
        return self._opened[key]

    def tidy(self) -> None:
        """Close every page and each fresh context, and forget what pages have stored."""
        for context in self._browser.contexts:
            if context not in self._opened.values():
                context.close()
                continue
            for page in context.pages:
                # Asked of the browser: a page that reloads again and again never runs a script.
                browser = context.new_cdp_session(page)
                origin = urlsplit(page.url)._replace(path="", query="", fragment="").geturl()
                stored = {"origin": origin, "storageTypes": "local_storage"}
                browser.send("Storage.clearDataForOrigin", stored)
                page.close()
            context.clear_cookies()


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> Contexts:
    return Contexts(browser)


@pytest.fixture
def open_page(
    contexts: Contexts, server: str, request: pytest.FixtureRequest
) -> Iterator[OpenPage]:
    """Opens an address in a context that it shares with other tests, and tidies up after.

    With the mark ``fresh_context`` the context is the test's own: nothing is in its cache.
    Fails the test when the console shows an error, which violations of the policy are, unless it
    was announced by ``allow``. A ``script`` is run before those of each page.
    """
    errors: list[str] = []
    fresh = request.node.get_closest_marker("fresh_context") is not None

    def opened(
        address: str = "/",
        *,
        width: int = 1440,
        allow: str = "",
        script: str = "",
        **context: object,
    ) -> Page:
        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and not (allow and allow in message.text):
                errors.append(message.text)

        options = {"viewport": {"width": width, "height": 900}, "base_url": server, **context}
        page = contexts.get(fresh=fresh, **options).new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(address)
        if context.get("java_script_enabled", True):
            wait_until_ready(page)
        return page

    yield opened
    contexts.tidy()
    assert errors == []


@pytest.fixture(scope="package")  # Playwright's event loop must be gone before other tests
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a one, dark on light, as a file."""
    import numpy as np
    from PIL import Image

    pixels = np.full((140, 100), 245, np.uint8)
    pixels[20:120, 46:58] = 20
    path = tmp_path_factory.mktemp("drawings") / "one.png"
    Image.fromarray(pixels).save(path)
    return path
