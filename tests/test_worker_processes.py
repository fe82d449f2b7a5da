"""The socket that the server listens at; tests in tests/e2e run whole servers."""

import socket
import sys
from contextlib import closing

import pytest

from skiplens import worker_processes
from skiplens.settings import Settings


@pytest.mark.parametrize(("platform", "shared"), [("linux", True), ("win32", False)])
def test_a_port_in_use_is_shared_by_no_system(
    platform: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SO_REUSEADDR frees the port of a server that ended, it is set; on Windows it would let
    a second server take the port of one that runs.
    """
    monkeypatch.setattr(sys, "platform", platform)
    with closing(worker_processes.bind(Settings(), 0)) as listener:
        assert bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) == shared
