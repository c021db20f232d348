"""A process that holds one model of one program and works when it is told to, else waits on its standard input.

Reads a specification, then commands, and answers each: one JSON object a line. Its standard output carries answers only.
"""

import importlib
import json
import os
import re
import sys
import time
import traceback

import numpy as np

from . import models


def peak_memory():
    """The largest resident memory of this process so far, bytes."""
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\s*(\d+) kB", file.read()).group(1)) * 1024


def infer_for(side, batch, seconds):
    """Images a second over at least `seconds`, the batches taken from the data in turn."""
    n_images, first, done = len(side.images), 0, 0
    begin = time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds or done == 0:
        side.infer(first, batch)
        done += batch
        first = first + batch if first + 2 * batch <= n_images else 0
    return done / elapsed


def to_pixels(side, outputs):
    if hasattr(side, "to_pixels"):
        return side.to_pixels(outputs)
    return outputs * models.HALF_SIDE + models.HALF_SIDE


def answer(side, spec, command):
    what = command["do"]
    if what == "epochs":
        seconds = side.epochs(command["n"])
        return {"speed": len(side.images) * len(seconds) / sum(seconds)}
    if what == "infer":
        return {"speed": infer_for(side, spec["batch"], command["seconds"])}
    if what == "losses":
        return {"losses": side.losses(command["n"])}
    if what == "predict":  # in the batches that are timed
        parts = [to_pixels(side, side.infer(first, spec["batch"])) for first in range(0, command["n"], spec["batch"])]
        return {"pixels": np.concatenate(parts).astype(float).tolist()}
    if what == "memory":
        return {"bytes": peak_memory()}
    raise ValueError(what)


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log
    spec = json.loads(sys.stdin.readline())
    try:
        module = importlib.import_module(f".{spec['side']}_side", __package__)
        side = module.Side(spec)
        answers.write(json.dumps({"version": module.version() if hasattr(module, "version") else ""}) + "\n")
        for line in sys.stdin:
            answers.write(json.dumps(answer(side, spec, json.loads(line))) + "\n")
    except Exception as error:  # the driver decides what a failure means
        traceback.print_exc()
        answers.write(json.dumps({"error": f"{type(error).__name__}: {error}".splitlines()[0]}) + "\n")


if __name__ == "__main__":
    main()
