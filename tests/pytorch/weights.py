#!/usr/bin/env python3
"""Weights go from PyTorch to fusegrad and back.

  weights.py PROGRAM      the test: saves models here, has PROGRAM (weights.cpp) load, compare, train and save them, and
                          loads the result; the states of all modules, and numpy's files, travel along
  weights.py --save DIR   only writes the models' safetensors, each with an input and its output in a second file

Needs neither safetensors nor torchvision. Exits with 1 when anything differs.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "fixtures")]

from fixture_file import FixtureFile  # noqa: E402
from models import MODELS, MODULES  # noqa: E402

ARRAYS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    "half": np.array([0.5, -2, np.inf], dtype=np.float16),
    "scalar": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 4), dtype=np.int32),
    "layer.0/flags": np.array([True, False]),
    "bytes": np.array([0, 255], dtype=np.uint8),
    "small": np.array([-128, 127], dtype=np.int8),
    "short": np.array([-32768], dtype=np.int16),
}

failures = []


def check(condition, text):
    if not condition:
        failures.append(text)


def write_safetensors(path, tensors):
    file = FixtureFile()
    for name, tensor in tensors.items():
        file.add(name, tensor)
    file.save(path)


def read_safetensors(path):
    return FixtureFile.load(path).tensors


def save_models(folder):
    for name, (make, make_input) in MODELS.items():
        model, x = make(), make_input()
        with torch.no_grad():
            if x.is_floating_point():
                model(x + 1)  # running statistics that are not the initial ones
            write_safetensors(os.path.join(folder, name + ".safetensors"), model.state_dict())
            output = model.eval()(x)
        write_safetensors(os.path.join(folder, name + ".example.safetensors"), {"input": x, "output": output})


def check_models(folder):
    for name, (make, _) in MODELS.items():
        ours = read_safetensors(os.path.join(folder, name + ".ours.safetensors"))
        theirs = read_safetensors(os.path.join(folder, name + ".safetensors"))
        check(set(ours) == set(theirs), f"{name}: other keys")
        check(any(not torch.equal(ours[key], theirs[key]) for key in ours), f"{name}: was not trained")
        model = make()
        model.load_state_dict(ours)
        example = read_safetensors(os.path.join(folder, name + ".ours.example.safetensors"))
        with torch.no_grad():
            output = model.eval()(example["input"])
        difference = (output - example["output"]).abs().max().item() / output.abs().max().item()
        print(f"{name}: fusegrad's weights in PyTorch: outputs differ by {difference:.2g} of the largest")
        check(difference < 1e-5, f"{name}: outputs differ")


def check_modules(folder):
    ours = read_safetensors(os.path.join(folder, "modules.safetensors"))
    states = {}
    for name, tensor in ours.items():
        module, key = name.split("/", 1)
        states.setdefault(module, {})[key] = tensor
    check(set(states) == {name for name in MODULES if MODULES[name]().state_dict()}, f"modules: {sorted(states)}")
    for name, make in MODULES.items():
        state, expected = states.get(name, {}), make().state_dict()
        check(list(state) == list(expected), f"{name}: keys {list(state)}, PyTorch has {list(expected)}")
        for key in state.keys() & expected.keys():
            described = [(str(t.dtype), list(t.shape)) for t in (state[key], expected[key])]
            check(described[0] == described[1], f"{name}: {key} is {described[0]}, PyTorch has {described[1]}")


def check_arrays(folder):
    for name in ("ours.npz", "ours_compressed.npz"):
        with np.load(os.path.join(folder, name)) as ours:
            check(list(ours.keys()) == list(ARRAYS), f"{name}: names {list(ours.keys())}")
            for key, array in ARRAYS.items():
                same = ours[key].dtype == array.dtype and ours[key].shape == array.shape
                check(same and np.array_equal(ours[key], array), f"{name}: {key}")
    single = np.load(os.path.join(folder, "ours.npy"))
    check(np.array_equal(single, ARRAYS["matrix"]) and single.dtype == np.float32, "ours.npy")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("program", nargs="?")
    choice.add_argument("--save", metavar="DIR")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    if arguments.save:
        os.makedirs(arguments.save, exist_ok=True)
        save_models(arguments.save)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        save_models(folder)
        np.savez(os.path.join(folder, "numpy.npz"), **ARRAYS)
        np.savez_compressed(os.path.join(folder, "numpy_compressed.npz"), **ARRAYS)
        np.save(os.path.join(folder, "numpy.npy"), ARRAYS["matrix"])
        subprocess.run([arguments.program, folder], check=True)
        check_models(folder)
        check_modules(folder)
        check_arrays(folder)
    for text in failures:
        print("FAILED:", text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
