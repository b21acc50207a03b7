#!/usr/bin/env python3
"""Writes narrow networks as PyTorch saves them, and what they compute: src/test/resources/pytorch/*.safetensors.

usage: generate.py src/test/resources/pytorch        needs: torch

The networks are torchvision's resnet18 and vgg11_bn with a sixteenth of the channels, under torchvision's names, with running statistics
that are not those of a new network. NAME-TYPE.safetensors is the state, NAME-TYPE-expected.safetensors has a batch `x`, its `logits` in
evaluation and, of resnet18 in float32, `loss` and some of the state after one step of SGD (learning rate 0.1, momentum 0.9, weight
decay 1e-3). PyTorch computes in double precision on the numbers that are stored, so that what a test finds is the error of Ondine alone.
"""
import ctypes, json, struct, sys
import torch, torch.nn as nn, torch.nn.functional as F

CLASSES, WIDTH = 10, 4
TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64"}


class Basic(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1 or i != o:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False), nn.BatchNorm2d(WIDTH)
        i = WIDTH
        for n in range(4):
            o = WIDTH << n
            setattr(self, f"layer{n + 1}", nn.Sequential(Basic(i, o, 1 if n == 0 else 2), Basic(o, o, 1)))
            i = o
        self.fc = nn.Linear(i, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Vgg11(nn.Module):
    def __init__(self, hidden=8):
        super().__init__()
        layers, i = [], 3
        for n, count in enumerate([1, 1, 2, 2, 2]):
            o = WIDTH << min(n, 3)
            for _ in range(count):
                layers += [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU()]
                i = o
            layers += [nn.MaxPool2d(2, 2)]
        self.features, self.avgpool = nn.Sequential(*layers), nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(i * 49, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
            nn.Linear(hidden, CLASSES))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def save(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, t in tensors.items():
        t = t.detach().contiguous()
        blob = ctypes.string_at(t.data_ptr(), t.numel() * t.element_size())
        header[name] = {"dtype": TYPES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def used(model):
    """As after some training."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            c = m.num_features
            m.weight.data, m.bias.data = 0.75 + 0.5 * torch.rand(c), 0.2 * torch.randn(c)
            m.running_mean, m.running_var = 0.2 * torch.randn(c), 0.5 + torch.rand(c)
            m.num_batches_tracked.fill_(1000 + c)
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out")
    return model


def write(name, model, dtype, side, folder):
    tag = TYPES[dtype].lower()
    model = used(model).to(dtype)
    save(f"{folder}/{name}-{tag}.safetensors", model.state_dict())
    model = model.double()
    x = torch.randn(4, 3, side, side)
    with torch.no_grad():
        expected = {"x": x, "logits": model.eval()(x.double())}
    if name == "resnet18" and dtype == torch.float32:
        loss = F.cross_entropy(model.train()(x.double()), torch.arange(4))
        optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=1e-3)
        loss.backward()
        optimizer.step()
        expected["loss"] = loss.reshape(1)
        for key, value in model.state_dict().items():
            if key.startswith(("conv1.", "bn1.", "layer2.0.downsample.", "layer4.1.bn2.", "fc.")):
                expected["after." + key] = value
    save(f"{folder}/{name}-{tag}-expected.safetensors", expected)
    print(name, tag, expected["logits"].abs().max().item())


torch.set_num_threads(1)
torch.manual_seed(1)
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    write("resnet18", ResNet18(), dtype, 32, sys.argv[1])
write("vgg11-bn", Vgg11(), torch.float16, 64, sys.argv[1])
