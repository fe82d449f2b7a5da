"""skiplens on Ray Serve: started as users start it, and ended with all that it started."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import yaml

from skiplens.settings import ROOT
from tests.conftest import MODELS, PATIENCE, wait_until
from tests.ray_session import RaySession, ray_session

NETWORKS: Final = ("mnist-resnet", "mnist-classic", "mnist-plain", "mnist-rows", "mnist-stream")
"""Those that the API's tests name. Each has a process, and ``mnist-resnet`` has two."""
FAST: Final = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
"""As ``deploy/ray.yaml`` says."""
SECONDS: Final = 300
"""In which Ray starts on a busy machine, or adds a replica."""
SCALED: Final = "mnist-classic"
"""It gets a second replica while anybody uses it."""
_AT_ONCE: Final = {
    "min_replicas": 1,
    "max_replicas": 2,
    "target_ongoing_requests": 0.1,
    "look_back_period_s": 11,
    "upscale_delay_s": 0,
    "downscale_delay_s": 0,
}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def config(port: int) -> dict[str, Any]:
    """``deploy/ray.yaml`` at a port, with two replicas of each that it names, and one or two of
    :data:`SCALED`.
    """
    given: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text())
    given["http_options"]["port"] = port
    deployments = given["applications"][0]["deployments"]
    for deployment in deployments:
        del deployment["autoscaling_config"]
        deployment["num_replicas"] = 2
    deployments.append({"name": SCALED, "autoscaling_config": _AT_ONCE})
    return given


class RayServe:
    """``serve run``, with a database of its own."""

    def __init__(self, session: RaySession, database_url: str) -> None:
        self._session = session
        self.port = free_port()
        file = session.folder / "ray.yaml"
        file.write_text(yaml.safe_dump(config(self.port)))
        self._log = session.folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("serve"), "run", file],
                cwd=ROOT,
                env=self._environment(database_url),
                stdout=log,
                stderr=log,
            )
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE)

    def _environment(self, database_url: str) -> dict[str, str]:
        models = self._session.folder / "models"
        models.mkdir()
        for name in (*NETWORKS, "ladder.json"):
            (models / name).symlink_to(MODELS / name)
        given = self._session.environment(
            models_dir=models,
            state_dir=self._session.folder / "state",
            database_url=database_url,
            wait_seconds=30,
        )
        return {
            **given,
            **FAST,
            "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
            "RAY_worker_niceness": "0",  # 15 by default, which starves it on a busy machine
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        }

    def started(self) -> bool:
        """Whether it answers.

        Raises:
            AssertionError: it has ended.
        """
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        try:
            return self.client.get("/readyz").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def replicas(self, deployment: str) -> list[int]:
        """Process ids of those that run."""
        title = f"ray::ServeReplica:skiplens:{deployment}"
        return [pid for pid, command in self._session.processes() if command.startswith(title)]

    def stop(self) -> None:
        """Stop the process that was started; its session ends the others."""
        self.client.close()
        self._process.kill()
        self._process.wait()


@contextmanager
def ray_serve(database_url: str) -> Iterator[RayServe]:
    """Ray Serve for the length of a ``with`` block."""
    with ray_session() as session:
        server = RayServe(session, database_url)
        try:
            wait_until(server.started, seconds=SECONDS)
            yield server
        finally:
            server.stop()
