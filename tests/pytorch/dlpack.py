#!/usr/bin/env python3
"""DLPack with PyTorch and numpy on the other side: dlpack.py LIBRARY (made of dlpack.cpp).

Each tensor goes to fusegrad, which writes to its memory and hands a transposed view back. Versions of PyTorch and numpy
that know no versioned capsules exchange the older ones only. Exits with 1 when anything differs.
"""

import ctypes
import gc
import sys

import numpy as np
import torch

api = ctypes.pythonapi
api.PyCapsule_GetPointer.restype, api.PyCapsule_GetPointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_New.restype = ctypes.py_object
api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

# A capsule keeps the pointer to its name, so the names live as long as the program.
NAME, USED_NAME = [b"dltensor", b"dltensor_versioned"], [b"used_dltensor", b"used_dltensor_versioned"]

DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
DTYPES += [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool]


class Exported:
    """What from_dlpack() functions expect."""

    def __init__(self, capsule, device):
        self.capsule, self.device = capsule, device

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return self.device


def exchange(library, source, versioned):
    """Through fusegrad and back, as something for from_dlpack()."""
    capsule = source.__dlpack__(max_version=(1, 1)) if versioned else source.__dlpack__()
    function = library.exchange_versioned if versioned else library.exchange_legacy
    function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pointer = api.PyCapsule_GetPointer(capsule, NAME[versioned])
    api.PyCapsule_SetName(capsule, USED_NAME[versioned])
    result = function(pointer)
    if not result:
        raise RuntimeError("fusegrad refused the capsule")
    return Exported(api.PyCapsule_New(result, NAME[versioned], None), source.__dlpack_device__())


def speaks_versions(source):
    try:
        source.__dlpack__(max_version=(1, 1))
        return True
    except TypeError:
        return False


def check_torch(library, versioned):
    for dtype in DTYPES:
        if dtype == torch.bool and not versioned and torch.__version__.startswith("1."):
            continue  # 1.13 neither exports bools nor takes them
        whole = torch.arange(24).reshape(4, 6).to(dtype)
        view = whole[1::2, 2:5]
        expected = view.clone()
        expected[0, 0] = 42
        back = torch.from_dlpack(exchange(library, view, versioned))
        assert back.dtype == dtype and torch.equal(back, expected.t()), dtype
        assert back.data_ptr() == view.data_ptr() and back.stride() == view.t().stride(), dtype
        assert whole[1, 2] == torch.tensor(42).to(dtype), dtype
    del view, whole, expected
    gc.collect()
    assert back.sum() >= 0  # the memory lives on behind fusegrad's capsule


def check_numpy(library, versioned):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    back = np.from_dlpack(exchange(library, array, versioned))
    assert array[0, 0] == 42 and np.array_equal(back, array.T)
    assert back.__array_interface__["data"][0] == array.__array_interface__["data"][0]


def main():
    library = ctypes.CDLL(sys.argv[1])
    for name, check, source in (("torch", check_torch, torch.ones(1)), ("numpy", check_numpy, np.ones(1))):
        versions = [False, True] if speaks_versions(source) else [False]
        for versioned in versions:
            check(library, versioned)
            print(f"{name}: {'versioned' if versioned else 'legacy'} capsules agree")


if __name__ == "__main__":
    main()
