#!/usr/bin/env python3
"""Writes the losses of this folder, computed by PyTorch: losses.py OUT_DIR (needs torch only).

Each .safetensors file holds one case in float32: input, target, for some pos_weight (one a class), loss and grad_input, the gradient
of the loss with respect to input; the metadata say which loss it is and with which options.
"""
import json, os, struct, sys
import torch, torch.nn.functional as F


def save(path, tensors, meta):
    header, blobs, offset = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for name, v in tensors.items():
        values = v.detach().contiguous().flatten().tolist()
        blob = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    out = sys.argv[1]
    torch.manual_seed(4)
    torch.set_num_threads(1)

    def case(name, x, target, f, more=None, **meta):
        x = x.clone().requires_grad_()
        loss = f(x, target)
        loss.backward()
        tensors = dict(input=x, target=target, loss=loss.reshape(1), grad_input=x.grad, **(more or {}))
        save(os.path.join(out, name + ".safetensors"), tensors, dict(op="loss", **meta))

    def distribution(*shape):
        # Normalized along the classes; one class of the first sample has no probability at all.
        t = torch.randn(*shape).mul(2).softmax(1)
        t[0, 0] = 0
        return t / t.sum(1, keepdim=True)

    case("smooth_l1_beta", torch.randn(4, 9), torch.randn(4, 9), lambda x, t: F.smooth_l1_loss(x, t, beta=0.3),
         kind="smooth_l1", beta=0.3)
    case("l1_equal", torch.tensor([[1.0, 2.0, -3.0]]), torch.tensor([[1.0, 2.5, -2.0]]), F.l1_loss, kind="l1")

    weight = torch.rand(5) * 3
    case("bce_pos_weight", torch.randn(7, 5) * 3, torch.rand(7, 5),
         lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=weight),
         dict(pos_weight=weight), kind="bce_with_logits")
    pixels = torch.rand(3) * 3
    case("bce_pos_weight_pixels", torch.randn(2, 3, 4, 5) * 3, (torch.rand(2, 3, 4, 5) > 0.5).float(),
         lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=pixels.reshape(3, 1, 1)),
         dict(pos_weight=pixels), kind="bce_with_logits")
    case("bce_far_out", torch.tensor([[-90.0, 90.0, 88.0, -88.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.25, 0.75, 0.5]]),
         F.binary_cross_entropy_with_logits, kind="bce_with_logits")

    for reduction in ("batchmean", "mean"):
        case("kl_div_" + reduction, torch.randn(6, 11).log_softmax(1), distribution(6, 11),
             lambda x, t: F.kl_div(x, t, reduction=reduction), kind="kl_div", reduction=reduction)

    case("cross_entropy_soft", torch.randn(6, 11) * 2, distribution(6, 11), F.cross_entropy, kind="cross_entropy_soft")
    case("cross_entropy_soft_smoothing", torch.randn(6, 11) * 2, distribution(6, 11),
         lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), kind="cross_entropy_soft", label_smoothing=0.1)
    case("cross_entropy_soft_pixels", torch.randn(2, 5, 3, 4) * 2, distribution(2, 5, 3, 4), F.cross_entropy,
         kind="cross_entropy_soft")
    case("cross_entropy_soft_no_distribution", torch.randn(3, 4), torch.rand(3, 4), F.cross_entropy,
         kind="cross_entropy_soft")


main()
