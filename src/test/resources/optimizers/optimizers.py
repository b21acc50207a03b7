"""Writes the vectors of this folder: python3 optimizers.py (PyTorch 2.13). A few updates with given gradients, each file one optimizer.

RMSprop, Muon (its iteration in float32 instead of bfloat16), and what clips gradients are PyTorch's own; LARS, LAMB and Lookahead are not
in PyTorch and are their papers' formulas, in float64.
"""
import json, os, struct
import torch
import torch.optim._muon as muon

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {torch.float32: "F32"}


def save(name, tensors, **meta):
    header, blobs, at = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for key, t in tensors.items():
        t = t.detach().float().contiguous().flatten()
        b = struct.pack("<%df" % t.numel(), *t.tolist())
        header[key] = {"dtype": "F32", "shape": list(tensors[key].shape), "data_offsets": [at, at + len(b)]}
        at += len(b)
        blobs.append(b)
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def updates(name, shape, make, steps=4, **meta):
    """make(w) returns a function of the gradient that updates w in place."""
    w = torch.randn(shape, dtype=torch.float32)
    out = {"weight0": w.clone()}
    step = make(w)
    for i in range(steps):
        g = torch.randn(shape)
        out["grad%d" % i] = g.clone()
        step(g)
        out["weight%d" % (i + 1)] = w.clone()
    save(name, out, kind=meta.pop("kind", name), **meta)


def torchs(optimizer):
    def make(w):
        o = optimizer(w)

        def step(g):
            w.grad = g.reshape(w.shape)
            o.step()
        return step
    return make


def zeropower(g, coefficients, steps, eps):
    a, b, c = coefficients
    x = g.T if g.size(0) > g.size(1) else g
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if g.size(0) > g.size(1) else x


def muons(lr, decay):
    muon._zeropower_via_newtonschulz = zeropower

    def make(w):
        matrix = w.view(w.shape[0], -1)
        o = torch.optim.Muon([matrix], lr, weight_decay=decay)

        def step(g):
            matrix.grad = g.view(matrix.shape)
            o.step()
        return step
    return make


def lars(lr, momentum, decay, trust):
    def make(w):
        x, v = w.double(), torch.zeros_like(w, dtype=torch.float64)

        def step(g):
            nonlocal x, v
            g = g.double()
            ratio = trust * x.norm() / (g.norm() + decay * x.norm())
            v = momentum * v + ratio * (g + decay * x)
            x = x - lr * v
            w.copy_(x)
        return step
    return make


def lamb(lr, decay, b1=0.9, b2=0.999, eps=1e-6):
    def make(w):
        x, m, v, t = w.double(), 0, 0, 0

        def step(g):
            nonlocal x, m, v, t
            g = g.double()
            t += 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            u = (m / (1 - b1 ** t)) / ((v / (1 - b2 ** t)).sqrt() + eps) + decay * x
            x = x - lr * x.norm() / u.norm() * u
            w.copy_(x)
        return step
    return make


def lookahead(make_inner, every, alpha):
    def make(w):
        slow, inner, t = w.clone(), make_inner(w), 0

        def step(g):
            nonlocal t
            inner(g)
            t += 1
            if t % every == 0:
                slow.lerp_(w, alpha)
                w.copy_(slow)
        return step
    return make


def clipped(make_inner, norm=None, value=None):
    def make(w):
        inner = make_inner(w)

        def step(g):
            g = g.clone()
            p = torch.nn.Parameter(w.clone())
            p.grad = g
            if value:
                torch.nn.utils.clip_grad_value_([p], value)
            if norm:
                torch.nn.utils.clip_grad_norm_([p], norm)
            inner(p.grad)
        return step
    return make


torch.manual_seed(0)
updates("rmsprop_centered", (37,), torchs(lambda w: torch.optim.RMSprop([w], 1e-2, momentum=0.9, centered=True, weight_decay=1e-2)))
updates("rmsprop_momentum", (37,), torchs(lambda w: torch.optim.RMSprop([w], 1e-2, alpha=0.9, momentum=0.8)))
updates("muon", (8, 3, 3, 3), muons(0.02, 0.1), kind="muon")
updates("muon_tall", (33, 2, 3, 1), muons(0.02, 0), kind="muon", weight_decay=0)
updates("lars", (5, 7), lars(0.5, 0.9, 1e-2, 0.01))
updates("lars_still", (5, 7), lars(0.5, 0, 0, 0.01), kind="lars_still")
updates("lamb", (5, 7), lamb(0.01, 0.1))
sgd = torchs(lambda w: torch.optim.SGD([w], 0.1, 0.9))
updates("lookahead", (37,), lookahead(sgd, 2, 0.3), steps=5)
updates("clip_norm", (37,), clipped(sgd, norm=1.5))
updates("clip_both", (37,), clipped(sgd, norm=2.0, value=0.4))
