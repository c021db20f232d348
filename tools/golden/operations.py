"""Operations computed by PyTorch and numpy in float64 from float32 inputs (src/ops/op.h says what each computes)."""

import numpy as np
import torch
import torch.nn.functional as F

from . import formula, philox
from .container import Golden

# Operand T of a case has the key seed * KEYS_PER_CASE + ROLE[T]; roles are numbered as fcl_role.
KEYS_PER_CASE = 64
ROLE = {name: number for number, name in enumerate(
    "X X2 W B Y DY DX DW DB TARGET MASK STATS FLAG M V PLACE".split())}
# Cases that a simulated device (some 30 MFLOP/s) can run.
TINY_FLOP = 100_000


def operand(seed, role, shape, scale=1.0, offset=0.0):
    return formula.values(shape, seed * KEYS_PER_CASE + ROLE[role], scale, offset)


def double(array):
    return torch.from_numpy(array.astype(np.float64))


def same_padding(size, kernel, stride):
    """Output size and padding before, as TensorFlow's SAME."""
    out = -(-size // stride)
    return out, max((out - 1) * stride + kernel - size, 0) // 2


def output_and_padding(padding, size, kernel, stride):
    return same_padding(size, kernel, stride) if padding == "same" else ((size - kernel) // stride + 1, 0)


def activate(kind, alpha, z):
    if kind == "relu":
        return F.relu(z)
    if kind == "leaky_relu":
        return F.leaky_relu(z, alpha)
    if kind == "elu":
        return F.elu(z, alpha)
    return z


def derivative_at_output(kind, alpha, y):
    """d activation / dz by autograd, at the z whose activation is y (numpy float32)."""
    y = double(y)
    if kind == "leaky_relu":
        z = torch.where(y < 0, y / alpha, y)
    elif kind == "elu":
        z = torch.where(y < 0, torch.log1p(y / alpha), y)
    else:
        z = y
    z.requires_grad_(True)
    return torch.autograd.grad(activate(kind, alpha, z).sum(), z)[0]


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def alpha_of(kind):
    """Exact in float32, so that both sides compute with the same number."""
    return {"leaky_relu": 0.125, "elu": 1.0}.get(kind, 0.0)


def put(golden, role, values, magnitude):
    """A tensor with the sum of absolute terms: over all elements, and over those that are stored."""
    magnitude = magnitude.detach().numpy().reshape(-1)
    golden.tensor(role, values.detach().numpy())
    golden.fact(f"{role}.magnitude", float(magnitude.sum()))
    stored = magnitude if magnitude.size <= 1024 else magnitude[formula.sample_indices(magnitude.size)]
    golden.fact(f"{role}.stored_magnitude", float(stored.sum()))


# name: (samples, batch), (h, w, c), out_c, kernel, stride, padding, activation, activation that made x
CONVOLUTIONS = {
    "1x1_valid": ((3, 3), (6, 6, 5), 7, (1, 1), (1, 1), "valid", "elu", "leaky_relu"),
    "1x1_stride_2": ((2, 2), (7, 6, 4), 8, (1, 1), (2, 2), "same", "relu", "linear"),
    "2x2_valid": ((1, 4), (5, 5, 4), 6, (2, 2), (1, 1), "valid", "linear", "elu"),
    "2x2_same": ((3, 4), (5, 6, 3), 4, (2, 2), (1, 1), "same", "relu", "relu"),
    "3x3_valid_in_1": ((1, 1), (8, 8, 1), 4, (3, 3), (1, 1), "valid", "relu", "linear"),
    "3x3_same": ((2, 3), (7, 5, 3), 5, (3, 3), (1, 1), "same", "leaky_relu", "leaky_relu"),
    "3x3_one_output": ((2, 2), (3, 3, 8), 16, (3, 3), (1, 1), "valid", "elu", "relu"),
    "3x3_larger_than_image": ((2, 2), (1, 2, 3), 4, (3, 3), (1, 1), "same", "relu", "relu"),
    "3x3_stride_2_same_even": ((2, 2), (8, 6, 4), 4, (3, 3), (2, 2), "same", "leaky_relu", "linear"),
    "3x3_stride_2_valid_odd": ((3, 3), (9, 8, 2), 5, (3, 3), (2, 2), "valid", "elu", "elu"),
    "4x4_valid": ((2, 2), (9, 7, 2), 3, (4, 4), (1, 1), "valid", "elu", "linear"),
    "4x4_same": ((1, 2), (6, 7, 3), 8, (4, 4), (1, 1), "same", "relu", "leaky_relu"),
    "5x5_same": ((2, 2), (11, 9, 4), 3, (5, 5), (1, 1), "same", "leaky_relu", "relu"),
    "5x3_stride_3x2_same": ((2, 2), (10, 9, 3), 6, (5, 3), (3, 2), "same", "relu", "relu"),
    "3x3_odd_channels": ((2, 2), (10, 13, 33), 17, (3, 3), (1, 1), "same", "leaky_relu", "leaky_relu"),
    "3x3_16_to_32_partial": ((5, 8), (12, 10, 16), 32, (3, 3), (1, 1), "same", "leaky_relu", "leaky_relu"),
    "3x3_in_1_valid": ((2, 5), (40, 40, 1), 32, (3, 3), (1, 1), "valid", "relu", "linear"),
    "3x3_32_to_64_valid": ((3, 4), (23, 23, 32), 64, (3, 3), (1, 1), "valid", "relu", "relu"),
    "3x3_64_to_128_valid": ((1, 3), (10, 10, 64), 128, (3, 3), (1, 1), "valid", "relu", "relu"),
    "2x2_64_to_128_valid": ((2, 2), (11, 11, 64), 128, (2, 2), (1, 1), "valid", "elu", "elu"),
    "3x3_32_to_64_same_partial": ((5, 8), (24, 24, 32), 64, (3, 3), (1, 1), "same", "leaky_relu", "leaky_relu"),
}


def convolutions(first_seed):
    golden = Golden()
    for seed, (name, row) in enumerate(CONVOLUTIONS.items(), first_seed):
        (n, batch), (h, w, c), out_c, (kh, kw), (sh, sw), padding, activation, x_activation = row
        out_h, top = output_and_padding(padding, h, kh, sh)
        out_w, left = output_and_padding(padding, w, kw, sw)
        bottom = max((out_h - 1) * sh + kh - h - top, 0)
        right = max((out_w - 1) * sw + kw - w - left, 0)
        flop = 2 * n * out_h * out_w * out_c * kh * kw * c
        alpha, x_alpha = alpha_of(activation), alpha_of(x_activation)
        golden.case(name, seed=seed, n=n, batch=batch, tiny=int(flop <= TINY_FLOP), in_h=h, in_w=w, in_c=c,
                    out_h=out_h, out_w=out_w, out_c=out_c, kernel_h=kh, kernel_w=kw, stride_h=sh, stride_w=sw,
                    pad_top=top, pad_left=left, activation=activation, alpha=alpha, x_activation=x_activation,
                    x_alpha=x_alpha)

        def run(x, weights, bias, dy):
            x.requires_grad_(True)
            weights.requires_grad_(True)
            bias.requires_grad_(True)
            padded = F.pad(nchw(x), (left, right, top, bottom))
            z = nhwc(F.conv2d(padded, weights.permute(3, 2, 0, 1), bias, stride=(sh, sw)))
            z = z[:, :out_h, :out_w, :]
            return (z, *torch.autograd.grad(z, (x, weights, bias), dy))

        x = operand(seed, "X", (n, h, w, c))
        inputs = [double(x)] + [double(operand(seed, role, shape)) for role, shape in (
            ("W", (kh, kw, c, out_c)), ("B", (out_c,)), ("DY", (n, out_h, out_w, out_c)))]
        z, dx, dw, db = run(*[t.clone() for t in inputs])
        z_size, dx_size, dw_size, db_size = run(*[t.abs() for t in inputs])
        derivative = derivative_at_output(x_activation, x_alpha, x)
        put(golden, "Y", activate(activation, alpha, z), z_size)
        put(golden, "DX", dx * derivative, dx_size)
        put(golden, "DW", dw, dw_size)
        put(golden, "DB", db, db_size)
    return golden


# The same with F.max_pool2d(2) behind the activation. Integers in x and weights make ties, also above zero.
POOLED_CONVOLUTIONS = {
    "3x3_first_layer": ((2, 3), (12, 14, 1), 32, (3, 3), (1, 1), "valid", "relu", "linear", 0),
    "3x3_odd_output": ((3, 4), (9, 13, 16), 32, (3, 3), (1, 1), "valid", "relu", "relu", 0),
    "3x3_same": ((2, 2), (8, 12, 16), 16, (3, 3), (1, 1), "same", "leaky_relu", "leaky_relu", 0),
    "3x3_same_odd_single": ((1, 4), (7, 5, 16), 16, (3, 3), (1, 1), "same", "elu", "elu", 0),
    "3x3_ties": ((2, 3), (11, 10, 16), 16, (3, 3), (1, 1), "same", "relu", "relu", 2),
    "3x5_odd_channels": ((3, 3), (9, 11, 5), 7, (3, 5), (1, 1), "same", "leaky_relu", "relu", 0),
    "2x2_stride_2_ties": ((2, 2), (13, 12, 3), 18, (2, 2), (2, 2), "valid", "linear", "linear", 2),
    "1x1_one_cell": ((1, 1), (3, 2, 4), 5, (1, 1), (1, 1), "valid", "relu", "elu", 0),
}


def put_at(z, indices, pooled):
    """A tensor like z (NCHW) with the pooled values at the indices that max_pool2d returned, and zero elsewhere."""
    return torch.zeros_like(z).flatten(2).scatter(2, indices.flatten(2), pooled.flatten(2)).view_as(z)


def pooled_convolutions(first_seed):
    golden = Golden()
    for seed, (name, row) in enumerate(POOLED_CONVOLUTIONS.items(), first_seed):
        (n, batch), (h, w, c), out_c, (kh, kw), (sh, sw), padding, activation, x_activation, levels = row
        out_h, top = output_and_padding(padding, h, kh, sh)
        out_w, left = output_and_padding(padding, w, kw, sw)
        bottom = max((out_h - 1) * sh + kh - h - top, 0)
        right = max((out_w - 1) * sw + kw - w - left, 0)
        alpha, x_alpha = alpha_of(activation), alpha_of(x_activation)
        golden.case(name, seed=seed, n=n, batch=batch, tiny=int(2 * n * out_h * out_w * out_c * kh * kw * c <= TINY_FLOP),
                    in_h=h, in_w=w, in_c=c, out_h=out_h, out_w=out_w, out_c=out_c, kernel_h=kh, kernel_w=kw, stride_h=sh,
                    stride_w=sw, pad_top=top, pad_left=left, activation=activation, alpha=alpha,
                    x_activation=x_activation, x_alpha=x_alpha, levels=levels)

        def input_of(role, shape):
            values = operand(seed, role, shape)
            return np.round(values * np.float32(levels)) if levels and role != "DY" else values

        def convolve(x, weights, bias):
            padded = F.pad(nchw(x), (left, right, top, bottom))
            return F.conv2d(padded, weights.permute(3, 2, 0, 1), bias, stride=(sh, sw))[:, :, :out_h, :out_w]

        shapes = {"X": (n, h, w, c), "W": (kh, kw, c, out_c), "B": (out_c,), "DY": (n, out_h // 2, out_w // 2, out_c)}
        x, weights, bias, dy = (double(input_of(role, shape)) for role, shape in shapes.items())
        inputs = [t.clone().requires_grad_(True) for t in (x, weights, bias)]
        z = convolve(*inputs)
        pooled, indices = F.max_pool2d(activate(activation, alpha, z), 2, return_indices=True)
        rows, columns = indices // out_w % 2, indices % out_w % 2
        # What is before the activation has the gradient where the maximum is.
        before = put_at(z, indices, nchw(dy))
        dx, dw, db = torch.autograd.grad(z, inputs, before, retain_graph=True)
        # Which is what follows from the gradient behind it, with the derivative at the pooled value.
        behind = torch.autograd.grad(pooled, inputs, nchw(dy), retain_graph=True)
        slope = derivative_at_output(activation, alpha, pooled.detach().numpy())
        scaled = put_at(z, indices, nchw(dy) * slope)
        for a, b in zip(behind, torch.autograd.grad(z, inputs, scaled)):
            assert torch.allclose(a, b, 1e-12, 1e-12), name
        # Magnitudes: a maximum may err as much as any of its pixels, and a gradient counts at each of them.
        sizes = [t.abs().requires_grad_(True) for t in (x, weights, bias)]
        z_size = convolve(*sizes)
        dy_size = F.pad(F.interpolate(nchw(dy.abs()), scale_factor=2), (0, out_w % 2, 0, out_h % 2))
        dx_size, dw_size, db_size = torch.autograd.grad(z_size, sizes, dy_size)
        derivative = derivative_at_output(x_activation, x_alpha, input_of("X", shapes["X"]))
        put(golden, "Y", nhwc(pooled), nhwc(F.max_pool2d(z_size, 2)))
        put(golden, "DX", dx * derivative, dx_size)
        put(golden, "DW", dw, dw_size)
        put(golden, "DB", db, db_size)
        golden.array("PLACE", nhwc(rows * 2 + columns).numpy().astype(np.uint8).reshape(-1))
    return golden


# name: (samples, batch), in, out, activation, activation that made x
DENSES = {
    "1_to_1": ((1, 1), 1, 1, "linear", "linear"),
    "5_to_3_partial": ((2, 3), 5, 3, "relu", "elu"),
    "17_to_33": ((7, 7), 17, 33, "leaky_relu", "relu"),
    "64_to_1": ((3, 3), 64, 1, "elu", "leaky_relu"),
    "1_to_64": ((3, 3), 1, 64, "relu", "linear"),
    "256_to_30": ((32, 32), 256, 30, "linear", "relu"),
    "256_to_30_partial": ((5, 32), 256, 30, "linear", "relu"),
    "1000_to_257_single": ((1, 8), 1000, 257, "elu", "elu"),
    "2304_to_128_partial": ((13, 32), 2304, 128, "relu", "relu"),
}


def denses(first_seed):
    golden = Golden()
    for seed, (name, ((n, batch), n_in, n_out, activation, x_activation)) in enumerate(DENSES.items(), first_seed):
        alpha, x_alpha = alpha_of(activation), alpha_of(x_activation)
        golden.case(name, seed=seed, n=n, batch=batch, tiny=int(2 * n * n_in * n_out <= TINY_FLOP), **{"in": n_in},
                    out=n_out, activation=activation, alpha=alpha, x_activation=x_activation, x_alpha=x_alpha)
        x32 = operand(seed, "X", (n, n_in))
        x, w, b, dy = double(x32), *[double(operand(seed, role, shape)) for role, shape in (
            ("W", (n_in, n_out)), ("B", (n_out,)), ("DY", (n, n_out)))]
        put(golden, "Y", activate(activation, alpha, F.linear(x, w.T, b)), x.abs() @ w.abs() + b.abs())
        put(golden, "DX", dy @ w.T * derivative_at_output(x_activation, x_alpha, x32), dy.abs() @ w.abs().T)
        put(golden, "DW", x.T @ dy, x.abs().T @ dy.abs())
        put(golden, "DB", dy.sum(0), dy.abs().sum(0))
    return golden


# name: (samples, batch), (h, w, c), window, stride, padding, activation that made x, levels (0: no ties), index of a NaN
POOLS = {
    "2x2": ((2, 3), (6, 8, 4), (2, 2), (2, 2), "valid", "relu", 0, -1),
    "2x2_odd_size": ((1, 1), (7, 5, 3), (2, 2), (2, 2), "valid", "leaky_relu", 0, -1),
    "2x2_ties": ((2, 2), (8, 8, 2), (2, 2), (2, 2), "valid", "elu", 3, -1),
    "2x2_same_odd": ((2, 2), (5, 7, 3), (2, 2), (2, 2), "same", "linear", 0, -1),
    "3x3_overlapping": ((2, 2), (9, 7, 5), (3, 3), (2, 2), "valid", "leaky_relu", 4, -1),
    "3x3_same_dense": ((2, 2), (5, 6, 2), (3, 3), (1, 1), "same", "relu", 4, -1),
    "3x2_stride_1x2_same": ((1, 2), (6, 7, 3), (3, 2), (1, 2), "same", "elu", 0, -1),
    "5x5_same_larger_than_image": ((1, 1), (3, 2, 4), (5, 5), (1, 1), "same", "linear", 0, -1),
    "2x2_gaps": ((2, 2), (8, 9, 2), (2, 2), (3, 3), "valid", "relu", 0, -1),
    "2x2_constant": ((1, 1), (4, 4, 2), (2, 2), (2, 2), "valid", "linear", 1, -1),
    "2x2_nan": ((2, 2), (6, 6, 2), (2, 2), (2, 2), "valid", "linear", 0, 43),
    "3x3_nan_overlapping": ((1, 1), (7, 7, 1), (3, 3), (2, 2), "valid", "linear", 0, 16),
    "2x2_odd_channels_partial": ((3, 4), (13, 10, 33), (2, 2), (2, 2), "valid", "leaky_relu", 16, -1),
    "2x2_wide_partial": ((5, 8), (24, 24, 32), (2, 2), (2, 2), "valid", "leaky_relu", 0, -1),
}


def pool_plainly(kind, x, dy, window, stride, top, left):
    """By loops, from the definition: padding never wins and is not counted, the first maximum takes the gradient."""
    n, h, w, c = x.shape
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for s, oy, ox, ch in np.ndindex(dy.shape):
        ys = range(max(oy * stride[0] - top, 0), min(oy * stride[0] - top + window[0], h))
        xs = range(max(ox * stride[1] - left, 0), min(ox * stride[1] - left + window[1], w))
        cells = [(iy, ix) for iy in ys for ix in xs]
        values = [x[s, iy, ix, ch] for iy, ix in cells]
        if kind == "max":
            nan = [i for i, v in enumerate(values) if np.isnan(v)]
            first = nan[0] if nan else int(np.argmax(values))
            y[s, oy, ox, ch] = values[first]
            dx[s, cells[first][0], cells[first][1], ch] += dy[s, oy, ox, ch]
        else:
            y[s, oy, ox, ch] = sum(values) / len(values)
            for iy, ix in cells:
                dx[s, iy, ix, ch] += dy[s, oy, ox, ch] / len(values)
    return y, dx


def pool_by_torch(kind, x, dy, window, stride, pads):
    x.requires_grad_(True)
    if kind == "max":
        z = F.max_pool2d(F.pad(nchw(x), pads, value=-torch.inf), window, stride)
    else:
        ones = F.avg_pool2d(F.pad(torch.ones_like(nchw(x)), pads), window, stride, divisor_override=1)
        z = F.avg_pool2d(F.pad(nchw(x), pads), window, stride, divisor_override=1) / ones
    z = nhwc(z)[:, : dy.shape[1], : dy.shape[2], :]
    return z, torch.autograd.grad(z, x, dy)[0]


def pools(first_seed):
    golden = Golden()
    rows = [(kind, *row) for row in POOLS.items() for kind in ("max", "average")]
    for seed, (kind, name, row) in enumerate(rows, first_seed):
        (n, batch), (h, w, c), window, stride, padding, x_activation, levels, nan_at = row
        out_h, top = output_and_padding(padding, h, window[0], stride[0])
        out_w, left = output_and_padding(padding, w, window[1], stride[1])
        pads = (left, max((out_w - 1) * stride[1] + window[1] - w - left, 0), top,
                max((out_h - 1) * stride[0] + window[0] - h - top, 0))
        x_alpha = alpha_of(x_activation)
        golden.case(f"{kind}_{name}", kind=kind, seed=seed, n=n, batch=batch, tiny=int(n * h * w * c <= TINY_FLOP / 10),
                    in_h=h, in_w=w, channels=c, out_h=out_h, out_w=out_w, window_h=window[0], window_w=window[1],
                    stride_h=stride[0], stride_w=stride[1], pad_top=top, pad_left=left, x_activation=x_activation,
                    x_alpha=x_alpha, levels=levels, nan_at=nan_at)
        x = operand(seed, "X", (n, h, w, c))
        if levels:
            # Equal neighbours, of which the first must win: levels values from -0.5 on.
            x = np.floor((x + np.float32(0.5)) * np.float32(levels)) / np.float32(levels) - np.float32(0.5)
        if nan_at >= 0:
            x.reshape(-1)[nan_at] = np.nan
        dy = operand(seed, "DY", (n, out_h, out_w, c))
        y, dx = pool_by_torch(kind, double(x), double(dy), window, stride, pads)
        plain_y, plain_dx = pool_plainly(kind, x.astype(np.float64), dy.astype(np.float64), window, stride, top, left)
        assert np.allclose(y.detach(), plain_y, 1e-13, 1e-13, equal_nan=True), name
        assert np.allclose(dx, plain_dx, 1e-13, 1e-13), name
        derivative = derivative_at_output(x_activation, x_alpha, x)
        _, dx_size = pool_by_torch(kind, double(x), double(abs(dy)), window, stride, pads)
        y_size = y if kind == "max" else pool_by_torch("average", double(abs(x)), double(dy), window, stride, pads)[0]
        put(golden, "Y", y, torch.nan_to_num(y_size.abs()))
        put(golden, "DX", dx * derivative, dx_size)
    return golden


def activations(first_seed):
    """Values of each function over (-4, 4), at zeros of both signs, at infinities and NaN; derivatives over outputs; a
    sum with a fused activation."""
    golden = Golden()
    kinds = [(kind, alpha_of(kind)) for kind in ("linear", "relu", "leaky_relu", "elu")]
    kinds += [("leaky_relu", 0.5), ("elu", 0.5)]
    special = np.array([0.0, -0.0, np.nan, np.inf, 1e-30, -1e-30], dtype=np.float32)
    for seed, (kind, alpha) in enumerate(kinds, first_seed):
        n, batch, count = 3, 4, 37
        golden.case(f"{kind}_{alpha}", seed=seed, n=n, batch=batch, count=count, activation=kind, alpha=alpha,
                    n_special=special.size)
        x = operand(seed, "X", (n, count), 8.0)
        x.reshape(-1)[:special.size] = special
        golden.tensor("Y", activate(kind, alpha, double(x)).numpy())
        # Outputs of the function: above -alpha for ELU.
        outputs = operand(seed, "X", (n, count), 0.96875)
        dy = operand(seed, "DY", (n, count))
        golden.tensor("DX", (double(dy) * derivative_at_output(kind, alpha, outputs)).numpy())
        x, x2 = operand(seed, "X", (n, count)), operand(seed, "X2", (n, count))
        golden.tensor("SUM", activate(kind, alpha, double(x) + double(x2)).numpy())
    return golden


# name: (samples, batch), count a sample, rate, seed, purpose, step, first sample
DROPOUTS = {
    "rate_0": ((2, 2), 30, 0.0, 1, 0x20000, 1, 0),
    "rate_0.5": ((3, 4), 30, 0.5, 42, 0x20000, 1, 0),
    "rate_0.3_odd_count": ((5, 5), 7, 0.3, 7, 0x20001, 3, 0),
    "rate_0.9": ((1, 1), 1001, 0.9, 0x0123456789ABCDEF, 0x20003, 1000000, 0),
    "second_part_of_a_batch": ((3, 8), 13, 0.3, 0xFFFFFFFFFFFFFFFF, 0x20000, 0xFFFFFFFF, 5),
    "position_above_32_bits": ((2, 2), 64, 0.25, 0x8000000000000001, 0x20002, 2, 0x80000000),
    "rate_0.3_wide": ((20, 32), 256, 0.3, 1234567890123, 0x20000, 77, 0),
}


def dropouts(first_seed):
    philox.check()
    golden = Golden()
    for seed, (name, row) in enumerate(DROPOUTS.items(), first_seed):
        (n, batch), count, rate, key, purpose, step, first = row
        golden.case(name, seed=seed, n=n, batch=batch, count=count, rate=rate, key=key, purpose=purpose, step=step,
                    first_sample=first)
        keeps = philox.dropout_keeps(key, purpose, step, first * count, n * count, rate)
        golden.fact("kept", int(keeps.sum()))
        golden.array("keeps", np.packbits(keeps, bitorder="little"))
    return golden


# name: (samples, batch), count a sample, share of labels, activation that made x
LOSSES = {
    "all_labelled": ((1, 1), 30, 1.0, "linear"),
    "partial_batch": ((5, 8), 30, 0.7, "linear"),
    "few_labels": ((32, 32), 30, 0.1, "linear"),
    "no_label": ((3, 3), 30, 0.0, "linear"),
    "one_coordinate": ((7, 7), 1, 0.5, "linear"),
    "behind_an_activation": ((4, 4), 30, 0.6, "leaky_relu"),
    "many": ((100, 128), 30, 0.4, "linear"),
}
UNLABELLED_TARGET = 1000.0


def losses(first_seed):
    golden = Golden()
    for seed, (name, ((n, batch), count, share, x_activation)) in enumerate(LOSSES.items(), first_seed):
        x_alpha = alpha_of(x_activation)
        x = operand(seed, "X", (n, count), 2.0)
        labelled = formula.mask((n, count), seed * KEYS_PER_CASE + ROLE["MASK"], share)
        # What stands where a label is missing must not matter.
        target = np.where(labelled > 0, operand(seed, "TARGET", (n, count), 2.0), np.float32(UNLABELLED_TARGET))
        n_labelled = int(labelled.sum())
        inverse = np.float32(1.0 / n_labelled) if n_labelled else np.float32(0.0)
        golden.case(name, seed=seed, n=n, batch=batch, count=count, share=share, unlabelled_target=UNLABELLED_TARGET,
                    n_labelled=n_labelled, x_activation=x_activation, x_alpha=x_alpha)
        predicted = double(x).requires_grad_(True)
        difference = (predicted - double(target)) * double(labelled)
        mse = (difference**2).sum() * float(inverse)
        dx = torch.autograd.grad(mse, predicted)[0] * derivative_at_output(x_activation, x_alpha, x)
        golden.fact("mse", mse.item())
        golden.fact("mae", difference.abs().sum().item() * float(inverse))
        golden.tensor("DX", dx.numpy())
    return golden


def adam_step(w, m, v, gradients, lr, betas, eps):
    """torch.optim.Adam from a given state, in the precision of w; the state after all of `gradients`."""
    w = w.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=lr, betas=betas, eps=eps)
    optimizer.state[w] = {"step": torch.tensor(0.0), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    for gradient in gradients:
        w.grad = gradient.clone()
        optimizer.step()
    return w.detach(), optimizer.state[w]["exp_avg"], optimizer.state[w]["exp_avg_sq"]


def adams(first_seed):
    """exact: one step whose factors are exact in float32, from a state that is not zero, so that float64 results hold to
    the last digits. follow: steps with the usual factors from a zero state, in float64 and in float32."""
    golden = Golden()
    exact = dict(lr=2.0**-10, betas=(1 - 2.0**-3, 1 - 2.0**-10), eps=2.0**-23)
    usual = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-7)
    seed = first_seed
    for count in (1, 37, 4099):
        golden.case(f"exact_{count}", seed=seed, count=count, n_steps=1, lr=exact["lr"], beta1=exact["betas"][0],
                    beta2=exact["betas"][1], epsilon=exact["eps"], zero_state=0)
        w, m, g = (double(operand(seed, role, (count,))) for role in ("W", "M", "DW"))
        v = double(operand(seed, "V", (count,), 0.25, 0.125))
        w, m, v = adam_step(w, m, v, [g], **exact)
        for role, values in (("W", w), ("M", m), ("V", v)):
            golden.tensor(role, values.numpy())
        seed += 1
    for n_steps in (1, 10):
        count = 211
        golden.case(f"follow_{n_steps}", seed=seed, count=count, n_steps=n_steps, lr=usual["lr"],
                    beta1=usual["betas"][0], beta2=usual["betas"][1], epsilon=usual["eps"], zero_state=1)
        w = operand(seed, "W", (count,))
        gradients = []
        for step in range(n_steps):
            gradient = formula.values((count,), seed * KEYS_PER_CASE + ROLE["DW"] + 1000 * step)
            # Steps of all sizes, and a weight without any gradient.
            gradient = np.ldexp(gradient, -3 * (np.arange(count, dtype=np.int32) % 8))
            gradient[0] = 0
            gradients.append(gradient)
        zero = torch.zeros(count, dtype=torch.float64)
        wide = adam_step(double(w), zero, zero, [double(g) for g in gradients], **usual)
        narrow = adam_step(torch.from_numpy(w), zero.float(), zero.float(), [torch.from_numpy(g) for g in gradients],
                           **usual)
        for role, value, rounded in zip(("W", "M", "V"), wide, narrow):
            golden.tensor(role, value.numpy())
            golden.fact(f"{role}.float32_deviation", float((rounded.double() - value).abs().max()))
        seed += 1
    return golden


FILES = {
    "conv.golden": (convolutions, 100),
    "conv_pool.golden": (pooled_convolutions, 800),
    "dense.golden": (denses, 200),
    "pool.golden": (pools, 300),
    "activation.golden": (activations, 400),
    "dropout.golden": (dropouts, 500),
    "loss.golden": (losses, 600),
    "adam.golden": (adams, 700),
}
