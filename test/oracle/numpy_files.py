"""Writes numpy.json: .npy and .npz files of NumPy in base64, with what they hold.

    /usr/bin/python3 test/oracle/numpy_files.py > test/oracle/golden/numpy.json

With an argument, reads the .npy and .npz files of that folder and prints what NumPy finds in them.
"""

import base64
import io
import json
import os
import sys

import numpy as np


def told(a):
    values = [str(v) if a.dtype.kind in "iu" else v for v in a.ravel(order="C").tolist()]
    return [a.dtype.name, list(a.shape), values]


def show(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        loaded = np.load(os.path.join(folder, name))
        found[name] = {k: told(loaded[k]) for k in loaded.files} if name.endswith(".npz") else told(loaded)
    print(json.dumps(found))


def npy(a, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, a, version=version)
    return base64.b64encode(out.getvalue()).decode()


def npz(save, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    return base64.b64encode(out.getvalue()).decode()


def write():
    files = []
    kinds = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1"]
    for kind in kinds:
        for order in "<>" if kind not in ("i1", "u1", "b1") else "|":
            for shape in [(), (3,), (2, 3), (2, 3, 2), (0, 2)]:
                n = int(np.prod(shape))
                a = (np.arange(n) - n // 3).reshape(shape).astype(order + kind)
                files.append([npy(a), told(a)])
                if len(shape) > 1:
                    files.append([npy(np.asfortranarray(a)), told(a)])
    a = np.array([2**62, -(2**63)], dtype="<i8")
    files.append([npy(a), told(a)])
    for version in [(1, 0), (2, 0), (3, 0)]:
        a = np.arange(6, dtype="<f4").reshape(2, 3)
        files.append([npy(a, version), told(a)])
    arrays = {"weights": np.arange(6, dtype="<f4").reshape(2, 3), "steps": np.array([1, 2], dtype=">i4")}
    archives = [[npz(save, **arrays), {k: told(v) for k, v in arrays.items()}] for save in (np.savez, np.savez_compressed)]
    refused = {
        "objects": npy(np.array([{}, 1], dtype=object)),
        "complex": npy(np.zeros(2, dtype="c8")),
        "unsigned": npy(np.zeros(2, dtype="u4")),
        "text": npy(np.array(["a"])),
        "structured": npy(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])),
    }
    json.dump({"files": files, "archives": archives, "refused": refused}, sys.stdout)
    print()


show(sys.argv[1]) if len(sys.argv) > 1 else write()
