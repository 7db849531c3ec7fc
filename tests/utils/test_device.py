"""Devices: which one, what stays there, what happens when its memory is full."""

import copy
import pickle
import warnings

import joblib
import pytest
import torch

import skdl
from skdl.exceptions import DeviceError, DeviceMemoryWarning
from skdl.utils import DeviceCache, _device, for_each_chunk, resolve_device


@pytest.fixture
def devices(monkeypatch):
    """Pretend to have this many CUDA devices, and perhaps to be the child of a process that uses them."""

    def pretend(cuda: int = 0, *, forked: bool = False, mps: bool = False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: forked)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


def test_auto_takes_cuda_where_there_is_one(devices):
    devices(0)
    assert resolve_device() == torch.device("cpu")
    devices(1)
    assert resolve_device("auto") == torch.device("cuda")


def test_auto_takes_the_setting_of_the_package(devices):
    devices(2)
    with skdl.config_context(device="cpu"):
        assert resolve_device("auto") == torch.device("cpu")
    with skdl.config_context(device="cuda:1"):
        assert resolve_device("auto") == torch.device("cuda:1")
        assert resolve_device("cpu") == torch.device("cpu")


def test_auto_is_the_cpu_in_a_forked_child(devices):
    devices(1, forked=True)
    assert resolve_device("auto") == torch.device("cpu")
    with pytest.raises(DeviceError, match=r"cannot be used in a forked process.*'loky'"):
        resolve_device("cuda")


def test_devices_by_name_and_by_object(devices):
    devices(2, mps=True)
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    assert resolve_device(torch.device("cuda")) == torch.device("cuda")
    assert resolve_device("mps") == torch.device("mps")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cpu0", "", "cuda:x", None, 3.5, object()])
def test_what_is_no_device(device):
    with pytest.raises(DeviceError, match=r"is not a device; use 'auto', 'cpu', 'cuda'"):
        resolve_device(device)


def test_a_device_that_is_not_there(devices):
    devices(0)
    with pytest.raises(DeviceError, match=r"device='cuda' was asked for, but torch .* sees 0 CUDA devices here\. Use "):
        resolve_device("cuda")
    with pytest.raises(DeviceError, match="device='mps' was asked for, but torch sees no Apple GPU here"):
        resolve_device("mps")
    devices(2)
    with pytest.raises(DeviceError, match=r"device='cuda:2' was asked for, but torch .* sees 2 CUDA devices"):
        resolve_device("cuda:2")


def test_a_device_that_comes_from_the_settings_is_named(devices):
    devices(0)
    with skdl.config_context(device="cuda"), pytest.raises(DeviceError, match="device='cuda' was asked for"):
        resolve_device("auto")


def test_a_device_that_is_not_supported():
    with pytest.raises(DeviceError, match=r"device='meta' is not supported; use 'auto', 'cpu', 'cuda' or 'mps'"):
        resolve_device("meta")


def test_the_cache_builds_once():
    cache, built = DeviceCache(), []
    for _ in range(3):
        assert cache.get("X", lambda: built.append(1) or torch.ones(3)).sum() == 3
    assert built == [1]
    assert cache.get("other", lambda: None) is None
    assert cache.get("other", lambda: 5) is None


def test_a_build_that_fails_is_tried_again():
    cache = DeviceCache()
    with pytest.raises(ZeroDivisionError):
        cache.get("X", lambda: 1 / 0)
    assert cache.get("X", lambda: 7) == 7


def _through_joblib(cache, tmp_path):
    joblib.dump(cache, tmp_path / "cache")
    return joblib.load(tmp_path / "cache")


@pytest.mark.parametrize(
    "copied",
    [
        lambda cache, _: pickle.loads(pickle.dumps(cache)),
        lambda cache, _: copy.deepcopy(cache),
        lambda cache, _: copy.copy(cache),
        _through_joblib,
    ],
    ids=["pickle", "deepcopy", "copy", "joblib"],
)
def test_a_copy_of_the_cache_is_empty(copied, tmp_path):
    cache = DeviceCache()
    cache.get("X", lambda: torch.ones(1000))
    twin = copied(cache, tmp_path)
    assert type(twin) is DeviceCache
    assert twin.get("X", lambda: "built anew") == "built anew"
    assert len(pickle.dumps(cache)) < 200
    assert cache.get("X", lambda: None) is not None


class _Memory:
    """Work that fits into memory only up to some rows, and may get more or less of it on the way."""

    def __init__(self, *room):
        self.room = list(room)
        self.tried, self.done = [], []

    def __call__(self, rows):
        size = rows.stop - rows.start
        self.tried.append(size)
        room = self.room.pop(0) if len(self.room) > 1 else self.room[0]
        if size > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.done += range(rows.start, rows.stop)


@pytest.fixture
def _nothing_said_yet(monkeypatch):
    monkeypatch.setattr(_device, "_memory_warning_given", False)


@pytest.mark.parametrize(("n", "chunk"), [(10, 3), (10, 10), (10, 100), (10, 1), (1, 5), (10, 0), (10, -4)])
def test_chunks_cover_all_rows_in_order(n, chunk):
    memory = _Memory(1000)
    for_each_chunk(n, chunk, memory)
    assert memory.done == list(range(n))
    assert max(memory.tried) == min(n, max(1, chunk))


def test_no_rows_no_work():
    memory = _Memory(1000)
    for_each_chunk(0, 5, memory)
    assert memory.tried == []


@pytest.mark.usefixtures("_nothing_said_yet")
def test_chunks_are_halved_until_they_fit():
    memory = _Memory(7)
    with pytest.warns(DeviceMemoryWarning, match="going on with 20 rows at a time"):
        for_each_chunk(100, 40, memory)
    assert memory.tried[:4] == [40, 20, 10, 5]
    assert memory.done == list(range(100))


@pytest.mark.usefixtures("_nothing_said_yet")
def test_halving_starts_from_the_rows_that_there_are():
    memory = _Memory(5)
    with pytest.warns(DeviceMemoryWarning, match="going on with 5 rows at a time"):
        for_each_chunk(10, 1_000_000, memory)
    assert memory.tried == [10, 5, 5]


@pytest.mark.usefixtures("_nothing_said_yet")
def test_memory_that_fills_up_on_the_way():
    memory = _Memory(8, 8, 3)
    with pytest.warns(DeviceMemoryWarning):
        for_each_chunk(32, 8, memory)
    assert memory.done == list(range(32))
    assert memory.tried[:5] == [8, 8, 8, 4, 2]


@pytest.mark.usefixtures("_nothing_said_yet")
def test_one_row_that_does_not_fit_is_an_error():
    memory = _Memory(0)
    with pytest.warns(DeviceMemoryWarning), pytest.raises(torch.OutOfMemoryError):
        for_each_chunk(4, 4, memory)
    assert memory.tried == [4, 2, 1]


@pytest.mark.usefixtures("_nothing_said_yet")
def test_full_memory_is_said_once():
    with pytest.warns(DeviceMemoryWarning) as said:
        for_each_chunk(100, 50, _Memory(10))
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for_each_chunk(100, 50, _Memory(10))


@pytest.mark.usefixtures("_nothing_said_yet")
def test_the_cache_of_cuda_is_emptied(devices, monkeypatch):
    devices(1)
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    with pytest.warns(DeviceMemoryWarning):
        for_each_chunk(8, 8, _Memory(2))
    assert emptied == [1, 1]


def test_other_errors_pass_through():
    def work(rows):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        for_each_chunk(8, 8, work)


@pytest.mark.gpu
def test_memory_of_a_gpu_that_is_really_full():
    free, _ = torch.cuda.mem_get_info()
    bytes_per_row = free // 6
    done = []

    def work(rows):
        torch.empty((rows.stop - rows.start) * bytes_per_row, dtype=torch.uint8, device="cuda")
        done.extend(range(rows.start, rows.stop))

    _device._memory_warning_given = False
    with pytest.warns(DeviceMemoryWarning):
        for_each_chunk(16, 16, work)
    assert done == list(range(16))
