"""The error tree. Every message names the parameter, its value and what is allowed.

Clients can match on the stable ``code``; ``skiplens.web.http.problems`` maps errors to HTTP.
"""

import errno
from typing import ClassVar, Final

_EXHAUSTED: Final = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,
    }
)
_MAX_QUOTED_LENGTH: Final = 60


def quoted(text: str) -> str:
    """A received value for a message: printable, shortened and in quotes."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    shortened = printable[:_MAX_QUOTED_LENGTH] + "..."
    return repr(printable if len(printable) <= _MAX_QUOTED_LENGTH else shortened)


def install(extra: str) -> str:
    """How to install an extra of skiplens, for a message."""
    return f'pip install ".[{extra}]" in the folder of skiplens'


class SkiplensError(Exception):
    """Base of all errors; the message is one plain sentence."""

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
    """A network cannot be compiled, or a compiled graph deviates from Keras."""

    code = "compile"


class ExportError(SkiplensError):
    """A gallery or an archive of activations cannot be written."""

    code = "export"


class UnreachableError(SkiplensError):
    """No server of skiplens answers at an address."""

    code = "unreachable"


class NonFiniteError(SkiplensError):
    """A computation produced NaN or infinity."""

    code = "non_finite"
    title = "The network produced a value that is not a number"


class NotFoundError(SkiplensError):
    """The requested object does not exist."""

    code = "not_found"
    title = "Not found"


class UnknownNetworkError(NotFoundError):
    """No network with this id is loaded."""

    code = "unknown_network"
    title = "Unknown network"


class UnknownLayerError(NotFoundError):
    """The network has no layer with this name."""

    code = "unknown_layer"
    title = "Unknown layer"


class UnknownBlockError(NotFoundError):
    """The network has no block with this name."""

    code = "unknown_block"
    title = "Unknown block"


class UnknownFilterError(NotFoundError):
    """The layer has no filter with this index."""

    code = "unknown_filter"
    title = "Unknown filter"


class UnknownUnitError(NotFoundError):
    """The layer's maps have no such row and column."""

    code = "unknown_unit"
    title = "Unknown position"


class UnknownStepError(NotFoundError):
    """The story has no such step, or no network that it can be told on."""

    code = "unknown_step"
    title = "Unknown step"


class UnknownDigitError(NotFoundError):
    """No digit with this id is stored; it may have been deleted to store newer ones."""

    code = "unknown_digit"
    title = "Unknown digit"


class NoVotesError(NotFoundError):
    """The network's logits are not a sum of what its blocks add."""

    code = "no_votes"
    title = "Logits are not a sum over blocks"


class NoSequenceError(NotFoundError):
    """The network does not read the digit step by step."""

    code = "no_sequence"
    title = "Network does not read a sequence"


class NoGradientsError(NotFoundError):
    """The network was compiled without gradients."""

    code = "no_gradients"
    title = "No gradients"


class NotMeasuredError(NotFoundError):
    """There are no results of this experiment with the network."""

    code = "not_measured"
    title = "Not measured"


class NoDatasetError(NotFoundError):
    """The server was started without a data set."""

    code = "no_dataset"
    title = "No data set"


class InvalidParameterError(SkiplensError):
    """A parameter has a value that is not allowed."""

    code = "invalid_parameter"
    title = "Invalid parameter"


class BlockNotDisableableError(InvalidParameterError):
    """The residual branch of a block that would then output nothing cannot be disabled."""

    code = "not_switchable"
    title = "Block cannot be switched off"


class BlocksNotReorderableError(InvalidParameterError):
    """The blocks of the network cannot run in another order."""

    code = "not_reorderable"
    title = "Blocks cannot be reordered"


class UnreadableImageError(InvalidParameterError):
    """The bytes are not an image, or a damaged one."""

    code = "unreadable_image"
    title = "Not a readable image"


class BlankImageError(InvalidParameterError):
    """The image contains no ink."""

    code = "blank_image"
    title = "Blank image"


class ImageWorkError(InvalidParameterError):
    """The image takes more time or memory to decode than one image may."""

    code = "image_work"
    title = "The image takes too much work"


class UnsupportedFormatError(SkiplensError):
    """The format of the image or of the request body is not accepted."""

    code = "unsupported_format"
    title = "Format not accepted"


class TooLargeError(SkiplensError):
    """The image or the request body exceeds a limit."""

    code = "too_large"
    title = "Too large"


class RequestTimeoutError(SkiplensError):
    """A request did not arrive in time."""

    code = "too_slow"
    title = "Too slow"


class BusyError(SkiplensError):
    """Too many computations or requests are waiting; try again shortly."""

    code = "busy"
    title = "Busy"


class OutOfResourcesError(BusyError):
    """The server has no memory, thread, process or disk space left; try again shortly."""

    code = "out_of_resources"
    title = "The server is out of memory, threads or disk space"

    @classmethod
    def of(cls, error: BaseException) -> "OutOfResourcesError | None":
        """What a failure lacked, if it was one of these."""
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            return cls(f"the server lacks something it needs ({error.strerror})")
        unmapped = isinstance(error, ImportError) and "failed to map" in str(error)
        if isinstance(error, MemoryError) or unmapped:
            return cls("the server has no memory left")
        if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
            return cls("the server can start no more threads")
        return None


class StorageError(BusyError):
    """The digit could not be stored: the disk is full, another program locks the file, or the
    database is away.
    """

    code = "not_kept"
    title = "The digit could not be stored"


class StoreDamagedError(BusyError):
    """The stored digits cannot be used: their file was damaged or removed, or the database is
    away.
    """

    code = "store_damaged"
    title = "The stored digits cannot be used"


class IndexingError(BusyError):
    """The data set is still being indexed; try again shortly."""

    code = "indexing"
    title = "The data set is being indexed"


class NotIndexedError(SkiplensError):
    """The data set could not be indexed."""

    code = "not_indexed"
    title = "The data set could not be indexed"
