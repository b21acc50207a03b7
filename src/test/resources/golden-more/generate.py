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

    def case(name, make, x, **meta):
        """A module with parameters of its own, each of which gets random values: forward and all gradients."""
        torch.manual_seed(a.seed + sum(name.encode()))
        module = make()
        for q in module.parameters():
            nn.init.normal_(q, std=0.5)
        x = torch.randn(*x).requires_grad_()
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


main()
