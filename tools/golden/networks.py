"""Ten training steps of base_model and model_v1 by PyTorch in float64, from weights and a batch that both sides compute.

The weights lie as fiducl and Keras keep them (kernel_h, kernel_w, in, out), and activations are flattened in the order
(h, w, c): the layers permute them for PyTorch, so gradients come back in that layout too.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import formula
from .container import Golden

SIDE, COORDINATES, CHANNELS_V1 = 96, 30, (32, 64, 128, 256)
STEPS = 10
LEARNING_RATE, EPSILON = 1e-3, 1e-7
LABELLED = 0.7
LEAKY_SLOPE = float(np.float32(0.1))
# Keys of formula.values: tensor i of the parameters has KEY_TENSORS + i.
KEY_TARGETS, KEY_MASK, KEY_TARGET_NOISE, KEY_TENSORS = 11, 12, 14, 1000
# (model, batch) -> key of the images' noise. A gradient jumps, by up to 1e-3 of itself here, where rounding moves an
# activation across zero or makes another element of a pooling window the largest. Of many keys tried these keep the first
# step farthest from such places: base_model by 18 times (batch 3) and once (batch 32) the rounding error in float32. In
# model_v1 some element always is too near, and PyTorch's own float32 gradients jump: their deviation is recorded.
KEY_NOISE = {("base_model", 3): 3339, ("base_model", 32): 3123, ("model_v1", 3): 5625, ("model_v1", 32): 3032}
GRADIENT_SAMPLES = 64


def images(n, key):
    """(n, 96, 96, 1): waves and noise of whole gray values, different in every sample, divided by 255."""
    s, y, x = np.meshgrid(np.arange(n), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    noise = (formula.words(n * SIDE * SIDE, key) >> np.uint64(27)).astype(np.int64).reshape(s.shape)
    gray = ((y * (1 + s % 3) + x * (1 + s % 5) + (x * y // 16) * (s % 2) + 7 * s) % 224) + noise
    return (gray.astype(np.float32) / np.float32(255)).reshape(n, SIDE, SIDE, 1)


def layers_of(name):
    """(kind, ...) rows, written from docs/architecture.md, not from the description files that are under test."""
    if name == "base_model":
        rows = []
        for channels in (32, 64, 128):
            rows += [("conv", channels, "valid", "relu"), ("pool",)]
        return rows + [("flatten",), ("dense", 256, "relu"), ("dense", COORDINATES, "linear")]
    rows = []
    for channels in CHANNELS_V1:
        rows += [("conv", channels, "same", "leaky_relu")] * 2 + [("pool",)]
    return rows + [("flatten",), ("dense", 512, "relu"), ("dense", COORDINATES, "linear")]


def shapes_of(rows):
    shapes, side, width = [], SIDE, 1
    for row in rows:
        if row[0] == "conv":
            shapes += [(3, 3, width, row[1]), (row[1],)]
            width = row[1]
            side -= 2 if row[2] == "valid" else 0
        elif row[0] == "pool":
            side //= 2
        elif row[0] == "flatten":
            width *= side * side
        else:
            shapes += [(width, row[1]), (row[1],)]
            width = row[1]
    return shapes


def parameters(rows):
    """Kernels uniform with Glorot's variance 2 / (fan_in + fan_out), biases within 0.05 of zero."""
    tensors = []
    for i, shape in enumerate(shapes_of(rows)):
        fan_in, fan_out = math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
        scale = math.sqrt(24.0 / (fan_in + fan_out)) if len(shape) > 1 else 0.1
        tensors.append(formula.values(shape, KEY_TENSORS + i, scale))
    return tensors


def targets(n):
    """(n, 30): mostly the same in every sample, as keypoints are. Were they not, the contributions to a gradient would
    cancel, and one element that rounding puts on the other side of a ReLU's kink would change it by more than 1e-4."""
    return (formula.values((1, COORDINATES), KEY_TARGETS, 0.75)
            + formula.values((n, COORDINATES), KEY_TARGET_NOISE, 0.25))


def forward(rows, tensors, x):
    tensors = iter(tensors)
    for row in rows:
        if row[0] == "pool":
            x = F.max_pool2d(x, 2)
            continue
        if row[0] == "flatten":
            x = x.permute(0, 2, 3, 1).flatten(1)
            continue
        weights, bias = next(tensors), next(tensors)
        if row[0] == "conv":
            x = F.conv2d(x, weights.permute(3, 2, 0, 1), bias, padding=row[2])
        else:
            x = x @ weights + bias
        x = F.relu(x) if row[-1] == "relu" else F.leaky_relu(x, LEAKY_SLOPE) if row[-1] == "leaky_relu" else x
    return x


def train(name, n, dtype):
    rows = layers_of(name)
    tensors = [torch.from_numpy(t).to(dtype).requires_grad_(True) for t in parameters(rows)]
    x = torch.from_numpy(images(n, KEY_NOISE[name, n])).to(dtype).permute(0, 3, 1, 2)
    wanted = torch.from_numpy(targets(n)).to(dtype)
    labelled = torch.from_numpy(formula.mask((n, COORDINATES), KEY_MASK, LABELLED)).to(dtype)
    labelled[n - 1] = 0
    optimizer = torch.optim.Adam(tensors, lr=LEARNING_RATE, betas=(0.9, 0.999), eps=EPSILON)
    history = []
    for step in range(STEPS):
        optimizer.zero_grad()
        output = forward(rows, tensors, x)
        difference = (output - wanted) * labelled
        loss = (difference**2).sum() / labelled.sum()
        loss.backward()
        history.append((loss.item(), (difference.abs().sum() / labelled.sum()).item()))
        if step == 0:
            first_output = output.detach().double().numpy()
            gradients = [t.grad.double().numpy().reshape(-1) for t in tensors]
        optimizer.step()
    return np.array(history), first_output, gradients


def model(name):
    golden = Golden()
    for n in (n for of_model, n in KEY_NOISE if of_model == name):
        history, output, gradients = train(name, n, torch.float64)
        # Two of PyTorch's float32 paths: what rounding alone does to this run.
        deviation = np.zeros(STEPS)
        gradient_deviation = np.zeros(len(gradients))
        for onednn in (True, False):
            with torch.backends.mkldnn.flags(enabled=onednn):
                rounded, _, rounded_gradients = train(name, n, torch.float32)
            deviation = np.maximum(deviation, abs(rounded[:, 0] - history[:, 0]))
            gradient_deviation = np.maximum(gradient_deviation, [
                np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(rounded_gradients, gradients)])
        golden.case(f"batch_{n}", n=n, key_noise=KEY_NOISE[name, n], n_steps=STEPS, lr=LEARNING_RATE, epsilon=EPSILON, labelled=LABELLED,
                    n_tensors=len(gradients), n_parameters=sum(g.size for g in gradients),
                    float32_gradient_deviation=float(gradient_deviation.max()))
        golden.array("loss", history[:, 0])
        golden.array("mae", history[:, 1])
        golden.array("float32_deviation", deviation)
        golden.tensor("output", output)
        golden.array("gradient_norm", np.array([np.linalg.norm(g) for g in gradients]))
        samples = [g[formula.sample_indices(g.size, GRADIENT_SAMPLES)] for g in gradients]
        golden.array("gradient_samples", np.concatenate(samples))
        print(f"{name} batch {n}: losses {history[:, 0]}\n  float32 deviation {deviation}\n"
              f"  float32 gradient deviation {gradient_deviation}")
    return golden


FILES = {"base_model.golden": "base_model", "model_v1.golden": "model_v1"}
