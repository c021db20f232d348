"""The two models (docs/architecture.md, data/models), as Keras and PyTorch build them."""

SIDE, COORDINATES, HALF_SIDE = 96, 30, 48.0
DROPOUT, LEAKY_SLOPE = 0.3, 0.1
# Keras applies its epsilon before the bias correction (docs/formats.md): no difference in work.
LEARNING_RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-7


def layers_of(name):
    """(kind, ...) rows: ("conv", channels, padding, activation), ("pool",), ("dense", units, activation)."""
    if name == "base_model":
        rows = []
        for channels in (32, 64, 128):
            rows += [("conv", channels, "valid", "relu"), ("pool",)]
        units = 256
    elif name == "model_v1":
        rows = []
        for channels in (32, 64, 128, 256):
            rows += [("conv", channels, "same", "leaky_relu")] * 2 + [("pool",)]
        units = 512
    else:
        raise ValueError(name)
    return rows + [("flatten",), ("dense", units, "relu"), ("dropout",), ("dense", COORDINATES, "linear")]


def tensor_names(name):
    """Of the weights in fiducl's files: (kernel, bias) of each layer that has them, in order."""
    counts, names = {}, []
    for kind in (row[0] for row in layers_of(name) if row[0] in ("conv", "dense")):
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        layer = f"{kind}_{number}" if number else kind
        names.append((f"{layer}/kernel", f"{layer}/bias"))
    return names


def load_weights(name, path):
    """[(kernel, bias)] as numpy arrays: convolution (rows, columns, in, out), dense (in, out)."""
    from safetensors.numpy import load_file

    tensors = load_file(path)
    return [(tensors[kernel], tensors[bias]) for kernel, bias in tensor_names(name)]
