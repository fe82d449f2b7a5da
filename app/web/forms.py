"""Reads the form out of a request, bounded in what it holds."""

from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from app.errors import InvalidParameterError


async def read_form(request: Request, *, files: int, fields: int, holding: str) -> FormData:
    """The form; close it when what it holds was read.

    Args:
        request: what brings it, in either of the two ways that forms are encoded.
        files: most of them.
        fields: most of them beside the files.
        holding: what it must hold, for whoever sent another.

    Raises:
        InvalidParameterError: it cannot be read, or holds more than that.
        TooLargeError: it is beyond what a body may be.
        TooSlowError: it did not arrive in time.
    """
    try:
        return await request.form(max_files=files, max_fields=fields)
    except (HTTPException, ValueError) as error:  # a charset can be malformed in many ways
        reason = error.detail.rstrip(".") if isinstance(error, HTTPException) else "unknown charset"
        raise InvalidParameterError(
            f"the form cannot be read ({reason}); it must hold {holding}"
        ) from error
