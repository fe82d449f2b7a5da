"""The error tree. Every message names the parameter, what came and what is allowed."""


class SkiplensError(Exception):
    """Anything skiplens refuses or cannot do; the message is one plain sentence."""


class StartupError(SkiplensError):
    """The program cannot start as configured."""


class DatasetError(SkiplensError):
    """MNIST is missing or damaged."""


class TrainingError(SkiplensError):
    """A training run cannot be started or resumed."""


class CompileError(SkiplensError):
    """A network cannot be compiled, or a compiled graph does not agree with Keras."""


class ModelError(StartupError):
    """A model folder is missing, damaged, or does not match its manifest."""
