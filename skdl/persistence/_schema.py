"""The grammar of what a file may say, checked before skops reads it.

skops keeps a model as a tree of nodes in JSON: each names its type, and the loader that makes it again. skops asks of a
loader only whether the type is trusted. Here each loader may make what it is there for and nothing else, a node may
hold what its loader reads and nothing else, and arrays are looked at by their headers, so that whatever passes can be
made without running anything from the file.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from skdl.exceptions import InvalidFileError, UnsafeFileError
from skdl.persistence._archive import Layout, check_sparse, read_layout
from skdl.persistence._names import KEY_TYPES, Names, is_scalar_type

PROTOCOLS = (2,)
"""The versions of skops' format that the grammar describes."""

_MOST_LEVELS = 64
_TREE = ("sklearn.tree._tree", "Tree")
_SPARSE = frozenset(
    f"scipy.sparse.{module}.{kind}"
    for module, kinds in {"_csr": ("csr_matrix", "csr_array"), "_csc": ("csc_matrix", "csc_array")}.items()
    for kind in kinds
)


def parse_schema(data: bytes | memoryview) -> dict[str, Any]:
    """Read ``schema.json``."""
    try:
        schema = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise InvalidFileError(f"its schema is no JSON ({type(error).__name__}: {error})") from None
    if not isinstance(schema, dict):
        raise InvalidFileError("its schema is no tree of nodes")
    return schema


class Audit:
    """A walk over all nodes of a schema, which raises at the first that may not be there.

    Parameters
    ----------
    members : dict of str to memoryview
        The archive.
    names : Names
        What may be named.
    """

    def __init__(self, members: dict[str, memoryview], names: Names):
        self._members = members
        self._names = names
        self._seen: dict[int, dict] = {}
        self._file_of: dict[str, int] = {}
        self._layouts: dict[str, Layout] = {}

    def check(self, schema: dict[str, Any]) -> None:
        """Check a whole schema."""
        protocol = schema.get("protocol")
        if type(protocol) is not int or protocol not in PROTOCOLS:
            raise InvalidFileError(f"it is written in version {protocol!r} of skops' format; known are {PROTOCOLS}")
        if not isinstance(schema.get("_skops_version"), str):
            raise InvalidFileError("its schema does not say which skops wrote it")
        root = {key: value for key, value in schema.items() if key not in ("protocol", "_skops_version")}
        if root.get("__loader__") != "ObjectNode":
            raise InvalidFileError("it holds no estimator")
        self._node(root, 0)

    def _node(self, node: Any, level: int) -> dict:
        if not isinstance(node, dict):
            raise InvalidFileError(f"a node of its schema is {type(node).__name__}, not an object")
        if level > _MOST_LEVELS:
            raise InvalidFileError(f"its schema is more than {_MOST_LEVELS} levels deep")
        module, name, loader = (_text(node, key) for key in ("__module__", "__class__", "__loader__"))
        identity = node.get("__id__")
        if type(identity) is not int:
            raise InvalidFileError("a node of its schema has no number")
        if identity in self._seen:
            # skops takes the first node of this number again, whatever stands here.
            if self._seen[identity] != node:
                raise InvalidFileError(f"two different nodes of its schema have the number {identity}")
            return node
        self._seen[identity] = node
        check = self._CHECKS.get(loader)
        if check is None:
            raise UnsafeFileError(f"it asks for the loader {loader[:60]!r}, which no model of skdl needs")
        fields = {key for key in node if key not in ("__module__", "__class__", "__loader__", "__id__")}
        check(self, node, module, name, fields, level + 1)
        return node

    # One method for each loader.

    def _json(self, node, module, name, fields, level):
        _expect(fields, {"content", "is_json"})
        if f"{module}.{name}" != "builtins.str":
            self._refuse(module, name, "value")
        try:
            value = json.loads(_text(node, "content"))
        except (ValueError, RecursionError):
            raise InvalidFileError("a value of its schema is no JSON") from None
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise InvalidFileError("a value of its schema is neither a number nor a text")

    def _dict(self, node, module, name, fields, level):
        _expect(fields, {"content", "key_types"})
        if f"{module}.{name}" not in ("builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"):
            self._refuse(module, name, "dictionary")
        keys = self._node(node["key_types"], level)
        content = node["content"]
        if keys["__loader__"] != "ListNode" or not isinstance(content, dict):
            raise InvalidFileError("a dictionary of its schema is malformed")
        types = [f"{key['__module__']}.{key['__class__']}" for key in keys["content"]]
        if len(types) != len(content):
            raise InvalidFileError("a dictionary of its schema has lost keys: two were equal as texts")
        for kind, key in zip(types, content, strict=True):
            # skops keeps keys as texts, and could not tell True from False.
            known = kind in KEY_TYPES or is_scalar_type(*kind.rsplit(".", 1))
            if not known or kind.startswith("numpy.bool"):
                raise UnsafeFileError(
                    f"a dictionary in it has the key {key[:60]!r} of the type {kind}, "
                    "where only texts and numbers can be kept"
                )
        for value in content.values():
            self._node(value, level)

    def _sequence(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        kind = {"ListNode": "list", "TupleNode": "tuple", "SetNode": "set"}[node["__loader__"]]
        if (module, name) != ("builtins", kind):
            self._refuse(module, name, kind)
        self._list(node["content"], level)

    def _object(self, node, module, name, fields, level):
        _expect(fields, {"content"} & fields)
        if not self._names.allows_object(module, name):
            self._refuse(module, name, "type")
        if "content" in fields:
            state = self._node(node["content"], level)
            empty = state["__loader__"] == "JsonNode" and state["content"] == "null"
            if state["__loader__"] != "DictNode" and not empty:
                raise InvalidFileError(f"the attributes of a {name} are no dictionary")

    def _constructor(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        if (module, name) != ("skdl.utils._device", "DeviceCache"):
            self._refuse(module, name, "constructor")
        arguments = self._node(node["content"], level)
        if arguments["__loader__"] != "TupleNode" or arguments["content"] != []:
            raise InvalidFileError("it gives arguments to what takes none")

    def _type(self, node, module, name, fields, level):
        _expect(fields, set())
        if not self._names.allows_type(module, name):
            self._refuse(module, name, "type")

    def _function(self, node, module, name, fields, level):
        _expect(fields, set())
        if not self._names.allows_function(module, name):
            self._refuse(module, name, "function")

    def _slice(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        bounds = node["content"]
        if (module, name) != ("builtins", "slice") or not isinstance(bounds, dict):
            self._refuse(module, name, "slice")
        _expect(set(bounds), {"start", "stop", "step"})
        if not all(value is None or isinstance(value, (int, str)) for value in bounds.values()):
            raise InvalidFileError("a slice in it has strange bounds")

    def _array(self, node, module, name, fields, level):
        is_scalar = is_scalar_type(module, name)
        if not is_scalar and (module, name) != ("numpy", "ndarray"):
            self._refuse(module, name, "array")
        if node.get("type") == "numpy":
            _expect(fields, {"type", "file"})
            layout = self._layout(node)
            if is_scalar and layout.shape:
                raise InvalidFileError(f"its number of type {name} is an array of shape {layout.shape}")
            return
        _expect(fields, {"type", "content", "shape"})
        if node["type"] != "json" or is_scalar:
            raise InvalidFileError("an array in it is malformed")
        shape = self._node(node["shape"], level)
        sizes = [_whole(size) for size in shape["content"]] if shape["__loader__"] == "TupleNode" else []
        self._list(node["content"], level)
        if not 1 <= len(sizes) <= 2 or sizes[0] != len(node["content"]):
            raise InvalidFileError(f"an array of objects in it is not of its shape {tuple(sizes)}")
        if len(sizes) == 2 and not all(
            row["__loader__"] == "ListNode"
            and len(row["content"]) == sizes[1]
            and all(item["__loader__"] == "JsonNode" for item in row["content"])
            for row in node["content"]
        ):
            raise InvalidFileError(f"an array of objects in it is not of its shape {tuple(sizes)}")

    def _masked(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        if (
            module not in ("numpy.ma", "numpy.ma.core")
            or name != "MaskedArray"
            or not isinstance(node["content"], dict)
        ):
            self._refuse(module, name, "array")
        _expect(set(node["content"]), {"data", "mask"})
        for part in node["content"].values():
            if self._node(part, level)["__loader__"] != "NdArrayNode":
                raise InvalidFileError("a masked array in it is malformed")

    def _dtype(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        if (module, name) != ("numpy", "dtype"):
            self._refuse(module, name, "type")
        if self._node(node["content"], level)["__loader__"] != "NdArrayNode":
            raise InvalidFileError("a type of arrays in it is malformed")

    def _random_state(self, node, module, name, fields, level):
        _expect(fields, {"content"})
        if module not in ("numpy.random", "numpy.random.mtrand") or name != "RandomState":
            self._refuse(module, name, "generator")
        if self._node(node["content"], level)["__loader__"] != "DictNode":
            raise InvalidFileError("a generator in it is malformed")

    def _sparse(self, node, module, name, fields, level):
        _expect(fields, {"type", "file"})
        if f"{module}.{name}" not in _SPARSE:
            self._refuse(module, name, "sparse matrix")
        file = self._file(node, ".npz")
        check_sparse(file, self._members[file])

    def _sklearn_tree(self, node, module, name, fields, level):
        """The nodes of scikit-learn's trees; its constructor reads as many numbers of classes as there are outputs."""
        _expect(fields, {"content", "__reduce__"})
        if (module, name) != _TREE or not isinstance(node["__reduce__"], dict):
            self._refuse(module, name, "tree")
        _expect(set(node["__reduce__"]), {"args"})
        arguments = self._node(node["__reduce__"]["args"], level)
        parts = arguments["content"] if arguments["__loader__"] == "TupleNode" else []
        if len(parts) != 3 or parts[1]["__loader__"] != "NdArrayNode" or parts[1].get("type") != "numpy":
            raise InvalidFileError("a tree in it is malformed")
        n_features, n_outputs = _whole(parts[0]), _whole(parts[2])
        layout = self._layout(parts[1])
        if n_features < 1 or n_outputs < 1 or layout.shape != (n_outputs,) or layout.dtype.kind != "i":
            raise InvalidFileError("a tree in it is malformed")
        if self._node(node["content"], level)["__loader__"] != "DictNode":
            raise InvalidFileError("a tree in it is malformed")

    _CHECKS: dict[str, Callable] = {
        "JsonNode": _json,
        "DictNode": _dict,
        "ListNode": _sequence,
        "TupleNode": _sequence,
        "SetNode": _sequence,
        "ObjectNode": _object,
        "ConstructorFromReduceNode": _constructor,
        "TypeNode": _type,
        "FunctionNode": _function,
        "SliceNode": _slice,
        "NdArrayNode": _array,
        "MaskedArrayNode": _masked,
        "DTypeNode": _dtype,
        "RandomStateNode": _random_state,
        "SparseMatrixNode": _sparse,
        "TreeNode": _sklearn_tree,
    }

    def _list(self, content: Any, level: int) -> None:
        if not isinstance(content, list):
            raise InvalidFileError("a sequence of its schema is malformed")
        for item in content:
            self._node(item, level)

    def _layout(self, node: dict) -> Layout:
        file = self._file(node, ".npy")
        if file not in self._layouts:
            self._layouts[file] = read_layout(file, self._members[file])
        return self._layouts[file]

    def _file(self, node: dict, ending: str) -> str:
        file = _text(node, "file")
        if file not in self._members or not file.endswith(ending):
            raise InvalidFileError(f"its array {file[:60]!r} is missing")
        # Otherwise a small file could be read into memory a million times.
        if self._file_of.setdefault(file, node["__id__"]) != node["__id__"]:
            raise InvalidFileError(f"its array {file!r} is used twice")
        return file

    def _refuse(self, module: str, name: str, what: str) -> None:
        raise UnsafeFileError(
            f"it names {module[:80]}.{name[:80]}, which is not on the list of what a {what} may be. If you wrote the "
            f"file yourself, or trust whoever did, load it with trusted=[{module[:80] + '.' + name[:80]!r}]"
        )


def _text(node: dict, key: str) -> str:
    value = node.get(key)
    if not isinstance(value, str):
        raise InvalidFileError(f"a node of its schema has no {key}")
    return value


def _whole(node: dict) -> int:
    value = json.loads(node["content"]) if node.get("__loader__") == "JsonNode" else math.nan
    if type(value) is not int:
        raise InvalidFileError("a size in its schema is no whole number")
    return value


def _expect(fields: set[str], expected: set[str]) -> None:
    if fields != expected:
        raise InvalidFileError(f"a node of its schema has the parts {sorted(fields)}, not {sorted(expected)}"[:300])
