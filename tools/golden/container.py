"""The golden file: named cases, each with facts (key=value) and arrays. tests/support/golden.c reads it.

    FCLGOLD1
    case NAME KEY=VALUE KEY=VALUE ...
    array NAME TYPE COUNT
    <COUNT little-endian elements, no separator, then a newline>
    ...

TYPE is f64 or u8. Values are decimal numbers that round-trip, or words. Arrays belong to the case above them.

A tensor T of an operation is stored as the array T and the facts T.count and T.sum: whole when it has at most FULL
elements, else its elements at sample_indices(count).
"""

import numpy as np

from .formula import sample_indices

MAGIC = b"FCLGOLD1\n"
FULL = 1024
TYPES = {np.dtype("float64"): "f64", np.dtype("uint8"): "u8"}


class Golden:
    def __init__(self):
        self.parts = [MAGIC]
        self.arrays = []
        self.facts = None
        self.names = set()

    def case(self, name, **facts):
        """Starts a case; facts may be added until the next one."""
        self._end_case()
        assert name not in self.names, name
        self.names.add(name)
        self.facts = {"": name, **facts}

    def fact(self, key, value):
        self.facts[key] = value

    def array(self, name, values):
        values = np.ascontiguousarray(values)
        self.arrays.append((name, TYPES[values.dtype], values.size, values.astype(values.dtype.newbyteorder("<"))))

    def tensor(self, name, values):
        values = np.asarray(values, dtype=np.float64).reshape(-1)
        self.fact(f"{name}.count", values.size)
        self.fact(f"{name}.sum", float(values.sum()))
        self.array(name, values if values.size <= FULL else values[sample_indices(values.size)])

    def write(self, path):
        self._end_case()
        with open(path, "wb") as file:
            file.write(b"".join(self.parts))

    def _end_case(self):
        if self.facts is None:
            return
        facts = dict(self.facts)
        line = f"case {facts.pop('')}"
        for key, value in facts.items():
            line += f" {key}={value!r}" if isinstance(value, float) else f" {key}={value}"
        self.parts.append(line.encode() + b"\n")
        for name, type_name, count, values in self.arrays:
            self.parts.append(f"array {name} {type_name} {count}\n".encode() + values.tobytes() + b"\n")
        self.arrays = []
        self.facts = None
