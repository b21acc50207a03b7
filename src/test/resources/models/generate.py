#!/usr/bin/env python3
"""Writes what networks of torchvision's, and some of their kin, make of a batch: src/test/resources/models/*.safetensors.

usage: generate.py src/test/resources/models        needs: torch, torchvision

Parameters and running statistics are not stored, they are a function of their place (see `numbers`), which
dev.ondine.nn.models.PyTorchNumbers computes again. PyTorch works in double precision on these float32 numbers, so that what a test
finds is the error of Ondine alone. Each file holds, of one batch: the output in evaluation; output and loss in training; and of each
parameter's gradient, in the order of named_parameters(), its length and its product with the numbers of its own stream.
"""
import json, os, struct, sys
import torch, torch.nn as nn, torch.nn.functional as F
from torchvision.models import densenet, mobilenetv2, resnet, vgg

CLASSES = 10


def numbers(count, stream):
    """float32 in [-1, 1): the bits of a mixed counter (Wellons' lowbias32), 24 of them, so that no rounding is involved."""
    x = (torch.arange(count, dtype=torch.int64) + stream * 0x9E3779B9) & 0xFFFFFFFF
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    x = x ^ (x >> 16)
    return (x >> 8).double() * 2.0**-23 - 1


def fill(model):
    """The k-th entry of the state draws stream k + 1. What it is rounded to float32 once, the type that Ondine has it in."""
    for k, (name, p) in enumerate(model.state_dict().items()):
        if not p.is_floating_point():
            continue
        u = numbers(p.numel(), k + 1).reshape(p.shape)
        if p.dim() > 2:
            v = u * (6.0 / (p.shape[0] * p[0, 0].numel())) ** 0.5
        elif p.dim() == 2:
            v = u * (3.0 / p.shape[1]) ** 0.5
        elif name.endswith("running_var") or name.endswith("weight"):
            v = 1 + 0.25 * u
        else:
            v = 0.25 * u
        p.copy_(v.float().double())


def autoencoder():
    layers, i = [], 1
    for o in (32, 64, 128):
        layers += [nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        i = o
    for o in (64, 32):
        layers += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        i = o
    return nn.Sequential(*layers, nn.ConvTranspose2d(i, 1, 4, 2, 1))


def narrow_vgg():
    """torchvision's vgg11_bn with an eighth of the channels and 64 hidden features."""
    model = vgg.VGG(vgg.make_layers([8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64, "M"], batch_norm=True))
    model.classifier = nn.Sequential(
        nn.Linear(64 * 7 * 7, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, CLASSES))
    return model


class UNet(nn.Module):
    """Bilinear interpolation on the way up, `levels` halvings, `width` channels in the first stage."""

    def __init__(self, channels, classes, width, levels):
        super().__init__()
        self.inc = self.twice(channels, width, width)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            i = width << level
            o = i if level == levels - 1 else 2 * i
            self.downs.append(nn.Sequential(nn.MaxPool2d(2), self.twice(i, o, o)))
        for level in reversed(range(levels)):
            half = width << level
            self.ups.append(self.twice(2 * half, half, half if level == 0 else half // 2))
        self.outc = nn.Conv2d(width, classes, 1)

    @staticmethod
    def twice(i, between, o):
        return nn.Sequential(
            nn.Conv2d(i, between, 3, padding=1, bias=False), nn.BatchNorm2d(between), nn.ReLU(),
            nn.Conv2d(between, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())

    def forward(self, x):
        stages = [self.inc(x)]
        for down in self.downs:
            stages.append(down(stages[-1]))
        y = stages.pop()
        for up in self.ups:
            y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
            y = up(torch.cat([stages.pop(), y], 1))
        return self.outc(y)


def save(path, tensors, meta):
    header, blobs, offset = {"__metadata__": meta}, [], 0
    for name, t in tensors.items():
        blob = struct.pack(f"<{t.numel()}d", *t.detach().flatten().tolist())
        header[name] = {"dtype": "F64", "shape": list(t.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def step(name, model, shape, folder):
    model = model.double()
    with torch.no_grad():
        fill(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = numbers(torch.Size(shape).numel(), 0).reshape(shape)
    with torch.no_grad():
        evaluated = model.eval()(x)
    y = model.train()(x)
    reconstructs = y.shape == x.shape
    places = y.shape[:1] + y.shape[2:]
    loss = F.mse_loss(y, x) if reconstructs else F.cross_entropy(y, torch.arange(places.numel()).reshape(places) % CLASSES)
    loss.backward()
    streams = {k: i + 1 for i, k in enumerate(model.state_dict())}
    gradients = [(streams[k], p.grad.flatten()) for k, p in model.named_parameters()]
    tensors = {
        "evaluated": evaluated,
        "output": y,
        "loss": loss.reshape(1),
        "lengths": torch.stack([g.norm() for _, g in gradients]),
        "products": torch.stack([g @ numbers(g.numel(), s) for s, g in gradients]),
    }
    path = os.path.join(folder, name + ".safetensors")
    save(path, tensors, {"shape": " ".join(map(str, shape))})
    print(name, loss.item(), evaluated.abs().max().item(), tensors["lengths"].max().item(), os.path.getsize(path))


torch.set_num_threads(1)
folder = sys.argv[1]
step("resnet18", resnet.resnet18(num_classes=CLASSES), (2, 3, 64, 64), folder)
step("resnext50", resnet.resnext50_32x4d(num_classes=CLASSES), (4, 3, 64, 64), folder)
step("mobilenetv2", mobilenetv2.mobilenet_v2(num_classes=CLASSES), (2, 3, 64, 64), folder)
step("densenet121", densenet.densenet121(num_classes=CLASSES), (2, 3, 64, 64), folder)
step("vgg11-bn", narrow_vgg(), (2, 3, 224, 224), folder)
step("vgg11-bn-96x288", narrow_vgg(), (2, 3, 96, 288), folder)
step("unet-bilinear", UNet(3, CLASSES, 8, 2), (2, 3, 8, 12), folder)
step("autoencoder", autoencoder(), (2, 1, 16, 16), folder)
