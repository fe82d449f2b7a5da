"""Who sent a request: each client has a share of every bound."""

from starlette.types import Scope

from skiplens.service.admission import ANYONE


def client_of(scope: Scope) -> str:
    """The client's address, as :class:`skiplens.web.http.request_limits.BodyLimit` found it."""
    return str(scope.get("skiplens.client", ANYONE))
