"""The state of a training in a file, so that one which was killed goes on where it was.

The file is a NumPy archive of arrays with one text in JSON that says where they belong: no pickle. It is written beside
the old one, which it then replaces in one step, so that there is a whole one at any moment.
"""

import glob
import json
import os
import zipfile
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

_FORMAT = 1


class Checkpoint:
    """The file of one training.

    Parameters
    ----------
    directory : str or path-like
        Where the file lies; made if it is not there.
    identity : str
        What tells this training from all others, and names the file.
    every : int
        After how many epochs it is written.
    """

    def __init__(self, directory, identity: str, every: int):
        self.path = os.path.join(os.fspath(directory), f"{identity}.npz")
        self.every = every

    def load(self) -> dict | None:
        """Return the state that was saved last, or None."""
        if not os.path.exists(self.path):
            return None
        try:
            with open(self.path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                if record["format"] != _FORMAT:
                    raise ValueError("it was written by another version of skdl")
                arrays = [file[f"array{position}"] for position in range(record["n_arrays"])]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"The checkpoint {self.path!r} cannot be used: {error}. Remove it, or give another directory."
            ) from error
        return _unpack(record["state"], arrays)

    def save(self, state: dict) -> None:
        """Write a state down: dicts, lists, tensors, arrays, numbers, texts. It is safe when this returns."""
        arrays: list[np.ndarray] = []
        record = {"format": _FORMAT, "state": _pack(state, arrays), "n_arrays": len(arrays)}
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        draft = f"{self.path}.{os.getpid()}.tmp"
        with open(draft, "wb") as file:
            named: dict[str, Any] = {f"array{position}": array for position, array in enumerate(arrays)}
            np.savez(file, record=np.array(json.dumps(record)), **named)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.path)

    def remove(self) -> None:
        """Remove the file, and the drafts that killed processes left."""
        for path in [self.path, *glob.glob(f"{glob.escape(self.path)}.*.tmp")]:
            with suppress(FileNotFoundError):  # another process of the same training may be first
                os.remove(path)


def _pack(value, arrays: list[np.ndarray]):
    """Something that JSON can hold; arrays go into the list."""
    if isinstance(value, Tensor):
        arrays.append(value.detach().cpu().numpy())
        return {"tensor": len(arrays) - 1}
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        return {"dict": [[_pack(key, arrays), _pack(part, arrays)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pack(part, arrays) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value, arrays: list[np.ndarray]):
    if isinstance(value, list):
        return [_unpack(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, part),) = value.items()
    if kind == "dict":
        return {_unpack(key, arrays): _unpack(item, arrays) for key, item in part}
    return torch.from_numpy(arrays[part]) if kind == "tensor" else arrays[part]


def generators_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the generators that layers may draw from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_generators_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Undo :func:`generators_state`."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
