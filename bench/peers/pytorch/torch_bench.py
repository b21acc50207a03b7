"""PyTorch on the workloads of `ondine bench`, one line of output for a run.

Workloads by name or number: what each computes is said where it is defined below. A training step is forward, loss,
backward and update (SGD, momentum 0.9, weight decay 5e-4); the median of all timed steps counts.
"""

import argparse
import json
import resource
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as e:
    sys.exit(f"torch_bench.py: {e}. Install PyTorch, or put it on PYTHONPATH.")


def conv_bn(inputs, outputs, kernel, stride=1):
    """A convolution without bias that keeps the size at stride 1, and the batch norm behind it."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)


class Block(nn.Module):
    """A residual block: convolutions with batch norm, ReLU between them and after the sum."""

    def __init__(self, inputs, outputs, stride, layers):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Sequential(*conv_bn(*layer)) for layer in layers)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_bn(inputs, outputs, 1, stride))

    def forward(self, x):
        y = x
        for layer in self.convolutions[:-1]:
            y = F.relu(layer(y))
        return F.relu(self.convolutions[-1](y) + self.shortcut(x))


def basic(inputs, width, stride):
    return Block(inputs, width, stride, [(inputs, width, 3, stride), (width, width, 3)])


def bottleneck(inputs, width, stride):
    """Version 1.5: the stride is in the 3x3 convolution."""
    return Block(inputs, 4 * width, stride, [(inputs, width, 1), (width, width, 3, stride), (width, 4 * width, 1)])


def resnet(stem, width, block, expansion, stages, classes):
    layers, channels = list(stem), width
    for i, (stage, blocks) in enumerate(stages):
        for k in range(blocks):
            layers.append(block(channels, stage, 2 if k == 0 and i > 0 else 1))
            channels = expansion * stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def resnet20():
    """He and others 2015, section 4.2, with projections where the size changes."""
    return resnet([*conv_bn(3, 16, 3), nn.ReLU()], 16, basic, 1, [(16, 3), (32, 3), (64, 3)], 10)


def resnet18_cifar():
    """ResNet-18 with a 3x3 stem and no pooling behind it."""
    return resnet([*conv_bn(3, 64, 3), nn.ReLU()], 64, basic, 1, [(64, 2), (128, 2), (256, 2), (512, 2)], 10)


def resnet50():
    stem = [*conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return resnet(stem, 64, bottleneck, 4, [(64, 3), (128, 4), (256, 6), (512, 3)], 1000)


def mlp():
    layers = []
    for inputs in (784, 256):
        layers += [nn.Linear(inputs, 256), nn.BatchNorm1d(256), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(256, 10))


def autoencoder():
    layers, channels = [], 1
    for width in (32, 64, 128):
        layers += [*conv_bn(channels, width, 3, 2), nn.ReLU()]
        channels = width
    for width in (64, 32):
        transposed = nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=False)
        layers += [transposed, nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.ConvTranspose2d(channels, 1, 4, 2, 1))


# Name: its number, the network, its input, its classes (0: it is trained to give its input back).
TRAINING = {
    "resnet20": ("W1", resnet20, (128, 3, 32, 32), 10),
    "resnet18-cifar": ("W1b", resnet18_cifar, (128, 3, 32, 32), 10),
    "resnet50": ("W2", resnet50, (16, 3, 224, 224), 1000),
    "mlp": ("W5", mlp, (64, 784), 10),
    "autoencoder": ("W7", autoencoder, (128, 1, 32, 32), 0),
}
# One layer, forward and all of its gradients.
LAYERS = {
    "bn": ("W3", lambda: nn.BatchNorm2d(64), (64, 64, 56, 56)),
    "conv3x3": ("W4", lambda: nn.Conv2d(64, 64, 3, 1, 1, bias=False), (32, 64, 56, 56)),
}
# ResNet-50 in evaluation, by batch.
INFERENCE = {"resnet50-infer-1": ("W6", 1), "resnet50-infer-16": ("W6b", 16)}

NAMES = {v[0]: k for table in (TRAINING, LAYERS, INFERENCE) for k, v in table.items()}


def training_step(name, autocast, layout, compiled):
    _, build, shape, classes = TRAINING[name]
    model, x = build(), torch.randn(shape)
    if x.dim() == 4:
        model, x = model.to(memory_format=layout), x.to(memory_format=layout)
    y = torch.randint(0, classes, (shape[0],)) if classes else None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, foreach=True)
    forward = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            output = forward(x)
            loss = F.cross_entropy(output.float(), y) if classes else F.mse_loss(output.float(), x)
        loss.backward()
        optimizer.step()

    return step, shape[0], {}


def layer_step(name, dtype, layout):
    _, build, shape = LAYERS[name]
    layer = build()
    if name == "conv3x3":  # batch norm keeps its scale, shift and statistics in float32
        layer = layer.to(dtype).to(memory_format=layout)
    x = torch.randn(shape).to(dtype).to(memory_format=layout).requires_grad_()
    dy = torch.randn(shape).to(dtype).to(memory_format=layout)
    fresh = [x] + ([layer.weight] if name == "conv3x3" else [])

    def step():
        for tensor in fresh:
            tensor.grad = None
        layer(x).backward(dy)

    if name == "bn":  # forward reads x and writes y; backward reads x and dy and writes dx
        return step, shape[0], {"gb_per_s": 5e-9 * x.numel() * x.element_size()}
    n, channels, height, width = shape
    return step, n, {"gflop_per_s": 3e-9 * 2 * n * channels * channels * 9 * height * width}


def inference_step(name, autocast, layout, compiled):
    batch = INFERENCE[name][1]
    model = resnet50().eval().to(memory_format=layout)
    x = torch.randn(batch, 3, 224, 224).to(memory_format=layout)
    if compiled:
        model = torch.jit.freeze(torch.jit.trace(model, x))

    def step():
        with torch.inference_mode(), autocast():
            model(x)

    return step, batch, {}


def median(step, seconds, least=5, warm=3):
    for _ in range(warm):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times), len(times)


def peak_rss_mb():
    """Peak resident memory of this process in 10^6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [f"{name} ({number})" for number, name in NAMES.items()]
    parser.add_argument("workload", help=", ".join(known))
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16: autocast, master weights float32")
    parser.add_argument("--layout", choices=["nchw", "nhwc"], default="nchw", help="nhwc: channels last")
    parser.add_argument("--compile", action="store_true", help="torch.compile; inference: traced and frozen")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of key=value")
    args = parser.parse_args()
    name = NAMES.get(args.workload, args.workload)
    if name not in NAMES.values():
        parser.error(f"no workload is called '{args.workload}'; there are " + ", ".join(known))

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if args.layout == "nhwc" else torch.contiguous_format
    bf16 = args.dtype == "bf16"

    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)

    if name in TRAINING:
        step, images, work = training_step(name, autocast, layout, args.compile)
    elif name in LAYERS:
        step, images, work = layer_step(name, torch.bfloat16 if bf16 else torch.float32, layout)
    else:
        step, images, work = inference_step(name, autocast, layout, args.compile)
    seconds, steps = median(step, args.seconds)

    line = {
        "peer": f"pytorch-{torch.__version__}",
        "workload": name,
        "dtype": args.dtype,
        "layout": args.layout,
        "compile": args.compile,
        "threads": args.threads,
        "images_per_s": round(images / seconds, 2),
        "ms_per_step": round(seconds * 1e3, 4),
        **{key: round(amount / seconds, 2) for key, amount in work.items()},
        "steps": steps,
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }
    print(json.dumps(line) if args.json else " ".join(f"{k}={v}" for k, v in line.items()), flush=True)


if __name__ == "__main__":
    main()
