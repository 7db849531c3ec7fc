"""The errors and warnings of skdl. Every error is a ValueError, as scikit-learn's users expect of bad input."""

__all__ = [
    "DeviceError",
    "DeviceMemoryWarning",
    "DivergenceError",
    "FileVersionWarning",
    "InterruptedFitWarning",
    "InvalidFileError",
    "InvalidParameterError",
    "UnsafeFileError",
]


class InvalidParameterError(ValueError, TypeError):
    """A parameter of an estimator has a value of the wrong type or outside its range."""


class DeviceError(ValueError):
    """A device was asked for by name that this process cannot use."""


class DivergenceError(ValueError):
    """A loss became NaN or infinite while training; the estimator is left unfitted."""


class InvalidFileError(ValueError):
    """A file that was to be loaded is damaged, or holds what no model of skdl looks like; nothing was loaded."""


class UnsafeFileError(InvalidFileError):
    """A file that was to be loaded names a type or a function that is not trusted; nothing of it was run."""


class DeviceMemoryWarning(UserWarning):
    """The device ran out of memory, and the work goes on in smaller pieces."""


class InterruptedFitWarning(UserWarning):
    """Ctrl-C ended the training early; the estimator is fitted with what it had learnt until then."""


class FileVersionWarning(UserWarning):
    """A model was saved by another version of skdl, and may not be what it was."""
