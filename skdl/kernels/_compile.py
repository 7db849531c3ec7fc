"""How loops are compiled: once for all processes, without the interpreter's lock, and dividing as NumPy does.

``compiled_part`` is for functions that loops alone call: numba makes no way into them from Python, which would take as
long again where they take tuples of arrays. To call one from Python all the same ends the process.
"""

from typing import Any

from numba import njit

# numba's own type hints leave these two out.
_NOT_FROM_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = njit(cache=True, nogil=True, error_model="numpy")
compiled_part = njit(cache=True, nogil=True, error_model="numpy", **_NOT_FROM_PYTHON)
