"""The site below a path, behind nginx as the documentation configures it."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, Response, expect

from skiplens.settings import ROOT
from tests.browser.conftest import OpenPage, executable, serving
from tests.browser.drawing import SEVEN, STORE, draw
from tests.browser.pages import wait_until_ready
from tests.browser.test_upload import OWN, bring

PATH = "/tools/skiplens"
SITE = """
pid {folder}/nginx.pid;
error_log stderr;
daemon off;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; {locations} }}
}}
"""


@contextmanager
def nginx(folder: Path, locations: str) -> Iterator[str]:
    """The address of a running nginx with these locations.

    It is given a socket that listens already, so that nobody takes the port in between.
    """
    program = executable(("nginx",))
    config = folder / "nginx.conf"
    command = [program, "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        (folder / "nginx.log").open("w") as log,
    ):
        port, given = listening.getsockname()[1], listening.fileno()
        config.write_text(SITE.format(folder=folder, port=port, locations=locations))
        process = subprocess.Popen(
            command, stderr=log, env={**os.environ, "NGINX": f"{given};"}, pass_fds=[given]
        )
        try:
            address = f"http://127.0.0.1:{port}"
            assert httpx2.get(f"{address}{PATH}/readyz", timeout=60).status_code == 200
            yield address
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx in front of a server at the path, configured as documented."""
    folder = tmp_path_factory.mktemp("documented")
    locations = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    with serving(folder, "--root-path", PATH) as server:
        own = server.removesuffix(PATH)
        with nginx(folder, locations.replace("http://127.0.0.1:8000", own)) as address:
            yield address


def watch(page: Page) -> list[tuple[int, str]]:
    """Answers to requests that a page makes from now on: status and address."""
    answers: list[tuple[int, str]] = []

    def note(response: Response) -> None:
        answers.append((response.status, response.url))

    page.on("response", note)
    return answers


def check(answers: list[tuple[int, str]], site: str) -> None:
    """Everything was asked for below the path, and was there."""
    assert answers
    for status, url in answers:
        assert url.startswith((f"{site}{PATH}/", "blob:", "data:")), url
        assert status < 400, url


def test_the_site_is_used_below_the_path(open_page: OpenPage, documented: str) -> None:
    page = open_page(f"{documented}{PATH}")
    assert page.url == f"{documented}{PATH}/"
    answers = watch(page)
    page.reload()
    wait_until_ready(page)
    page.get_by_role("button", name="dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("]")
    expect(page.locator("h1")).to_be_visible()
    page.locator(f"a[href*='{PATH}/networks/'][href*='/layers/']").first.click()
    page.wait_for_url("**/layers/**")
    wait_until_ready(page)
    page.get_by_role("link", name="API").first.click()
    expect(page.locator("details.operation").first).to_be_visible()
    page.get_by_role("link", name="skiplens", exact=True).click()
    page.wait_for_url(f"{documented}{PATH}/**")
    check(answers, documented)


def test_digits_are_drawn_and_uploaded_below_the_path(
    open_page: OpenPage, documented: str, drawing: Path
) -> None:
    page = open_page(f"{documented}{PATH}/")
    answers = watch(page)
    bring(page, "paste", drawing.read_bytes())
    expect(page.locator(".provenance")).to_have_text(OWN)
    assert re.match(rf"{documented}{PATH}/networks/.*/digits/", page.url)
    wait_until_ready(page)
    with page.expect_response(STORE) as stored:
        draw(page, SEVEN)
    assert stored.value.url == f"{documented}{PATH}/api/v1/digits"
    page.wait_for_url(f"**/digits/{stored.value.json()['id']}*")
    check(answers, documented)


def test_a_form_works_without_javascript_below_the_path(
    open_page: OpenPage, documented: str, drawing: Path
) -> None:
    page = open_page(f"{documented}{PATH}/", java_script_enabled=False)
    answers = watch(page)
    page.get_by_text("Other digits").click()
    page.get_by_label(re.compile("^Your own image")).set_input_files(drawing)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".provenance")).to_have_text(OWN)
    page.get_by_role("button", name="dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    check(answers, documented)


def test_a_proxy_that_takes_the_path_off_names_it(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPLENS_TRUST_PREFIX_HEADER", "true")
    with serving(tmp_path) as server:
        locations = f"""location {PATH}/ {{
          proxy_pass {server}/;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-Prefix {PATH};
        }}"""
        with nginx(tmp_path, locations) as address:
            page = open_page(f"{address}{PATH}/")
            answers = watch(page)
            page.reload()
            wait_until_ready(page)
            check(answers, address)
