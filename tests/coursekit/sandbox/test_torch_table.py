"""The tables of docs/authors.md for torch tasks, line by line: what crosses, and what does not.

What does not cross is tried twice: as it stands, where the judge raises or silently sees something
else than a kernel, and beside the student's code, where both see the same.
"""

import re
from contextlib import contextmanager

import pytest
from crossing import across_the_wall, in_own_kernel, same
from tiny_course import ROOT

from coursekit.checks.beside import calls_go_to

SAMPLES = """
import torch
from torch import nn

x = torch.linspace(-1, 1, 12).reshape(3, 4)


def filled(model):
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))
    return model


def with_an_optimizer(step, w):
    w = nn.Parameter(w.clone())
    step(torch.optim.SGD([w], lr=0.5), w)
    return w.detach()


def with_a_generator(draw, seed):
    return draw(torch.Generator().manual_seed(seed))


def with_a_scaler(step):
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    return step(scaler, torch.tensor(2.0))


def in_a_loader(total):
    return total(torch.utils.data.DataLoader(list(range(6)), batch_size=4))


def with_a_module(count):
    return count(filled(nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))))


def in_a_sequence(kind):
    return nn.Sequential(filled(kind()), nn.ReLU())(x).detach()


def within(manager, function):
    with manager():
        return function()


def bent(f, x):
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.autograd.grad(slope.sum(), x)[0]


def under_autocast(f):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return str(f(x).dtype)


def in_inference(f):
    with torch.inference_mode():
        return f()


def in_double(f):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return str(f().dtype)
    finally:
        torch.set_default_dtype(before)


def kinds(model):
    return [type(each).__name__ for each in model.modules()]


def fields(f):
    return f()._asdict()
"""

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 2)
    def forward(self, x):
        return self.inner(x)
"""
SWISH = """
class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)
    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return dy * (s + x * s * (1 - s))
"""
DRAWN = "x = torch.linspace(-1, 1, 12).reshape(3, 4)\n"
ALIKE = """
model = Net()
weights = {"inner.weight": torch.linspace(-1, 1, 8).reshape(2, 4), "inner.bias": torch.ones(2)}
model.load_state_dict(weights)
"""
MIXED = """
from torch.utils.checkpoint import checkpoint
def step(w, x):
    w = w.clone().requires_grad_()
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    optimizer = torch.optim.SGD([w], lr=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = checkpoint(lambda x: x @ w, x, use_reentrant=False)
    scaler.scale(y.float().sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    return w.detach(), y.dtype, scaler.get_scale()
"""

# What the guide says crosses: (the student's cell, a test cell that sets `result`).
CROSSES = {
    "an `autograd.Function`, with `gradcheck(F.apply, …, fast_mode=True)`": [
        (
            SWISH,
            "x = torch.ones(3, dtype=torch.float64, requires_grad=True)\n"
            "result = torch.autograd.gradcheck(Swish.apply, (x,), fast_mode=True)",
        )
    ],
    "the student's Module in the test's loop, with an optimiser of the test": [
        (
            NET,
            DRAWN + ALIKE + "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)\n"
            "for _ in range(3):\n"
            "    optimizer.zero_grad()\n"
            "    (model(x) ** 2).mean().backward()\n"
            "    optimizer.step()\n"
            "result = [p.detach() for p in model.parameters()]",
        )
    ],
    "parameter groups, with the identity of parameters": [
        (
            NET + "def groups(model):\n    return [{'params': [model.inner.bias], 'lr': 0.1}]\n",
            "model = Net()\n(group,) = groups(model)\nown = dict(model.named_parameters())\n"
            "result = [[n for n, p in own.items() if p is q] for q in group['params']]",
        )
    ],
    "the student's optimiser on parameters of the test": [
        (
            "class Step:\n    def __init__(self, ps):\n        self.ps = list(ps)\n"
            "    @torch.no_grad()\n    def step(self):\n"
            "        for p in self.ps:\n            p -= 0.5 * p.grad",
            "w = nn.Parameter(torch.arange(3.0))\n(w ** 2).sum().backward()\nStep([w]).step()\n"
            "result = w.detach()",
        )
    ],
    "`state_dict()` and `load_state_dict`, as a dict of values": [
        (NET, ALIKE + "result = dict(model.state_dict())")
    ],
    "`autocast`, `GradScaler` and `checkpoint` within the student's code": [
        (MIXED, DRAWN + "result = step(torch.ones(4), x)")
    ],
    "datasets, loaders and samplers of the student: length, items, iteration": [
        (
            "class Pairs(torch.utils.data.Dataset):\n"
            "    def __len__(self):\n        return 5\n"
            "    def __getitem__(self, i):\n        return torch.tensor([i, i * i])\n"
            "def loader():\n    return torch.utils.data.DataLoader(Pairs(), batch_size=2)\n"
            "def sampler():\n    return torch.utils.data.SequentialSampler(Pairs())\n",
            "result = len(Pairs()), Pairs()[3], list(loader()), list(sampler())",
        )
    ],
    "tensors on `meta`, and the devices `cpu` and `meta`": [
        (
            "def centre(x):\n    return x - torch.ones(4, device=x.device)",
            "y = centre(torch.empty(3, 4, device='meta'))\nresult = str(y.device), tuple(y.shape)",
        ),
        (
            "def ones(device):\n    return torch.ones(3, device=device)",
            "result = [str(ones(torch.device(name)).device) for name in ('cpu', 'meta')]",
        ),
    ],
    "`torch.no_grad()` around a call": [
        (NET, DRAWN + "with torch.no_grad():\n    result = Net()(x).requires_grad")
    ],
}

# What does not: (the student's cell, how a kernel allows it, the same beside the student's code).
DOES_NOT = {
    "an optimiser, a scaler, a loader, a `torch.Generator` as argument": [
        (
            "def step(optimizer, w):\n    (w ** 2).sum().backward()\n    optimizer.step()",
            "w = nn.Parameter(torch.ones(3))\nstep(torch.optim.SGD([w], lr=0.5), w)\n"
            "result = w.detach()",
            "result = inside(samples.with_an_optimizer, step, torch.ones(3))",
        ),
        (
            "def step(scaler, x):\n    return scaler.scale(x)",
            "scaler = torch.amp.GradScaler('cpu', init_scale=8.0)\n"
            "result = step(scaler, torch.tensor(2.0))",
            "result = inside(samples.with_a_scaler, step)",
        ),
        (
            "def total(loader):\n    return [len(batch) for batch in loader]",
            "result = total(torch.utils.data.DataLoader(list(range(6)), batch_size=4))",
            "result = inside(samples.in_a_loader, total)",
        ),
        (
            "def draw(g):\n    return torch.randn(3, generator=g)",
            "result = draw(torch.Generator().manual_seed(3))",
            "result = inside(samples.with_a_generator, draw, 3)",
        ),
    ],
    "`.eval()`, `.parameters()` and other attributes of the test's Module": [
        (
            "def count(model):\n"
            "    model.eval()\n    return sum(p.numel() for p in model.parameters())",
            "result = count(nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5)))",
            "result = inside(samples.with_a_module, count)",
        )
    ],
    "the student's Module in the test's `nn.Sequential`": [
        (
            NET,
            DRAWN + "result = nn.Sequential(samples.filled(Net()), nn.ReLU())(x).detach()",
            "result = inside(samples.in_a_sequence, Net)",
        )
    ],
    "the student's context manager in the test's `with`": [
        (
            "import contextlib\nnow = []\n@contextlib.contextmanager\ndef noted():\n"
            "    now.append(1)\n    yield\n    now.clear()\n"
            "def count():\n    return len(now)",
            "with noted():\n    result = count()",
            "result = inside(samples.within, noted, count)",
        )
    ],
    "gradients of gradients": [
        (
            "def cube(x):\n    return x ** 3",
            "x = torch.ones(3, requires_grad=True)\n"
            "(slope,) = torch.autograd.grad(cube(x).sum(), x, create_graph=True)\n"
            "result = torch.autograd.grad(slope.sum(), x)[0]",
            "result = inside(samples.bent, cube, torch.ones(3))",
        )
    ],
    "the test's `autocast`, `inference_mode` or default dtype around a call": [
        (
            "def product(x):\n    return x @ torch.ones(4, 2)",
            DRAWN + "with torch.autocast('cpu', dtype=torch.bfloat16):\n"
            "    result = str(product(x).dtype)",
            "result = inside(samples.under_autocast, product)",
        ),
        (
            "def mode():\n    return [torch.is_inference_mode_enabled()]",
            "with torch.inference_mode():\n    result = mode()",
            "result = inside(samples.in_inference, mode)",
        ),
        (
            "def zeros():\n    return torch.zeros(3)",
            "before = torch.get_default_dtype()\ntorch.set_default_dtype(torch.float64)\n"
            "try:\n    result = str(zeros().dtype)\nfinally:\n    torch.set_default_dtype(before)",
            "result = inside(samples.in_double, zeros)",
        ),
    ],
    "`isinstance` of the student's modules": [
        (
            NET,
            "model = Net()\nresult = ['Net', *['Linear'] * isinstance(model.inner, nn.Linear)]",
            "result = inside(samples.kinds, Net())",
        )
    ],
    "fields of a named tuple of the student": [
        (
            "from typing import NamedTuple\nclass Pair(NamedTuple):\n    a: int\n    b: int\n"
            "def pair():\n    return Pair(1, 2)",
            "got = pair()\nresult = {'a': got.a, 'b': got.b}",
            "result = inside(samples.fields, pair)",
        )
    ],
}
IMPORTS = "from coursekit import inside\nimport a16_samples as samples\n"


@pytest.fixture(autouse=True)
def samples_here(tmp_path, monkeypatch):
    (tmp_path / "a16_samples.py").write_text(SAMPLES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "a16_samples", raising=False)


@contextmanager
def a_room(warm):
    """A room with the samples, where calls by `inside` go."""
    with warm.room({"a16_samples.py": SAMPLES.encode()}) as room, calls_go_to(room.inside):
        yield room


def listed(lines):
    return [
        pytest.param(*each, id=f"{key} {n}") for key in lines for n, each in enumerate(lines[key])
    ]


@pytest.mark.parametrize(("student", "test"), listed(CROSSES))
def test_it_crosses(warm, student, test):
    want = in_own_kernel(student, test)
    with a_room(warm) as room:
        assert same(across_the_wall(room, student, test), want)


@pytest.mark.parametrize(("student", "in_a_kernel", "beside"), listed(DOES_NOT))
def test_it_does_not_cross_and_goes_beside_the_students_code(warm, student, in_a_kernel, beside):
    want = in_own_kernel(student, IMPORTS + in_a_kernel)
    assert same(in_own_kernel(student, IMPORTS + beside), want)
    with a_room(warm) as room:
        assert same(across_the_wall(room, student, IMPORTS + beside), want)
        try:
            got = across_the_wall(room, student, IMPORTS + in_a_kernel)
        except (TypeError, AttributeError, RuntimeError):
            return
        assert not same(got, want)


def test_these_are_the_lines_of_the_guide():
    guide = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    section = guide.partition("### Beside the student's code\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)
    heads = {"crosses as it is", "does not cross"}
    assert [row for row in rows if row not in heads] == [*CROSSES, *DOES_NOT]
