"""The processes that are measured: workers of the peers, and fiducl's own program."""

import csv
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import time

from . import models

# A compiler at work answers late; only one that hangs never does.
ANSWER_SECONDS = 1800
MEMORY_POLL_SECONDS = 0.05


class Failed(Exception):
    """A process did not do what it was told; the text says why."""


class Worker:
    """A worker.py process, idle between commands."""

    def __init__(self, spec, environment, log):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peers.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            cwd=pathlib.Path(__file__).resolve().parent.parent, env=os.environ | environment)
        try:
            self.version = self.ask(spec)["version"]
        except BaseException:
            self.close()
            raise

    def ask(self, command):
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed("the process ended without an answer" if self.process.poll() is not None else "no answer")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Program:
    """The program `fiducl`: every training is a run of it from beginning to end."""

    def __init__(self, path, device, environment, work, log):
        self.path, self.device, self.log = str(path), device, log
        self.work = pathlib.Path(work)
        self.environment = os.environ | environment
        self.peak_memory = 0

    def __call__(self, *arguments):
        """Runs a command; its own peak memory stands in `peak_memory`."""
        process = subprocess.Popen([self.path, *map(str, arguments), "--quiet"], stdout=subprocess.PIPE, stderr=self.log,
                                   stdin=subprocess.DEVNULL, text=True, env=self.environment)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        self.peak_memory = 0
        try:
            while process.poll() is None:
                if found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text()):
                    self.peak_memory = max(self.peak_memory, int(found.group(1)) * 1024)
                time.sleep(MEMORY_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
            output = process.stdout.read()
            process.stdout.close()
        if process.returncode != 0:
            raise Failed(f"fiducl {arguments[0]} ended with exit code {process.returncode}")
        return output

    def train(self, prepared, model, weights, *options):
        """Trains with the recipe of the peers; gives the run's folder."""
        run = self.work / "run"
        shutil.rmtree(run, ignore_errors=True)
        device = ["--device", self.device] if self.device else []
        self("train", prepared, "--model", model, "--out", run, "--recipe", "original", "--fill", "none", "--patience", 0,
             "--lr", models.LEARNING_RATE, *(["--init-weights", weights] if weights else []), *device, *options)
        return run

    def training_speed(self, prepared, model, weights, n_epochs):
        """Images a second of n epochs after a first one, as the run itself records them: without validation."""
        run = self.train(prepared, model, weights, "--epochs", 1 + n_epochs)
        with open(run / "history.csv") as file:
            rows = list(csv.DictReader(file))[1:]
        n_images = sum(float(row["seconds"]) * float(row["images_per_second"]) for row in rows)
        return n_images / sum(float(row["seconds"]) for row in rows)

    def losses(self, prepared, model, weights, n_steps):
        log = self.work / "steps.csv"
        self.train(prepared, model, weights, "--max-steps", n_steps, "--no-shuffle", "--no-dropout", "--step-log", log)
        with open(log) as file:
            return [float(row["loss"]) for row in csv.DictReader(file)]
