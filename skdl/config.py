"""Package-wide settings: the device, the floating-point type, the verbosity."""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

__all__ = ["config_context", "get_config", "set_config"]


@dataclass(frozen=True)
class Config:
    """The settings in force; see :func:`set_config` for what each one means."""

    device: str = "auto"
    dtype: str | None = None
    verbose: int = 0


# `set_config` changes what the whole process sees, so that worker threads of joblib see it too;
# `config_context` overrides it in the current thread (or asyncio task) alone.
_process_config = Config()
_local_config: ContextVar[Config | None] = ContextVar("skdl_config", default=None)


def _current() -> Config:
    return _local_config.get() or _process_config


def _updated(config: Config, changes: dict) -> Config:
    known = [field.name for field in fields(Config)]
    for name in changes:
        if name not in known:
            raise ValueError(f"{name!r} is not a setting of skdl; the settings are {known}.")
    if changes.get("dtype") not in (None, "float32", "float64"):
        raise ValueError(f"dtype must be None, 'float32' or 'float64', got {changes['dtype']!r}.")
    return replace(config, **changes)


def get_config() -> dict:
    """Return the settings in force.

    Returns
    -------
    dict
        The settings by name, see :func:`set_config`.

    Examples
    --------
    >>> import skdl
    >>> skdl.get_config()["device"]
    'auto'
    """
    return dict(vars(_current()))


def set_config(**settings) -> None:
    """Change settings for the whole process.

    Parameters
    ----------
    **settings
        Any of the following; what is not named stays as it is.

        - ``device`` (default ``"auto"``): where an estimator with ``device="auto"`` computes. ``"auto"`` takes CUDA
          where torch sees a CUDA device, else the CPU; any other value is a torch device name and is never replaced
          silently.
        - ``dtype`` (default None): ``"float32"`` or ``"float64"`` converts every input of the classical estimators
          to that type; None keeps float32 and float64 as they come and takes float64 for all else.
        - ``verbose`` (default 0): an estimator shows its progress where this or its own ``verbose`` is positive.

    Raises
    ------
    ValueError
        If a setting is unknown or its value is.

    See Also
    --------
    config_context : The same for a ``with`` block.

    Examples
    --------
    >>> import skdl
    >>> skdl.set_config(device="cpu")
    >>> skdl.get_config()["device"]
    'cpu'
    >>> skdl.set_config(device="auto")
    """
    global _process_config
    if _local_config.get() is not None:
        _local_config.set(_updated(_current(), settings))
    else:
        _process_config = _updated(_process_config, settings)


@contextmanager
def config_context(**settings):
    """Change settings inside a ``with`` block, for the current thread.

    Parameters
    ----------
    **settings
        As in :func:`set_config`.

    Yields
    ------
    None

    Examples
    --------
    >>> import skdl
    >>> with skdl.config_context(device="cpu"):
    ...     skdl.get_config()["device"]
    'cpu'
    """
    token = _local_config.set(_updated(_current(), settings))
    try:
        yield
    finally:
        _local_config.reset(token)
