"""Damaged and forged files: ways to change what :func:`skdl.save` wrote, accidents and attacks alike.

All but the plainest accidents come with right checksums, as an attacker's files would.
"""

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable

import numpy as np

Members = dict[str, bytes]


class Trap:
    """What a planted pickle would do: make a file, whose name is the sentinel."""

    def __init__(self, sentinel: str):
        self.sentinel = sentinel

    def __reduce__(self):
        return (open, (self.sentinel, "w"))


def unpack(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(members: Members, compression=zipfile.ZIP_STORED, *, signed: bool = True) -> bytes:
    """Write the members, with checksums that are right."""
    if signed:
        record = json.loads(members["skdl.json"])
        rest = {name: hashlib.sha256(data).hexdigest() for name, data in members.items() if name != "skdl.json"}
        members = {**members, "skdl.json": json.dumps({**record, "sha256": rest}).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def _nodes(part, found: list) -> list:
    """All nodes of a schema."""
    if isinstance(part, dict):
        if "__loader__" in part:
            found.append(part)
        for item in part.values():
            _nodes(item, found)
    elif isinstance(part, list):
        for item in part:
            _nodes(item, found)
    return found


def _pick(rng, items):
    return items[int(rng.integers(len(items)))]


def _arrays(members: Members) -> list[str]:
    return [name for name in members if name.endswith(".npy")]


# Accidents.


def flip_bits(data: bytes, rng, sentinel: str) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(len(data) * 8, size=int(rng.integers(1, 9))):
        changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


def truncate(data: bytes, rng, sentinel: str) -> bytes:
    return data[: int(rng.integers(len(data)))]


def overwrite(data: bytes, rng, sentinel: str) -> bytes:
    changed = bytearray(data)
    start = int(rng.integers(len(data)))
    size = min(int(rng.integers(1, 200)), len(data) - start)
    changed[start : start + size] = rng.bytes(size)
    return bytes(changed)


# Forgeries of arrays.


def swap_arrays(data: bytes, rng, sentinel: str) -> bytes:
    members = unpack(data)
    first, second = _pick(rng, _arrays(members)), _pick(rng, _arrays(members))
    members[first], members[second] = members[second], members[first]
    return pack(members)


def drop_or_repeat(data: bytes, rng, sentinel: str) -> bytes:
    members = unpack(data)
    name = _pick(rng, list(members))
    if rng.random() < 0.5:
        del members[name]
        return pack(members, signed="skdl.json" in members)
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.fp.seek(0, 2)
        archive.NameToInfo.pop(name)  # zipfile warns of a name that comes twice
        archive.writestr(name, members[name])
    return buffer.getvalue()


_NUMBERS = (-1, -2, 0, 1, 2, 1000, 2**31, 2**62, -(2**62))
_REALS = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300)


def change_array(data: bytes, rng, sentinel: str) -> bytes:
    """Other numbers, another size, another type, in an array that is whole."""
    members = unpack(data)
    name = _pick(rng, _arrays(members))
    array = np.load(io.BytesIO(members[name])).copy()
    how = int(rng.integers(6))
    if how <= 2 and array.size and array.dtype.kind in "iufb":
        flat = array.reshape(-1)
        for place in rng.integers(len(flat), size=int(rng.integers(1, 4))):
            value = _pick(rng, _REALS if array.dtype.kind == "f" else _NUMBERS)
            with np.errstate(over="ignore"):
                flat[place] = np.asarray(value).astype(array.dtype)
    elif how == 3:
        array = array[: len(array) // 2] if array.ndim else array.reshape(1)
    elif how == 4:
        array = np.concatenate([array, array]) if array.ndim else array.reshape(1, 1)
    elif array.dtype.kind in "iufb":
        array = array.astype(_pick(rng, [np.float32, np.int8, np.uint64, np.complex128, "U3"]))
    elif array.dtype.kind == "U":
        array = np.arange(array.size).reshape(array.shape)
    buffer = io.BytesIO()
    np.save(buffer, array)
    return pack({**members, name: buffer.getvalue()})


_HEADERS = (
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -4), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "{'descr': '<U2000000000', 'fortran_order': False, 'shape': (0,), }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').system('true')",
    "{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 90 + ")" * 90 + ", }",
    "[" * 5000,
    "{'descr': '<f8'}",
    "",
)


def change_header(data: bytes, rng, sentinel: str) -> bytes:
    members = unpack(data)
    name = _pick(rng, _arrays(members))
    header = (_pick(rng, _HEADERS) + "\n").encode()
    if rng.random() < 0.2:
        header = header.ljust(60_000)
    body = members[name][128:]
    version = _pick(rng, [b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"])
    size = len(header).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return pack({**members, name: b"\x93NUMPY" + version + size + header + body})


def plant_pickle(data: bytes, rng, sentinel: str) -> bytes:
    members = unpack(data)
    name = _pick(rng, _arrays(members))
    if rng.random() < 0.5:
        members[name] = pickle.dumps(Trap(sentinel))
    else:
        buffer = io.BytesIO()
        np.save(buffer, np.array([Trap(sentinel)], dtype=object), allow_pickle=True)
        members[name] = buffer.getvalue()
    return pack(members)


# Forgeries of the schema.


def _with_schema(data: bytes, change: Callable[[dict], None]) -> bytes:
    members = unpack(data)
    schema = json.loads(members["schema.json"])
    change(schema)
    return pack({**members, "schema.json": json.dumps(schema).encode()})


_VALUES = (
    *("null", "true", "-1", "0", "1", "2", "1000000", "4611686018427387904", "-1.5", "NaN", "Infinity", "1e308"),
    *('"text"', '""', "[1, 2]", "{}", "[" * 3000, "1" * 5000, '"\\ud800"', "not json"),
)


def change_value(data: bytes, rng, sentinel: str) -> bytes:
    """Another number or text in the place of one."""

    def change(schema):
        _pick(rng, [node for node in _nodes(schema, []) if node["__loader__"] == "JsonNode"])["content"] = _pick(
            rng, _VALUES
        )

    return _with_schema(data, change)


def change_structure(data: bytes, rng, sentinel: str) -> bytes:
    """Attributes and items that are missing, come twice, or stand elsewhere."""

    def change(schema):
        nodes = _nodes(schema, [])
        how = int(rng.integers(6))
        node = _pick(rng, nodes)
        holders = [one for one in nodes if isinstance(one.get("content"), (dict, list)) and one["content"]]
        holder = _pick(rng, holders)
        content = holder["content"]
        if how == 0:
            del node[_pick(rng, list(node))]
        elif how == 1:
            node["__id__"] = _pick(rng, nodes)["__id__"]
        elif how == 2:
            other = json.loads(json.dumps(_pick(rng, nodes)))
            node.clear()
            node.update({key: value for key, value in other.items() if key not in ("protocol", "_skops_version")})
        elif how == 3 and isinstance(content, dict):
            del content[_pick(rng, list(content))]
        elif how == 3:
            content.pop()
        elif isinstance(content, dict):
            content[_pick(rng, ["predict", "__class__", "_device_cache", "fit", "x"])] = _pick(
                rng, list(content.values())
            )
        else:
            content.append(_pick(rng, content))

    return _with_schema(data, change)


def _hostile(rng, sentinel: str) -> dict:
    """A node that would run something."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "__id__": 900_001, "is_json": True}
    text["content"] = json.dumps(sentinel)
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "__id__": 900_002}
    arguments["content"] = [text]
    words = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "__id__": 900_003, "content": {}}
    words["key_types"] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "__id__": 900_004}
    words["key_types"]["content"] = []
    module, name = _pick(
        rng,
        [
            ("os", "mkdir"),
            ("builtins", "open"),
            ("builtins", "eval"),
            ("pathlib", "Path"),
            ("subprocess", "Popen"),
            ("joblib", "load"),
            ("numpy", "load"),
            ("numpy", "memmap"),
            ("numpy.lib.npyio", "NpzFile"),
            ("pandas", "read_pickle"),
            ("torch", "load"),
            ("sklearn.datasets", "fetch_openml"),
            ("sklearn.svm._classes", "SVC"),
            ("skdl.persistence._files", "load"),
            ("skops.io", "loads"),
        ],
    )
    node = {"__class__": name, "__module__": module, "__id__": 900_005}
    function = {**node, "__loader__": "FunctionNode", "__id__": 900_006}
    reduced = {"args": arguments}
    return _pick(
        rng,
        [
            function,
            {**node, "__loader__": "TypeNode"},
            {**node, "__loader__": "ObjectNode", "content": words},
            {**node, "__loader__": "ConstructorFromReduceNode", "content": arguments},
            {**node, "__loader__": "DictNode", "content": {}, "key_types": words["key_types"]},
            {**node, "__loader__": "ListNode", "content": [text]},
            {**node, "__loader__": "SetNode", "content": [text]},
            {**node, "__loader__": "LossNode", "__reduce__": reduced, "content": words},
            {**node, "__loader__": "TreeNode", "__reduce__": reduced, "content": words},
            {**node, "__loader__": "NdArrayNode", "type": "numpy", "file": "1.npy"},
            {**node, "__loader__": "RandomStateNode", "content": words},
            {**node, "__loader__": "MethodNode", "content": {"func": "system", "obj": function}},
            {
                **{"__class__": "partial", "__module__": "functools", "__loader__": "PartialNode", "__id__": 900_007},
                "content": {"func": function, "args": arguments, "kwds": words, "namespace": words},
            },
            {
                **{"__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode"},
                **{"__id__": 900_008, "attrs": arguments},
            },
        ],
    )


def plant_type(data: bytes, rng, sentinel: str) -> bytes:
    """A node that would run something in the place of another, or another name on a node."""

    def change(schema):
        nodes = _nodes(schema, [])[1:]
        node, hostile = _pick(rng, nodes), _hostile(rng, sentinel)
        if rng.random() < 0.7:
            node.clear()
            node.update(hostile)
        else:
            node[_pick(rng, ["__class__", "__module__", "__loader__"])] = _pick(
                rng, [hostile["__class__"], hostile["__module__"], hostile["__loader__"], "../../x", ""]
            )

    return _with_schema(data, change)


def forge_archive(data: bytes, rng, sentinel: str) -> bytes:
    """Bombs, ways out of the folder, other versions, depths without end."""
    members = unpack(data)
    how = int(rng.integers(7))
    if how == 0:
        return pack({**members, "7777.npy": b"\0" * 3_000_000}, zipfile.ZIP_DEFLATED)
    if how == 1:
        name = _pick(rng, ["../evil.npy", "/tmp/evil.npy", "a\\..\\b.npy", "C:evil.npy", "1.npy/../../x", "x" * 500])
        return pack({**members, name: b"x"})
    if how == 2:
        record = json.loads(members["skdl.json"])
        key, value = _pick(rng, [("format", 99), ("format", "1"), ("skdl", 3), ("skdl", None), ("sha256", [])])
        return pack({**members, "skdl.json": json.dumps({**record, key: value}).encode()}, signed=key != "sha256")
    if how == 3:
        deep = _pick(rng, [b'{"content":', b"["]) * int(rng.integers(1_000, 100_000))
        return pack({**members, "schema.json": deep})
    if how == 4:

        def nest(schema):
            node = _pick(rng, [one for one in _nodes(schema, []) if one["__loader__"] == "JsonNode"])
            for level in range(200):
                inner = dict(node)
                node.clear()
                node.update({"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"})
                node.update({"__id__": 800_000 + level, "content": [inner]})
                node = inner

        return _with_schema(data, nest)
    if how == 5:
        return data + rng.bytes(100) if rng.random() < 0.5 else rng.bytes(100) + data
    version = _pick(rng, [0, 1, 3, 99, True, None, "2"])
    return _with_schema(data, lambda schema: schema.update(protocol=version))


MUTATIONS: dict[str, Callable[[bytes, np.random.Generator, str], bytes]] = {
    function.__name__: function
    for function in (
        *(flip_bits, truncate, overwrite, swap_arrays, drop_or_repeat, change_array, change_header, plant_pickle),
        *(change_value, change_structure, plant_type, forge_archive),
    )
}
