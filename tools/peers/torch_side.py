"""PyTorch, with the settings `layout`, the memory layout of convolutions, and `mode`: eager or compiled."""

import time

import numpy as np
import torch
from torch import nn

from . import data, models

LAYOUTS = {"channels_last": torch.channels_last, "channels_first": torch.contiguous_format}


def version():
    return f"PyTorch {torch.__version__}"


def build(name, dropout):
    layers, side, channels, width = [], models.SIDE, 1, 0
    for row in models.layers_of(name):
        if row[0] == "pool":
            layers.append(nn.MaxPool2d(2))
            side //= 2
            continue
        if row[0] == "flatten":
            layers.append(nn.Flatten())
            width = channels * side * side
            continue
        if row[0] == "dropout":
            layers.append(nn.Dropout(dropout))
            continue
        if row[0] == "conv":
            layers.append(nn.Conv2d(channels, row[1], 3, padding=row[2]))
            channels, side = row[1], side - (2 if row[2] == "valid" else 0)
        else:
            layers.append(nn.Linear(width, row[1]))
            width = row[1]
        if row[-1] != "linear":
            layers.append(nn.ReLU() if row[-1] == "relu" else nn.LeakyReLU(models.LEAKY_SLOPE))
    return nn.Sequential(*layers)


def set_weights(model, tensors):
    """From fiducl's layouts. PyTorch flattens channels first: the rows of the first dense layer are put in its order."""
    layers = [layer for layer in model if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        channels = None
        for layer, (kernel, bias) in zip(layers, tensors, strict=True):
            kernel = torch.from_numpy(kernel)
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(kernel.permute(3, 2, 0, 1))
                channels = layer.out_channels
            else:
                if channels:
                    kernel = kernel.reshape(-1, channels, kernel.shape[1]).transpose(0, 1).flatten(0, 1)
                    channels = None
                layer.weight.copy_(kernel.T)
            layer.bias.copy_(torch.from_numpy(bias))


class Side:
    def __init__(self, spec):
        torch.set_num_threads(spec["threads"])
        self.spec, self.settings, self.batch = spec, spec["settings"], spec["batch"]
        self.layout = LAYOUTS[self.settings["layout"]]
        images, targets = data.load(spec["data"])
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=self.layout)
        self.targets = torch.from_numpy(targets)
        if self.settings["mode"] == "torch.compile frozen":
            torch._inductor.config.freezing = True
        self.model, self.run, self.adam = self.make(models.DROPOUT)
        self.untrained = None

    def make(self, dropout):
        model = build(self.spec["model"], dropout)
        set_weights(model, models.load_weights(self.spec["model"], self.spec["weights"]))
        model = model.to(memory_format=self.layout)
        model.train(self.spec["task"] == "train")
        adam = torch.optim.Adam(model.parameters(), models.LEARNING_RATE, models.BETAS, models.EPSILON, fused=True)
        return model, model if self.settings["mode"] == "eager" else torch.compile(model), adam

    @staticmethod
    def step(run, adam, images, targets):
        adam.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(run(images), targets)
        loss.backward()
        adam.step()
        return loss

    def epochs(self, n):
        """Seconds of each of n epochs over shuffled batches."""
        seconds = []
        for _ in range(n):
            begin = time.perf_counter()
            order = torch.randperm(len(self.images))
            for first in range(0, len(order), self.batch):
                rows = order[first:first + self.batch]
                images = self.images[rows].contiguous(memory_format=self.layout)
                self.step(self.run, self.adam, images, self.targets[rows])
            seconds.append(time.perf_counter() - begin)
        return seconds

    def fresh(self):
        """As make() gives them, before training and without dropout. Not made before it is needed: it takes memory."""
        self.untrained = self.untrained or self.make(0.0)
        return self.untrained

    def losses(self, n):
        """Of the first n steps from the initial weights, in the data's order and without dropout."""
        _, run, adam = self.fresh()
        rows = [slice(step * self.batch, (step + 1) * self.batch) for step in range(n)]
        return [self.step(run, adam, self.images[r], self.targets[r]).item() for r in rows]

    def infer(self, first, n):
        """The outputs for images first..first+n, on the host; with the initial weights."""
        run = self.fresh()[0] if self.spec["task"] == "train" else self.run
        with torch.inference_mode():
            return run(self.images[first:first + n]).numpy()
