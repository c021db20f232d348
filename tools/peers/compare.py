"""Measures fiducl, Keras and PyTorch in turns and prints one table; tools/compare-peers prepares what it needs."""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import sys
import time

from . import models, table
from .processes import Failed, Program, Worker
from .settings import SETTINGS, text_of

PEERS = ("keras", "torch")
BATCH = 32
# Largest difference between programs of a predicted coordinate, in pixels of the 96x96 frame: 2 float32 roundings of 48
# are 1e-5; a chain of a dozen layers, and Winograd's transforms, multiply it. A layer that is built wrong moves it by more.
TOLERANCE_PIXELS = 0.01
# Relative difference of the training loss: of the first step, which the same forward pass gives, and of the last one,
# where Adam has amplified the roundings and Keras' epsilon counts more: relative to the largest loss on the way, since a step
# that overshoots leaves both somewhere else.
TOLERANCE_FIRST_LOSS, TOLERANCE_LAST_LOSS = 1e-4, 0.1
CHECKED_STEPS, CHECKED_IMAGES = 4, 32
# Training before the weights that all begin with, so that no bias is zero.
STEPS_BEFORE = 8
# Threads of the program that had its turn may spin for a while; the next one waits for them to sleep.
PAUSE_SECONDS = 0.3


@dataclasses.dataclass(frozen=True)
class Workload:
    task: str
    model: str
    batch: int

    def title(self):
        verb = "training" if self.task == "train" else "inference"
        return f"{verb} {self.model}, batch {self.batch}"


WORKLOADS = [Workload(task, model, batch) for task, batch in (("train", BATCH), ("infer", BATCH), ("infer", 1))
             for model in ("base_model", "model_v1")]


@dataclasses.dataclass
class Effort:
    """How long and how often; the images are the prepared training split's."""
    n_images: int
    rounds: int
    epochs: dict  # a turn, by model
    seconds: float  # a turn of inference
    screening_turns: int
    all_settings: bool  # else the last one


FULL = Effort(1024, 7, {"base_model": 3, "model_v1": 1}, 3.0, 2, True)
QUICK = Effort(128, 2, {"base_model": 1, "model_v1": 1}, 0.3, 1, False)


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="compare-peers")
    parser.add_argument("--fiducl", required=True, help="the program")
    parser.add_argument("--library", required=True, help="libfiducl.so")
    parser.add_argument("--work", required=True, help="folder for data and runs")
    parser.add_argument("--device")
    parser.add_argument("--fiducl-env", action="append", default=[], metavar="NAME=VALUE", help="for fiducl's processes only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", action="append", default=[], metavar="TEXT")
    parser.add_argument("--settings", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--json")
    return parser.parse_args()


def chosen_before(path):
    """The peers' settings that the table of an earlier --json names: {(peer, model, task, batch): [settings]}."""
    chosen = {}
    for result in json.loads(path.read_text())["results"]:
        for peer, settings in result["settings"].items():
            # The row of memory names the settings of a training.
            of_workload = chosen.setdefault((peer, result["model"], result.get("task", "train"), result["batch"]), [])
            if settings not in of_workload:
                of_workload.append(settings)
    return chosen


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.effort = QUICK if arguments.quick else FULL
        if arguments.rounds:
            self.effort = dataclasses.replace(self.effort, rounds=arguments.rounds)
        self.work = pathlib.Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.threads = len(os.sched_getaffinity(0))
        self.log = open(self.work / "log.txt", "w")
        # A cache of its own: as shipped, or tuned by this very run.
        cache = self.work / ("cache-tuned" if arguments.tune else "cache")
        self.fiducl_environment = {"FIDUCL_CACHE_DIR": str(cache), "POCL_MAX_PTHREAD_COUNT": str(self.threads)}
        self.fiducl_environment |= dict(pair.split("=", 1) for pair in arguments.fiducl_env)
        self.peer_environment = {"OMP_NUM_THREADS": str(self.threads)}
        self.fiducl = Program(arguments.fiducl, arguments.device, self.fiducl_environment, self.work, self.log)
        self.prepared = self.work / f"prepared-{self.effort.n_images}"
        self.chosen_before = chosen_before(arguments.settings) if arguments.settings else None
        self.versions, self.results, self.memory = {}, [], {}
        self.weights, self.expected, self.losses = {}, {}, {}

    def prepare(self):
        """Data, and for each model weights with what fiducl computes from them."""
        faces = self.work / f"faces-{self.effort.n_images}"
        if not self.prepared.exists():
            rest = 2 * BATCH
            self.fiducl("synth", "--out", faces, "--count", self.effort.n_images + rest, "--complete", "--force")
            self.fiducl("prepare", faces, "--out", self.prepared, "--split", f"{self.effort.n_images},{BATCH},{BATCH}",
                        "--force")
        if self.arguments.tune:
            say("fiducl tune")
            self.fiducl("tune", *(["--device", self.arguments.device] if self.arguments.device else []))

    def prepare_model(self, model):
        """A few steps from random weights, so that no bias is zero, then what everyone must agree with."""
        if model in self.weights:
            return
        run = self.fiducl.train(self.prepared, model, None, "--max-steps", STEPS_BEFORE)
        folder = self.work / f"weights-{model}"
        shutil.rmtree(folder, ignore_errors=True)
        run = run.rename(folder)
        self.weights[model] = run / "best.safetensors"
        self.losses[model] = self.fiducl.losses(self.prepared, model, self.weights[model], CHECKED_STEPS)
        worker = self.start("fiducl", Workload("infer", model, BATCH), {})
        self.expected[model] = worker.ask({"do": "predict", "n": CHECKED_IMAGES})["pixels"]
        worker.close()

    def start(self, side, workload, settings):
        """A worker that holds the workload's model."""
        spec = {"side": side, "task": workload.task, "model": workload.model, "batch": workload.batch,
                "settings": settings, "threads": self.threads, "data": str(self.prepared),
                "weights": str(self.weights[workload.model]), "library": self.arguments.library,
                "device": self.arguments.device}
        return Worker(spec, self.fiducl_environment if side == "fiducl" else self.peer_environment, self.log)

    def check(self, side, worker, workload):
        """Raises SystemExit: with a wrong result on one side no figure means anything."""
        pixels = worker.ask({"do": "predict", "n": CHECKED_IMAGES})["pixels"]
        worst = max(abs(a - b) for row, wanted in zip(pixels, self.expected[workload.model], strict=True)
                    for a, b in zip(row, wanted, strict=True))
        if not worst <= TOLERANCE_PIXELS:
            raise SystemExit(f"compare-peers: {workload.title()}: {side} predicts otherwise than fiducl from the same "
                             f"weights, by {worst:.3g} px ({TOLERANCE_PIXELS} px are allowed); no figure would mean anything")
        if workload.task != "train":
            return f"predictions within {worst:.1e} px"
        wanted = self.losses[workload.model]
        losses = worker.ask({"do": "losses", "n": len(wanted)})["losses"]
        off = [abs(a - b) / max(wanted[:i + 1]) for i, (a, b) in enumerate(zip(losses, wanted, strict=True))]
        if not (off[0] <= TOLERANCE_FIRST_LOSS and off[-1] <= TOLERANCE_LAST_LOSS):
            raise SystemExit(f"compare-peers: {workload.title()}: {side} trains otherwise than fiducl from the same "
                             f"weights: losses {losses}, of fiducl {wanted}; no figure would mean anything")
        return f"predictions within {worst:.1e} px, losses within {off[0]:.1e} to {off[-1]:.1e}"

    def turn(self, workload, worker):
        """One measured turn, images a second."""
        time.sleep(PAUSE_SECONDS)
        if workload.task == "infer":
            return worker.ask({"do": "infer", "seconds": self.effort.seconds})["speed"]
        n = self.effort.epochs[workload.model]
        if worker is None:
            return self.fiducl.training_speed(self.prepared, workload.model, self.weights[workload.model], n)
        return worker.ask({"do": "epochs", "n": n})["speed"]

    def warm_up(self, workload, worker):
        if workload.task == "train":
            worker.ask({"do": "epochs", "n": 1})
        else:
            worker.ask({"do": "infer", "seconds": 0})
            worker.ask({"do": "infer", "seconds": self.effort.seconds / 3})

    def candidates(self, side, workload):
        """The settings to try."""
        if side in PEERS and self.chosen_before is not None:
            try:
                return self.chosen_before[side, workload.model, workload.task, workload.batch]
            except KeyError:
                raise SystemExit(f"compare-peers: {self.arguments.settings} has no settings of {side} for {workload.title()}; "
                                 "name a file of a run that measured it, or leave --settings out") from None
        candidates = SETTINGS[side, workload.task]
        return candidates if self.effort.all_settings else candidates[-1:]

    def choose(self, side, workload):
        """The worker with the fastest settings, and these. No figure of one that was not checked."""
        best, best_speed, best_settings = None, 0.0, None
        for settings in self.candidates(side, workload):
            text, worker = text_of(settings), None
            try:
                worker = self.start(side, workload, settings)
                self.warm_up(workload, worker)
                speed = max(self.turn(workload, worker) for _ in range(self.effort.screening_turns))
                self.versions[side] = worker.version
                if workload.task == "train":
                    used = worker.ask({"do": "memory"})["bytes"]
                    self.memory.setdefault((side, workload.model), []).append((used, settings))
                agreement = self.check(side, worker, workload)  # after that: it takes memory
            except Failed as failure:
                say(f"  {side:<7} {text:<40} left out: {failure} (see {self.log.name})")
                if worker:
                    worker.close()
                continue
            except BaseException:
                if worker:
                    worker.close()
                if best:
                    best.close()
                raise
            say(f"  {side:<7} {text:<40} {speed:8.1f} images/s; {agreement}")
            if speed > best_speed:
                if best:
                    best.close()
                best, best_speed, best_settings = worker, speed, settings
            else:
                worker.close()
        if not best:
            raise SystemExit(f"compare-peers: {workload.title()}: {side} fails with all settings, see {self.log.name}")
        return best, best_settings

    def measure(self, workload):
        say(workload.title())
        self.prepare_model(workload.model)
        workers, chosen = {}, {}
        try:
            if workload.task == "train":
                workers["fiducl"] = None
                speed = self.turn(workload, None)
                say(f"  {'fiducl':<7} {'-':<40} {speed:8.1f} images/s")
                self.memory.setdefault(("fiducl", workload.model), []).append((self.fiducl.peak_memory, {}))
            else:
                workers["fiducl"], _ = self.choose("fiducl", workload)
            for peer in PEERS:
                workers[peer], chosen[peer] = self.choose(peer, workload)
            rounds = []
            order = list(workers)
            for number in range(self.effort.rounds):
                rounds.append({side: self.turn(workload, workers[side]) for side in order})
                if workload.task == "train":
                    self.memory[("fiducl", workload.model)].append((self.fiducl.peak_memory, {}))
                order = order[1:] + order[:1]  # nobody always follows the same one
                say(f"  round {number + 1}: " + ", ".join(f"{side} {rounds[-1][side]:.1f}" for side in workers))
        finally:
            for worker in workers.values():
                if worker:
                    worker.close()
        self.results.append({"title": workload.title(), "unit": "images/s", **dataclasses.asdict(workload),
                             "settings": chosen, "rounds": rounds})

    def add_memory(self, model):
        """Of fiducl the most that any run took; of a peer the settings that take least, fast or not."""
        used = {side: self.memory[side, model] for side in ("fiducl", *PEERS)}
        least = {peer: min(used[peer], key=lambda pair: pair[0]) for peer in PEERS}
        self.results.append({"title": f"memory, training {model}", "unit": "bytes", "model": model, "batch": BATCH,
                             "settings": {peer: least[peer][1] for peer in PEERS},
                             "bytes": {"fiducl": max(used["fiducl"], key=lambda pair: pair[0])[0]}
                             | {peer: least[peer][0] for peer in PEERS}})


def main():
    arguments = parse_arguments()
    comparison = Comparison(arguments)
    workloads = [w for w in WORKLOADS if not arguments.only or any(part in w.title() for part in arguments.only)]
    if not workloads:
        raise SystemExit("compare-peers: no workload has " + " or ".join(arguments.only) + " in its name: "
                         + ", ".join(w.title() for w in WORKLOADS))
    try:
        comparison.prepare()
        for workload in workloads:
            comparison.measure(workload)
    except Failed as failure:
        raise SystemExit(f"compare-peers: {failure}, see {comparison.log.name}")
    if Workload("train", "model_v1", BATCH) in workloads:
        comparison.add_memory("model_v1")
    devices = comparison.fiducl("devices")
    print(f"{comparison.threads} threads; fiducl on {arguments.device or 'its default device'}, "
          f"{'tuned' if arguments.tune else 'as shipped'}; " + ", ".join(comparison.versions[p] for p in PEERS))
    print(table.header())
    for result in comparison.results:
        print(table.row(result))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "arguments": sys.argv[1:],
            "threads": comparison.threads, "versions": comparison.versions, "devices": devices,
            "tuned": arguments.tune, "effort": dataclasses.asdict(comparison.effort), "results": comparison.results,
            "memory": [{"side": side, "model": model, "bytes": [used for used, _ in pairs]}
                       for (side, model), pairs in comparison.memory.items()]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
