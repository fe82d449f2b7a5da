"""The compose file that puts nginx in front, and whether nginx takes its configuration."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from skiplens.settings import Settings
from tests.contracts.dockerfile import ROOT


class Loader(yaml.SafeLoader):
    """Knows the tag with which a list replaces that of the other file."""


def replacing(loader: Loader, node: yaml.SequenceNode) -> list[Any]:
    items: list[Any] = loader.construct_sequence(node)
    return items


Loader.add_constructor("!override", replacing)

TEXT = (ROOT / "deploy" / "compose.nginx.yaml").read_text()
OVERLAY: dict[str, Any] = yaml.load(TEXT, Loader)  # noqa: S506  # which is a safe one
SERVE, NGINX = OVERLAY["services"]["serve"], OVERLAY["services"]["nginx"]
MOUNTS = dict(volume.split(":")[:2] for volume in NGINX["volumes"])


def test_nginx_shares_the_servers_network_and_is_published_on_this_machine_alone() -> None:
    base = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert NGINX["network_mode"] == "service:serve"
    assert "serve" in base["services"]
    assert "nginx" not in base["services"]
    assert SERVE["ports"] == ["127.0.0.1:8080:80"]


def test_every_variable_is_a_setting_and_the_path_is_that_of_nginx() -> None:
    variables = SERVE["environment"]
    names = {f"SKIPLENS_{name.upper()}" for name in Settings.model_fields}
    assert set(variables) <= names
    locations = (ROOT / "deploy" / "nginx.conf").read_text()
    assert f"location {variables['SKIPLENS_ROOT_PATH']}/ {{" in locations
    assert f"proxy_set_header {variables['SKIPLENS_CLIENT_HEADER']} " in locations


def test_nginx_is_bounded() -> None:
    assert NGINX["read_only"] is True
    assert NGINX["cap_drop"] == ["ALL"]
    assert NGINX["security_opt"] == ["no-new-privileges:true"]
    assert NGINX["mem_limit"]
    assert all(volume.endswith(":ro") for volume in NGINX["volumes"])


def test_nginx_takes_what_is_mounted(tmp_path: Path) -> None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not on the path")
    (server, locations) = (ROOT / path for path in MOUNTS)
    text = server.read_text().replace(MOUNTS["./deploy/nginx.conf"], str(locations))
    assert str(locations) in text
    whole = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    command = [program, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "syntax is ok" in done.stderr, done.stderr
