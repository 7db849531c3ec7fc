"""Writing estimators to files, and reading them back."""

import errno
import hashlib
import importlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Iterable
from typing import Any

import sklearn
from sklearn.base import BaseEstimator

import skdl
from skdl.exceptions import FileVersionWarning, InvalidFileError
from skdl.persistence._archive import open_archive, without_compression, write_archive
from skdl.persistence._checks import check_model
from skdl.persistence._names import Names
from skdl.persistence._schema import PROTOCOLS, Audit, parse_schema

__all__ = ["load", "save"]

_FORMAT = 1
_MOST_BYTES = 2**32


def save(estimator, path) -> None:
    """Save an estimator, fitted or not, without pickle.

    The file is an archive in the format of skops: one text that says what the estimator is made of, and plain arrays.
    It is the same, to the last byte, for the same model. The model is read back before the file takes its place in one
    step: what :func:`load` could not load is not saved, and a process that is killed leaves the old file.

    Parameters
    ----------
    estimator : estimator
        Any estimator of skdl, and pipelines, searches and ensembles of them with scikit-learn's own parts.
    path : str or path-like
        Where to write. The usual ending is ``.skops``.

    Raises
    ------
    ValueError
        If something in the estimator cannot be kept in such a file: functions without a name, open files, generators of
        other kinds than ``RandomState``.

    See Also
    --------
    load : Read the file.

    Notes
    -----
    Time and memory are about three times those of copying the model. What lies on a device is not saved, so that the
    file is the same whatever the device.

    Examples
    --------
    >>> import os, tempfile
    >>> import skdl
    >>> from skdl.naive_bayes import GaussianNB
    >>> model = GaussianNB().fit([[0.0], [1.0], [4.0], [5.0]], [0, 0, 1, 1])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.skops")
    >>> skdl.save(model, path)
    >>> skdl.load(path).predict([[4.4]])
    array([1])
    """
    replace_file(path, to_bytes(estimator))


def replace_file(path, data: bytes) -> None:
    """Write a file in one step: whoever reads meanwhile, or after a crash, finds the old one or the new one whole."""
    path = os.fspath(path)
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to write the file into", folder)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "This is a folder; give the file in it a name", path)
    draft = f"{path}.{os.getpid()}.tmp"
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        if os.path.exists(draft):
            os.remove(draft)


def load(path, *, trusted: Iterable = (), max_bytes: int = _MOST_BYTES):
    """Load an estimator that :func:`save` saved; nothing from the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : iterable of str, type or function, default=()
        What the file may name besides skdl's and scikit-learn's own: the class of a network of one's own, a metric
        that is a function, as ``"package.module.name"`` or the things themselves. They will be called, so name only
        what you would import yourself.
    max_bytes : int, default=2**32
        The largest file to read, in bytes. Memory never exceeds a small multiple of the file.

    Returns
    -------
    estimator
        It predicts what the saved one did, to the last bit on the same kind of device.

    Raises
    ------
    InvalidFileError
        If the file is damaged, larger than ``max_bytes``, from a newer skdl, or not what an estimator looks like:
        arrays that do not fit together, trees with loops, weights of another network.
    UnsafeFileError
        If it names a type or a function that is not trusted.

    Warns
    -----
    FileVersionWarning
        If another version of skdl wrote the file. Predictions stay the same unless the changelog says otherwise.

    See Also
    --------
    save : Write the file.

    Notes
    -----
    Checksums find accidents; whoever forges a file forges them too. So all that is in a file is checked: the archive,
    which may not be compressed; the headers of arrays; each name against a list; shapes, ranges, the nodes of trees,
    the weights of networks against the network that the parameters build; and each estimator of skdl predicts once.

    Examples
    --------
    >>> import os, tempfile
    >>> import skdl
    >>> path = os.path.join(tempfile.mkdtemp(), "model.skops")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(b"something else")
    >>> skdl.load(path)
    Traceback (most recent call last):
        ...
    skdl.exceptions.InvalidFileError: ... cannot be loaded: it is no whole archive (File is not a zip file).
    """
    path = os.fspath(path)
    if isinstance(trusted, (str, type)):
        trusted = [trusted]
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > max_bytes:
                raise InvalidFileError(f"it is larger than max_bytes={max_bytes}")
            data = file.read(max_bytes + 1)
        return from_bytes(data, Names(trusted))
    except InvalidFileError as error:
        raise type(error)(f"{path!r} cannot be loaded: {error}.") from error.__cause__


def to_bytes(estimator) -> bytes:
    """What :func:`save` writes."""
    skops = _skops()
    if not isinstance(estimator, BaseEstimator):
        raise ValueError(f"skdl.save takes an estimator; got {type(estimator).__name__}.")
    try:
        members = _in_order(_members_of(skops.dumps(estimator)))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(estimator).__name__} cannot be saved: {error}") from error
    data = write_archive({"skdl.json": _manifest(members), **members})
    try:
        from_bytes(data, Names(None))
    except ValueError as error:
        raise ValueError(
            f"{type(estimator).__name__} cannot be saved, since it could not be loaded: {error}."
        ) from error
    return data


def from_bytes(data: bytes, names: Names):
    """Check and read what :func:`to_bytes` made."""
    members = open_archive(data)
    _check_manifest(members)
    schema = parse_schema(members.pop("schema.json"))
    Audit(members, names).check(schema)
    try:
        model = _skops().loads(data, trusted=sorted(set(_names_in(schema))))
        check_model(model, runs_foreign_code=bool(names.trusted))
    except InvalidFileError:
        raise
    except Exception as error:  # whatever an object makes of a state that does not fit it
        raise InvalidFileError(f"what it holds does not fit together ({type(error).__name__}: {error})") from error
    return model


def _skops():
    try:
        return importlib.import_module("skops.io")
    except ImportError:
        raise ImportError("skdl.save and skdl.load need skops: pip install 'skdl[io]'.") from None


def _members_of(data: bytes) -> dict[str, bytes]:
    """The members of what skops wrote; arrays of sparse matrices are stored without compression."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name: without_compression(archive.read(name)) if name.endswith(".npz") else archive.read(name)
            for name in archive.namelist()
        }


def _in_order(members: dict[str, bytes]) -> dict[str, bytes]:
    """Number nodes and arrays from 1 on, where skops has addresses in memory."""
    schema = json.loads(members["schema.json"])
    if schema["protocol"] not in PROTOCOLS:
        raise ValueError(f"skops writes version {schema['protocol']} of its format here, skdl knows {PROTOCOLS}.")
    done: dict[int, dict] = {}
    files: dict[str, str] = {}

    def number(part: Any) -> Any:
        if isinstance(part, list):
            return [number(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "__loader__" not in part:
            return {key: number(item) for key, item in part.items()}
        address = part["__id__"]
        if address not in done:
            new = done[address] = {"__id__": len(done) + 1}
            new |= {key: number(item) for key, item in part.items() if key not in ("__id__", "file")}
            if new["__loader__"] == "NdArrayNode" and new["__class__"] == "memmap":
                new |= {"__class__": "ndarray", "__module__": "numpy"}
            if "file" in part:
                ending = part["file"].rpartition(".")[2]
                new["file"] = files.setdefault(part["file"], f"{len(files) + 1}.{ending}")
        # What was there before is written down as it was then; skops takes states of objects anew each time.
        return done[address]

    text = json.dumps(number(schema), separators=(",", ":")).encode()
    return {"schema.json": text, **{new: members[old] for old, new in files.items()}}


def _manifest(members: dict[str, bytes]) -> bytes:
    record = {
        "format": _FORMAT,
        "skdl": skdl.__version__,
        "scikit-learn": sklearn.__version__,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    return json.dumps(record, indent=1).encode()


def _check_manifest(members: dict[str, memoryview]) -> None:
    if "schema.json" not in members or "skdl.json" not in members:
        raise InvalidFileError("it was not written by skdl.save")
    record = parse_schema(members.pop("skdl.json"))
    written_by = record.get("skdl")
    if not isinstance(written_by, str) or type(record.get("format")) is not int:
        raise InvalidFileError("it does not say which skdl wrote it")
    if record["format"] != _FORMAT:
        raise InvalidFileError(
            f"skdl {written_by[:20]} wrote it in format {record['format']}, and this skdl {skdl.__version__} reads "
            f"format {_FORMAT}: use that version, or save the model anew"
        )
    sums = record.get("sha256")
    if not isinstance(sums, dict) or sums.keys() != members.keys():
        raise InvalidFileError("parts of it are missing")
    for name, data in members.items():
        if hashlib.sha256(data).hexdigest() != sums[name]:
            raise InvalidFileError(f"its part {name!r} is damaged: it does not have the checksum that was written down")
    if written_by != skdl.__version__:
        warnings.warn(
            f"skdl {written_by[:20]} wrote this file and skdl {skdl.__version__} reads it: see the changelog for what "
            "has changed, and save the model anew to be rid of this warning.",
            FileVersionWarning,
            stacklevel=4,
        )


def _names_in(part: Any):
    """All names in a schema that has been checked, as skops wants to be told."""
    if isinstance(part, dict):
        if "__loader__" in part:
            yield f"{part['__module__']}.{part['__class__']}"
        for item in part.values():
            yield from _names_in(item)
    elif isinstance(part, list):
        for item in part:
            yield from _names_in(item)
