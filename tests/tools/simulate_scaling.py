"""See simulate_scaling.sh."""
import importlib.machinery
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOOL = sys.argv.pop()
loader = importlib.machinery.SourceFileLoader("simulate", TOOL)
simulate = importlib.util.module_from_spec(importlib.util.spec_from_loader("simulate", loader))
loader.exec_module(simulate)

LAYERS = [(8e6, 0.5), (1e6, 0.8), (4e6, 1.0)]  # 13 MB
INFINITE = math.inf


def node(**changes):
    values = {"fixed": 0.010, "per_sample": 0.001, "update": 0.004, "layers": LAYERS, "bucket_bytes": 1} | changes
    return simulate.Node(**values)


class Formulas(unittest.TestCase):
    def test_infinite_bandwidth_leaves_computing_alone(self):
        for n in (1, 2, 7, 64):
            for algorithm in ("owner", "ring"):
                self.assertAlmostEqual(simulate.step_seconds(node(), 64, n, INFINITE, 0.0, algorithm), 0.074)

    def test_one_bucket_is_exchanged_after_everything(self):
        # 10 + 32 ms with the update, and 2 (N - 1) / N of 13 MB at 1.25e9 bytes a second.
        one = node(bucket_bytes=1e9)
        for n in (1, 2, 4, 64):
            self.assertAlmostEqual(simulate.step_seconds(one, 32, n, 1.25e9), 0.042 + 2 * (n - 1) / n * 13e6 / 1.25e9)

    def test_a_slow_network_is_all_that_counts(self):
        # It begins with the first bucket, at half of 60 ms, and never rests from there.
        self.assertAlmostEqual(simulate.step_seconds(node(), 54, 2, 1e6), 0.030 + 13.0 + 0.004)

    def test_a_fast_network_hides_all_but_the_last_bucket(self):
        self.assertAlmostEqual(simulate.step_seconds(node(), 54, 2, 1e9), 0.060 + 4e6 / 1e9 + 0.004)

    def test_latency_by_rounds(self):
        # A ring sends N - 1 messages twice, an owner of a slice takes and gives once; three buckets, none hidden.
        late = node(layers=[(1, 1.0)] * 3)
        self.assertAlmostEqual(simulate.step_seconds(late, 54, 8, INFINITE, 0.001, "ring"), 0.064 + 3 * 14 * 0.001)
        self.assertAlmostEqual(simulate.step_seconds(late, 54, 8, INFINITE, 0.001, "owner"), 0.064 + 3 * 2 * 0.001)
        self.assertAlmostEqual(simulate.step_seconds(late, 54, 1, INFINITE, 0.001, "owner"), 0.064)

    def test_buckets_are_those_of_the_exchange(self):
        # A layer is never divided; small ones share a bucket until it has its size.
        layers = [(3, 0.1), (3, 0.2), (9, 0.3), (1, 0.4), (1, 0.5)]
        self.assertEqual(simulate.make_buckets(layers, 5), [(6, 0.2), (9, 0.3), (2, 0.5)])

    def test_a_line_through_batches(self):
        fixed, slope = simulate.fit([(16, 0.026), (64, 0.074)], 0.004)
        self.assertAlmostEqual(fixed, 0.010)
        self.assertAlmostEqual(slope, 0.001)
        # One batch only, and a line that would begin below the update.
        fixed, slope = simulate.fit([(64, 0.132)], 0.004)
        self.assertEqual(fixed, 0.004)
        self.assertAlmostEqual(slope, 0.002)
        fixed, slope = simulate.fit([(1, 1.0), (2, 4.0)], 0.0)
        self.assertEqual(fixed, 0.0)
        self.assertAlmostEqual(slope, (1 * 1 + 2 * 4) / (1 + 4))


def result(workload, **more):
    return {"workload": workload, "metric": "speed"} | more


class Program(unittest.TestCase):
    def run_tool(self, report, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bench.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(report, file)
            return subprocess.run([sys.executable, TOOL, path, *arguments], capture_output=True, text=True, check=False)

    def report(self):
        gradients = [{"layer": "all", "bytes": 1250000, "complete_at": 1.0}]
        return {"results": [result("scaling/m/batch64/alone/0", median=1000.0, details={"update_ms": 4.0}),
                            result("scaling/m/batch64/alone/1", median=500.0, details={"update_ms": 4.0}),
                            result("scaling/m/batch64/together", median=1400.0, details={"gradients": gradients})]}

    def test_tables(self):
        # 1.25 MB at 1 Gbit/s take 10 ms, twice half of it at 2 nodes; computing is 64 ms, 4 of them Adam's: strong 34 ms.
        run = self.run_tool(self.report(), "--nodes", "2", "--latency", "0", "--gigabits", "1")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("| 1 | 64 | 64.0 | 64.0 | 1.00 |", run.stdout)
        self.assertIn("| 2 | 64 | 64.0 | 74.0 | 1.73 |", run.stdout)
        self.assertIn("| 2 | 32 | 34.0 | 44.0 | 1.45 |", run.stdout)
        self.assertEqual(run.stdout.count("A doubling pays up to: 2 nodes at 1 Gbit/s"), 1)
        self.assertEqual(run.stdout.count("A doubling pays up to: 1 nodes at 1 Gbit/s"), 1)

    def test_other_devices_and_speeds(self):
        run = self.run_tool(self.report(), "--nodes", "1", "--device", "1", "--gigabits", "1")
        self.assertIn("| 1 | 64 | 128.0 | 128.0 | 1.00 |", run.stdout)
        run = self.run_tool(self.report(), "--nodes", "1", "--speed", "m=100", "--gigabits", "1")
        self.assertIn("| 1 | 64 | 640.0 | 640.0 | 1.00 |", run.stdout)

    def test_a_summary_with_assumptions(self):
        # Forward 10 + 30, then 30 and 30 of the dense layer (weights first), then 10 of the first one: 110 in all.
        summary = {"model": "m", "layers": [{"type": "input", "parameters": 0, "flop": 0.0},
                                            {"type": "conv", "parameters": 100, "flop": 10.0},
                                            {"type": "dense", "parameters": 1000, "flop": 30.0}]}
        self.assertEqual(simulate.layers_of(summary), [(4000, 70 / 110), (400, 1.0)])
        # Of two convolutions the later one's input comes first: 40 + 30 + 30.
        summary["layers"][2]["type"] = "conv"
        self.assertEqual(simulate.layers_of(summary), [(4000, 100 / 110), (400, 1.0)])
        run = self.run_tool(summary, "--nodes", "1", "--speed", "m=100", "--update", "m=4", "--gigabits", "1")
        self.assertIn("| 1 | 64 | 640.0 | 640.0 | 1.00 |", run.stdout)
        self.assertIn("--speed m=IMAGES/S", self.run_tool(summary).stderr)
        self.assertIn("--update m=MS", self.run_tool(summary, "--speed", "m=100").stderr)

    def test_it_stops_paying(self):
        # 16 nodes share 64 samples: 7.75 ms of computing, 18.75 of exchange.
        run = self.run_tool(self.report(), "--latency", "0", "--gigabits", "1")
        self.assertIn("| 16 | 4 | 7.8 | 26.5 |", run.stdout)
        self.assertIn("A doubling pays up to: 1 nodes at 1 Gbit/s", run.stdout)
        self.assertIn("A doubling pays up to: 64 nodes at 1 Gbit/s", run.stdout)

    def test_mistakes(self):
        run = self.run_tool({"results": []})
        self.assertEqual(run.returncode, 1)
        self.assertIn("there is no result of `fiducl bench scaling`", run.stderr)
        run = self.run_tool(self.report(), "--device", "2")
        self.assertIn("m: device 2 alone is missing", run.stderr)
        run = self.run_tool(self.report(), "--gigabits", "fast")
        self.assertEqual(run.returncode, 1)


unittest.main()
