"""The error tree. Every message names the parameter, what came and what is allowed.

``code`` is the stable word that callers can match on; what HTTP makes of each branch of the tree
is one table in ``skiplens.web.http.problems``.
"""

from typing import ClassVar, Final

_SHOWN_LENGTH: Final = 60


def quoted(text: str) -> str:
    """What came, as a message may show it: printable, short and in quotes."""
    kept = "".join(character if character.isprintable() else "?" for character in text)
    return repr(kept if len(kept) <= _SHOWN_LENGTH else kept[:_SHOWN_LENGTH] + "...")


class SkiplensError(Exception):
    """Anything skiplens refuses or cannot do; the message is one plain sentence."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"


class StartupError(SkiplensError):
    """The program cannot start as configured."""

    code = "startup"


class ModelError(StartupError):
    """A model folder is missing, damaged, or does not match its manifest."""

    code = "model"


class DatasetError(SkiplensError):
    """MNIST is missing or damaged."""

    code = "dataset"


class TrainingError(SkiplensError):
    """A training run cannot be started or resumed."""

    code = "training"


class CompileError(SkiplensError):
    """A network cannot be compiled, or a compiled graph does not agree with Keras."""

    code = "compile"


class ExportError(SkiplensError):
    """A gallery cannot be written to a folder."""

    code = "export"


class NonFiniteError(SkiplensError):
    """A computation produced NaN or infinity, which is an error and never a colour."""

    code = "non_finite"
    title = "The network produced a value that is not a number"


class NotFoundError(SkiplensError):
    """What was asked for by name does not exist."""

    code = "not_found"
    title = "Not found"


class UnknownNetworkError(NotFoundError):
    """No network of that id is loaded."""

    code = "unknown_network"
    title = "Unknown network"


class UnknownLayerError(NotFoundError):
    """The network has no layer of that name."""

    code = "unknown_layer"
    title = "Unknown layer"


class UnknownBlockError(NotFoundError):
    """The network has no block of that name."""

    code = "unknown_block"
    title = "Unknown block"


class UnknownFilterError(NotFoundError):
    """The layer has no filter of that index."""

    code = "unknown_filter"
    title = "Unknown filter"


class UnknownUnitError(NotFoundError):
    """A layer's maps have no such row and column."""

    code = "unknown_unit"
    title = "Unknown place"


class UnknownDigitError(NotFoundError):
    """No digit of that id is stored: it never was, or it made room for newer ones."""

    code = "unknown_digit"
    title = "Unknown digit"


class NoDatasetError(NotFoundError):
    """The server was started without a data set."""

    code = "no_dataset"
    title = "No data set"


class InvalidParameterError(SkiplensError):
    """A parameter has a value that is not allowed."""

    code = "invalid_parameter"
    title = "Invalid parameter"


class BlockNotDisableableError(InvalidParameterError):
    """A block that would not hand x on cannot have its residual branch switched off."""

    code = "not_switchable"
    title = "Block cannot be switched off"


class UnreadableImageError(InvalidParameterError):
    """The bytes are no image, or a damaged one."""

    code = "unreadable_image"
    title = "Not a readable image"


class BlankImageError(InvalidParameterError):
    """The image holds no ink."""

    code = "blank_image"
    title = "Blank image"


class UnsupportedFormatError(SkiplensError):
    """The image, or the request body, is of a kind that is not accepted."""

    code = "unsupported_format"
    title = "Format not accepted"


class TooLargeError(SkiplensError):
    """The image, or the request body, is beyond a bound."""

    code = "too_large"
    title = "Too large"


class RequestTimeoutError(SkiplensError):
    """A request did not arrive in the time that it is given."""

    code = "too_slow"
    title = "Too slow"


class BusyError(SkiplensError):
    """More work is waiting than the server takes on; try again shortly."""

    code = "busy"
    title = "Busy"


class StorageError(BusyError):
    """The digit could not be kept just now: the disk is full, or another program holds the file."""

    code = "not_kept"
    title = "The digit could not be kept"


class IndexingError(BusyError):
    """The data set is still being indexed; try again shortly."""

    code = "indexing"
    title = "The data set is being indexed"


class NotIndexedError(SkiplensError):
    """The data set could not be indexed."""

    code = "not_indexed"
    title = "The data set could not be indexed"
