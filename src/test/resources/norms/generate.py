#!/usr/bin/env python3
"""Writes what Ghost batch norm, batch renormalization and update_bn come to in PyTorch (2.13, CPU).

usage: generate.py OUT_DIR        needs: torch

A safetensors file a case, named as those in ../golden: input, weight, bias, running_mean, running_var, grad_output ->
output, grad_input, grad_weight, grad_bias, running_mean_after, running_var_after. Gradients are those of
sum(output * grad_output).
"""
import json, os, struct, sys
import torch, torch.nn as nn

def save(path, tensors, meta):
    header, blobs, offset = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for name, t in tensors.items():
        t = t.detach().contiguous().to(torch.int64 if t.dtype == torch.int64 else torch.float32)
        blob = bytes(t.untyped_storage())[: t.numel() * t.element_size()]
        header[name] = {"dtype": "I64" if t.dtype == torch.int64 else "F32", "shape": list(t.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))

def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)

    # Ghost batch norm: one module sees each virtual batch in turn, and its running statistics move with each (Hoffer et al. 2017,
    # algorithm 1).
    for name, shape, size in (("ghost_2d", (6, 19, 4, 3), 2), ("ghost_1d", (12, 7), 4)):
        c = shape[1]
        bn = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(c, momentum=0.2)
        x = (torch.randn(*shape) * 2 + 0.5).requires_grad_()
        with torch.no_grad():
            for p in (bn.weight, bn.bias, bn.running_mean): p.copy_(torch.randn(c))
            bn.running_var.copy_(torch.rand(c) + 0.5)
        t = dict(input=x, weight=bn.weight.clone(), bias=bn.bias.clone(), running_mean=bn.running_mean.clone(), running_var=bn.running_var.clone())
        y = torch.cat([bn(part) for part in x.split(size)])
        g = torch.randn(*shape)
        y.backward(g)
        t.update(grad_output=g, output=y, grad_input=x.grad, grad_weight=bn.weight.grad, grad_bias=bn.bias.grad,
                 running_mean_after=bn.running_mean, running_var_after=bn.running_var, num_batches_tracked=bn.num_batches_tracked)
        save(f"{out}/{name}.safetensors", t, dict(op="ghost", ghost=size, momentum=0.2, eps=1e-5))

    # Batch renormalization (Ioffe 2017, algorithm 1), in float64: r and d are constants to the gradient. The reference is the root of
    # the running variance (plus epsilon), which moves as batch norm's does.
    c, eps, momentum, rmax, dmax = 13, 1e-3, 0.1, 1.5, 0.4
    w, b = torch.randn(c).double().requires_grad_(), torch.randn(c).double().requires_grad_()
    mean, var = torch.randn(c).double() * 0.2, torch.rand(c).double() * 3 + 0.3
    t = dict(weight=w, bias=b, running_mean=mean.clone(), running_var=var.clone())
    clipped = 0
    for i in range(3):
        x = torch.randn(4, c, 3, 5).double().requires_grad_()
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        with torch.no_grad():
            sigma_b, sigma = (v + eps).sqrt(), (var + eps).sqrt()
            r, d = (sigma_b / sigma).clamp(1 / rmax, rmax), ((m - mean) / sigma).clamp(-dmax, dmax)
            clipped += int(((r == rmax) | (r == 1 / rmax)).sum()) + int((d.abs() == dmax).sum())
            n = x.numel() / c
            new_mean, new_var = mean + momentum * (m - mean), var + momentum * (v * n / (n - 1) - var)
        col = lambda z: z.view(1, c, 1, 1)
        y = ((x - col(m)) / col((v + eps).sqrt()) * col(r) + col(d)) * col(w) + col(b)
        g = torch.randn(*x.shape).double()
        w.grad = b.grad = None
        y.backward(g)
        mean, var = new_mean, new_var
        t.update({f"input{i}": x, f"grad_output{i}": g, f"output{i}": y, f"grad_input{i}": x.grad, f"grad_weight{i}": w.grad.clone(), f"grad_bias{i}": b.grad.clone(),
                  f"running_mean_after{i}": mean, f"running_var_after{i}": var})
    assert 0 < clipped < 6 * c, clipped
    save(f"{out}/renorm.safetensors", t, dict(op="renorm", rmax=rmax, dmax=dmax, momentum=momentum, eps=eps, clipped=clipped))

    # Running statistics estimated anew, over batches of 4, 4 and 2.
    net = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5, momentum=0.3),
                        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    with torch.no_grad():
        for k, v in net.state_dict().items():
            if "running" in k: v.copy_(torch.rand_like(v) + 0.5)
    t = {"init." + k: v.clone() for k, v in net.state_dict().items()}
    x = torch.randn(10, 2, 6, 6)
    torch.optim.swa_utils.update_bn([part for part in x.split(4)], net)
    t["input"] = x
    t.update({"after." + k: v for k, v in net.state_dict().items() if "running" in k or "tracked" in k})
    save(f"{out}/update_bn.safetensors", t, dict(op="update_bn", batch=4))

main()
