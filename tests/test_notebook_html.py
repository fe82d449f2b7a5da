"""What notebooks show: the example that ships, executed, and where it finds a server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request, urlopen

import pytest

import skiplens
from skiplens.notebook_html import address_in_notebook, iframe
from skiplens.settings import ROOT

EXAMPLE = ROOT / "examples" / "inside_a_residual_network.ipynb"


def html_of(cell: dict[str, object]) -> str:
    """What a cell shows, as HTML."""
    outputs = cell["outputs"]
    assert isinstance(outputs, list)
    return "".join("".join(output["data"]["text/html"]) for output in outputs)


def test_the_example_runs_and_shows_pictures_that_need_no_server(tmp_path: Path) -> None:
    executed = tmp_path / "executed.ipynb"
    program = Path(sys.executable).with_name("jupyter-execute")
    done = subprocess.run(
        [program, "--timeout=120", "--kernel_name=python3", f"--output={executed}", EXAMPLE],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "app"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "SKIPLENS_STATE_DIR": str(tmp_path / "state"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cells = {one["id"]: one for one in json.loads(executed.read_text(encoding="utf-8"))["cells"]}
    opened = html_of(cells["open"])
    assert "<svg" in opened
    assert 'src="data:image/png;base64,' in opened
    assert '<iframe src="http://127.0.0.1:' in opened
    assert "block2: x, F(x), their sum and the output" in html_of(cells["switch"])
    assert "(28, 28, 16) strongest filter:" in cells["maps"]["outputs"][0]["text"][0]


def test_a_server_opened_under_jupyterhub_is_shown_below_the_path_of_its_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPLENS_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("SKIPLENS_PORT", raising=False)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    with skiplens.open() as opened:
        path = address_in_notebook(opened.url, os.environ)
        headers = {"Host": "hub.example", "X-Forwarded-Prefix": path.rstrip("/")}
        with urlopen(Request(opened.url, headers=headers)) as answer:  # noqa: S310  # our own
            page = answer.read().decode()
            policy = answer.headers["Content-Security-Policy"]
    assert f'href="{path}networks/mnist-resnet/' in page
    assert "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*" in policy


def test_a_server_is_found_where_the_browser_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:8123/"
    assert address_in_notebook(url, {}) == url
    hub = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
    assert address_in_notebook(url, hub) == "/user/ada/proxy/8123/"
    asked: list[str] = []

    def eval_js(script: str) -> str:
        asked.append(script)
        return "https://colab.example/8123/"

    colab = SimpleNamespace(output=SimpleNamespace(eval_js=eval_js))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert address_in_notebook(url, {}) == "https://colab.example/8123/"
    assert asked == ["google.colab.kernel.proxyPort(8123)"]
    assert 'src="https://colab.example/?a=1&amp;b=2"' in iframe("https://colab.example/?a=1&b=2")
