#!/usr/bin/env python3
"""Writes reference vectors computed by PyTorch that the ones in ../golden do not have, a .safetensors file a case.

usage: generate.py OUT_DIR [--seed N]        needs: torch

Tensors and attributes are named as there: input, parameters by their names, grad_output -> output, grad_input, grad_<parameter>.
"""
import argparse, json, os, struct
import torch, torch.nn as nn


def save(path, tensors, meta):
    header, blobs, offset = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for name, t in tensors.items():
        t = t.detach().to(torch.float32).contiguous().clone()
        blob = bytes(t.untyped_storage())
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(1)

    def case(name, make, x, positive=False, whole=False, **meta):
        """A module with parameters of its own, each of which gets random values: forward and all gradients."""
        torch.manual_seed(a.seed + sum(name.encode()))
        module = make()
        for q in module.parameters():
            nn.init.normal_(q, std=0.5)
            if whole:
                q.data.round_()
        x = torch.rand(*x) + 0.5 if positive else torch.randn(*x)
        x = (x.round() if whole else x).requires_grad_()
        y = module(x)
        g = torch.randn(*y.shape)
        y.backward(g)
        tensors = {"input": x, "grad_output": g, "output": y, "grad_input": x.grad}
        for n, q in module.named_parameters():
            tensors[n] = q
            tensors["grad_" + n] = q.grad
        save(os.path.join(a.out, name + ".safetensors"), tensors, meta)

    class SelfAttention(nn.MultiheadAttention):
        def forward(self, x):
            return super().forward(x, x, x, need_weights=False)[0]

    for name, heads, bias, shape in (("attention", 2, True, (2, 5, 16)), ("attention_odd_nobias", 3, False, (2, 17, 18))):
        case(name, lambda: SelfAttention(shape[2], heads, bias=bias, batch_first=True), shape, op="attention", heads=heads, bias=bias)

    for name, shape, scale, size, mode, align in (
        ("nearest_size", (2, 3, 4, 5), None, (7, 3), "nearest", None),
        ("nearest_1d", (2, 3, 5), 3, None, "nearest", None),
        ("nearest_3d", (1, 2, 3, 2, 3), 2, None, "nearest", None),
        ("bilinear_size", (2, 3, 7, 5), None, (4, 9), "bilinear", False),
        ("bilinear_corners", (2, 3, 4, 5), None, (7, 3), "bilinear", True),
        ("linear_1d", (2, 3, 5), 3, None, "linear", False),
        ("trilinear", (1, 2, 3, 2, 3), 2, None, "trilinear", False),
    ):
        case("upsample_" + name, lambda: nn.Upsample(scale_factor=scale, size=size, mode=mode, align_corners=align), shape,
             op="upsample", mode=mode, align_corners=align, **({"scale": scale} if scale else {"size": " ".join(map(str, size))}))

    # PyTorch counts from the last axis on: (left, right, top, bottom, front, back).
    for mode, make in (("zero", (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)), ("constant", (nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d)),
                       ("reflection", (nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d)), ("replication", (nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d))):
        for axes, pads in ((1, (2, 1)), (2, (1, 2, 0, 3)), (3, (1, 0, 2, 1, 1, 1))):
            given = (pads, 1.5) if mode == "constant" else (pads,)
            case(f"pad_{mode}_{axes}d", lambda: make[axes - 1](*given), (2, 3) + (3, 5, 4)[3 - axes:], op="pad", mode=mode,
                 begin=" ".join(map(str, pads[::2][::-1])), end=" ".join(map(str, pads[1::2][::-1])), value=1.5)

    case("pixel_shuffle", lambda: nn.PixelShuffle(2), (2, 12, 3, 5), op="pixel_shuffle", factor=2)
    case("pixel_unshuffle", lambda: nn.PixelUnshuffle(3), (2, 2, 6, 9), op="pixel_unshuffle", factor=3)
    case("prelu", lambda: nn.PReLU(), (2, 5, 4, 3), op="prelu", slopes=1)
    case("prelu_channels", lambda: nn.PReLU(17), (2, 17, 4, 3), op="prelu", slopes=17)
    case("adaptive_avg_pool2d", lambda: nn.AdaptiveAvgPool2d((4, 2)), (2, 5, 9, 7), op="adaptive_pool", kind="avg", size="4 2")
    case("adaptive_avg_pool1d", lambda: nn.AdaptiveAvgPool1d(5), (2, 5, 3), op="adaptive_pool", kind="avg", size="5")
    case("adaptive_max_pool2d", lambda: nn.AdaptiveMaxPool2d((3, 2)), (2, 5, 9, 4), op="adaptive_pool", kind="max", size="3 2")

    class SqueezeExcite(nn.Module):
        """As torchvision.ops.SqueezeExcitation."""

        def __init__(self, channels, squeezed):
            super().__init__()
            self.fc1 = nn.Conv2d(channels, squeezed, 1)
            self.fc2 = nn.Conv2d(squeezed, channels, 1)

        def forward(self, x):
            s = nn.functional.relu(self.fc1(nn.functional.adaptive_avg_pool2d(x, 1)))
            return torch.sigmoid(self.fc2(s)) * x

    case("squeeze_excite", lambda: SqueezeExcite(16, 4), (2, 16, 5, 3), op="squeeze_excite", squeezed=4)

    class Function(nn.Module):
        """Of the input, and of a second operand if its shape is given."""

        def __init__(self, f, *other):
            super().__init__()
            self.f = f
            if other:
                self.other = nn.Parameter(torch.empty(*other))

        def forward(self, x):
            return self.f(x, self.other) if hasattr(self, "other") else self.f(x)

    for name, f in (("subtract", torch.sub), ("minimum", torch.minimum), ("maximum", torch.maximum)):
        case("binary_" + name, lambda: Function(f, 1, 17, 1, 1), (2, 17, 4, 3), op="binary", kind=name)
    # The input is positive and what is divided by.
    case("binary_divide", lambda: Function(lambda x, y: y / x, 2, 17, 4, 3), (2, 17, 4, 3), positive=True, op="divided_by")
    # Whole numbers, many of which are equal: either of two equal ones gets half of the gradient.
    for name, f in (("minimum", torch.minimum), ("maximum", torch.maximum)):
        case(f"binary_{name}_equal", lambda: Function(f, 4, 9), (4, 9), whole=True, op="binary", kind=name)

    for name, f, alpha, beta, positive in (
        ("absolute", torch.abs, 0, 0, False), ("square_root", torch.sqrt, 0, 0, True), ("exponential", torch.exp, 0, 0, False),
        ("logarithm", torch.log, 0, 0, True), ("linear", lambda x: 1.5 * x - 2, 1.5, -2, False), ("power", lambda x: torch.pow(x, 2.5), 2.5, 0, True),
        ("clip", lambda x: torch.clamp(x, -0.5, 1), -0.5, 1, False),
    ):
        case("unary_" + name, lambda: Function(f), (2, 17, 4, 3), positive=positive, op="unary", kind=name, alpha=alpha, beta=beta)
    for name, axes, keep in (("last", (-1,), False), ("channels", (1,), True), ("around", (0, 2), False), ("space", (2, 3), True)):
        case("mean_" + name, lambda: Function(lambda x: x.mean(axes, keepdim=keep)), (3, 4, 5, 2), op="mean", keep=keep, axes=" ".join(map(str, axes)))
    case("expand", lambda: Function(lambda x: x.expand(3, 2, 5, 4)), (2, 1, 4), op="expand", shape="3 2 5 4")


main()
