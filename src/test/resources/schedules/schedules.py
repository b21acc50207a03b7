"""Prints the values of ScheduleTest: python3 schedules.py > schedules.txt (PyTorch 2.13). A line a schedule: its name, then the factors of
steps 0, 1, 2 … of a rate of 1, four steps an epoch; of plateau: the measurements, a bar, and the factors after each."""
import torch
from torch.optim import lr_scheduler as S

STEPS = 4


def rates(name, make, steps=40):
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    s = make(o)
    out = []
    for _ in range(steps):
        out.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    print(name, *[repr(float(x)) for x in out])


rates("step", lambda o: S.StepLR(o, 3 * STEPS, 0.5))
rates("multistep", lambda o: S.MultiStepLR(o, [2 * STEPS, 5 * STEPS, 6 * STEPS], 0.3))
rates("exponential", lambda o: S.ExponentialLR(o, 0.9 ** (1 / STEPS)))
rates("exponential_per_epoch", lambda o: S.ExponentialLR(o, 0.9), 10)
rates("cosine", lambda o: S.CosineAnnealingLR(o, 10 * STEPS))
rates("restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 2 * STEPS, 2))
rates("restarts_even", lambda o: S.CosineAnnealingWarmRestarts(o, 3 * STEPS, 1))
rates("onecycle", lambda o: S.OneCycleLR(o, 1.0, total_steps=10 * STEPS, cycle_momentum=False))
rates("warmup_cosine", lambda o: S.ChainedScheduler([S.LinearLR(o, 1e-3, total_iters=2 * STEPS), S.CosineAnnealingLR(o, 10 * STEPS)]))

for mode, values in (("min", [1, .9, .9, .95, .89999, .8, .8, .8, .8, .8, .8, .8]), ("max", [.1, .2, .2, .2, .20001, .3, .2, .2, .2, .2, .2, .2])):
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    s = S.ReduceLROnPlateau(o, mode, factor=0.3, patience=1, min_lr=0.05)
    out = []
    for v in values:
        s.step(v)
        out.append(o.param_groups[0]["lr"])
    print("plateau_" + mode, *values, "|", *[repr(float(x)) for x in out])
