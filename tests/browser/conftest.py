"""One server and one Chromium for all tests; a page that must stay free of errors for each."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.idx import shifted_samples, write_test_set

REQUIRED = "SKIPLENS_REQUIRE_BROWSER"
SERVE = "from skiplens.cli import main; main()"
OpenPage = Callable[..., Page]


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
        assert process.stdout is not None
        started = next((line for line in process.stdout if "skiplens is at" in line), "")
        assert started, (state / "log").read_text(encoding="utf-8")
        address = started.split()[3].rstrip("/")
        assert httpx2.get(f"{address}/readyz").status_code == 200
        yield address
        process.terminate()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server with a small data set, read by every network."""
    folder = tmp_path_factory.mktemp("state")
    data = write_test_set(folder / "mnist", shifted_samples())
    with serving(folder, "--data", str(data)) as address:
        for network in httpx2.get(f"{address}/api/v1/networks").json():
            while httpx2.get(f"{address}{network['url']}/dataset").json()["state"] != "ready":
                pass
        yield address


@pytest.fixture(scope="package")  # Playwright's event loop must be gone before other tests
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        reason = "no chromium on the path"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[OpenPage]:
    """Opens an address in a context of its own.

    Fails the test when the console shows an error, which violations of the policy are, unless it
    was announced by ``allow``.
    """
    errors: list[str] = []

    def opened(
        address: str = "/", *, width: int = 1440, allow: str = "", **context: object
    ) -> Page:
        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and not (allow and allow in message.text):
                errors.append(message.text)

        options = {"viewport": {"width": width, "height": 900}, "base_url": server, **context}
        page = browser.new_context(**options).new_page()  # type: ignore[arg-type]  # a plain dict
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        return page

    yield opened
    for context in browser.contexts:
        context.close()
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
