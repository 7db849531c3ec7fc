"""Archives of arrays: what is in a file is measured before a byte of it is trusted.

Everything in an archive is stored as it is, so that nothing in it can be larger than the file: an archive with
compressed parts is refused, and with it every bomb.
"""

import io
import math
import re
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from skdl.exceptions import InvalidFileError

_MEMBER = re.compile(r"schema\.json|skdl\.json|[0-9]{1,9}\.np[yz]")
_PART_OF_SPARSE = re.compile(r"(data|indices|indptr|shape|format|_is_array|row|col|offsets)\.npy")
_MOST_HEADER = 10_000  # bytes; a header is read by a parser of Python literals
_MOST_AXES = 32


class Layout(NamedTuple):
    """What the header of an array says."""

    dtype: np.dtype
    shape: tuple[int, ...]


def open_archive(data: bytes, names: re.Pattern = _MEMBER) -> dict[str, memoryview]:
    """Return the members of an archive by name, none of them copied.

    Parameters
    ----------
    data : bytes-like
        The whole archive.
    names : re.Pattern
        What a member may be called.

    Raises
    ------
    InvalidFileError
        If it is no archive, or not one that :func:`write_archive` writes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            members: dict[str, memoryview] = {}
            total = 0
            for entry in entries:
                if not names.fullmatch(entry.filename) or entry.filename in members:
                    raise InvalidFileError(f"it holds a part of the strange name {entry.filename[:60]!r}")
                if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                    raise InvalidFileError(f"its part {entry.filename!r} is compressed, which skdl.save never does")
                if entry.flag_bits & 0x1:
                    raise InvalidFileError(f"its part {entry.filename!r} is encrypted")
                total += entry.file_size
                if total > len(data):
                    raise InvalidFileError("its parts are larger than the file: they overlap")
                members[entry.filename] = memoryview(archive.read(entry))
            return members
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, InvalidFileError):
            raise
        raise InvalidFileError(f"it is no whole archive ({error})") from None


def write_archive(members: Mapping[str, bytes | memoryview]) -> bytes:
    """Write an archive that is the same, to the last byte, for the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def read_layout(name: str, data: memoryview) -> Layout:
    """Read and check the header of an array in NumPy's format, and that the array behind it is whole.

    Parameters
    ----------
    name : str
        For messages.
    data : memoryview
        The array as it was saved.
    """
    stream = io.BytesIO(data[: _MOST_HEADER + 100])
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(stream, max_header_size=_MOST_HEADER)
    except Exception as error:  # a parser of Python literals may fail in any way
        raise InvalidFileError(f"the header of its array {name!r} cannot be read ({error})") from None
    if dtype.hasobject or dtype.itemsize == 0 or (dtype.kind == "V" and dtype.names is None):
        raise InvalidFileError(f"its array {name!r} is of the type {dtype}, which could hide a pickle")
    if len(shape) > _MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidFileError(f"its array {name!r} has the impossible shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise InvalidFileError(f"its array {name!r} is not as long as its shape {shape} says")
    return Layout(dtype, shape)


def check_sparse(name: str, data: memoryview) -> None:
    """Check the archive inside the archive that a sparse matrix is kept in."""
    for part, array in open_archive(bytes(data), _PART_OF_SPARSE).items():
        read_layout(f"{name}/{part}", array)


def without_compression(data: bytes) -> bytes:
    """Store the arrays of a sparse matrix as they are."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return write_archive({name: archive.read(name) for name in archive.namelist()})
