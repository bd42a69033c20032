"""Gradients of a student's torch code, asked for in a test: the same in a kernel and across a wall.

Every case is a student's cell and a test cell that ends in `result = ...`. It runs twice: all in
this process, as in a student's own kernel, and with the student's cell in a room.
"""

import pytest
import torch
from crossing import across_the_wall, in_own_kernel, same

from coursekit.sandbox import RoomDied

NET = """
class Net(nn.Module):
    def __init__(self, width=5):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Linear(2 * 4 * 4, width)
    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x))).flatten(1))
"""
DATA = "torch.manual_seed(1)\nx, t = torch.randn(3, 1, 6, 6), torch.tensor([0, 1, 4])\n"

CASES = {
    "the gradient of an input": (
        "def f(x, w):\n    return torch.tanh(x @ w)",
        """
torch.manual_seed(0)
x, w = torch.randn(3, 4, requires_grad=True), torch.randn(4, 2, requires_grad=True)
g = torch.randn(3, 2)
y = f(x, w)
(y * g).sum().backward()
result = y, y.requires_grad, y.is_leaf, x.grad, w.grad
""",
    ),
    "gradients add up": (
        "def f(x):\n    return x ** 2",
        """
x = torch.tensor([1.0, 2.0], requires_grad=True)
f(x).sum().backward(); f(x).sum().backward()
twice = x.grad.clone()
x.grad = None
f(x).sum().backward()
result = twice, x.grad
""",
    ),
    "torch.autograd.grad, of some inputs, with an input that is not used": (
        "def f(x, w, unused):\n    return x * w, x + w",
        """
x, w, u = (torch.full((2,), float(n), requires_grad=True) for n in (2, 3, 4))
a, b = f(x, w, u)
first = torch.autograd.grad(a.sum() + (b ** 2).sum(), [x, w], retain_graph=True)
result = first, torch.autograd.grad(b, [u, x], torch.ones(2), allow_unused=True), x.grad
""",
    ),
    "gradcheck": (
        "def f(x, w):\n    return (x.unsqueeze(1) * w).sin().sum(-1)",
        """
torch.manual_seed(0)
x, w = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((2, 3), (4, 3)))
result = torch.autograd.gradcheck(f, (x, w))
""",
    ),
    "gradcheck of a wrong backward pass": (
        """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]
f = Square.apply
""",
        """
x = torch.randn(3, dtype=torch.float64, requires_grad=True)
result = torch.autograd.gradcheck(f, (x,), raise_exception=False)
""",
    ),
    "a jacobian": (
        "def f(x):\n    return x ** 2 * x.sum()",
        "result = torch.autograd.functional.jacobian(f, torch.tensor([1.0, 2.0, 3.0]))",
    ),
    "the student's functions and the test's in one graph": (
        "def inner(h):\n    return h * h\ndef outer(a, b):\n    return a.sin() + b",
        """
x = torch.tensor([0.5, 2.0], requires_grad=True)
h = x.exp()
k = inner(h).log()
y = outer(k, h) * outer(h, k)
y.retain_grad(); h.retain_grad()
y.sum().backward()
result = y, x.grad, h.grad, y.grad
""",
    ),
    "a result that is changed in place": (
        "def f(x):\n    return x * 2, x * 3",
        """
x = torch.ones(2, 3, requires_grad=True)
a, b = f(x)
a.mul_(5); b[0] = 0
(a * b).sum().backward()
result = a, b, x.grad
""",
    ),
    "an argument that is changed in place": (
        "def f(h, buffer, scale):\n    h.mul_(scale)\n    buffer[1:] += scale ** 2",
        """
x, s = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
h, buffer = x + 1, torch.zeros(3)
f(h, buffer, s)
(h.sum() + (buffer ** 2).sum()).backward()
result = h, buffer, x.grad, s.grad
""",
    ),
    "a function that gives back what it got": (
        "def f(x):\n    return {'same': x, 'twice': [x, 2 * x]}",
        """
x = torch.ones(2, requires_grad=True)
got = f(x)
got['twice'][1].sum().backward()
result = got['same'] is x, got['twice'][0] is x, x.grad
""",
    ),
    "no gradients are recorded under no_grad": (
        "def f(x):\n    return 2 * x, torch.is_grad_enabled()",
        """
x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    y, enabled = f(x)
result = y.requires_grad, enabled, f(x)[0].requires_grad, f(x.detach())[0].requires_grad
""",
    ),
    "a student's Module: values, gradients, state": (
        NET,
        DATA
        + """
model = Net(width=5)
y = model(x)
loss = F.cross_entropy(y, t)
loss.backward()
grads = [p.grad for p in model.parameters()]
names = [(name, p.shape, type(p) is nn.Parameter) for name, p in model.named_parameters()]
state = model.state_dict()
result = y, loss, grads, names, dict(state), model.conv.weight.grad, model.norm.running_mean
""",
    ),
    "gradients outlive the loss they came from": (
        NET,
        DATA
        + """
model = Net()
F.cross_entropy(model(x), t).backward()
first = [p.grad.clone() for p in model.parameters()]
F.cross_entropy(model(x), t).backward()
second = [p.grad for p in model.parameters()]
model.zero_grad()
result = first, second, [p.grad for p in model.parameters()]
""",
    ),
    "torch.optim trains a student's Module": (
        NET,
        DATA
        + """
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
for _ in range(5):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), t)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
model.eval()
result = losses, list(model.parameters()), model(x)
""",
    ),
    "parameters are set, frozen, converted, clipped": (
        NET,
        DATA
        + """
model = Net()
with torch.no_grad():
    model.conv.weight.fill_(0.1)
model.conv.bias.data = torch.ones(2)
model.head.bias.data += 1.0
model.head.weight.requires_grad_(False)
y = model(x)
y.sum().backward()
norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
clipped = [p.grad if p.grad is None else p.grad.clone() for p in model.parameters()]
model.double()
z = model(x.double())
z.sum().backward()
vector = torch.nn.utils.parameters_to_vector(model.parameters())
result = y, norm, clipped, z, vector, [p.requires_grad for p in model.parameters()]
""",
    ),
    "weights are loaded and compared with torch's own": (
        "class Dense(nn.Module):\n    def __init__(self, i, o):\n        super().__init__()\n"
        "        self.weight = nn.Parameter(torch.zeros(o, i))\n"
        "        self.bias = nn.Parameter(torch.zeros(o))\n"
        "    def forward(self, x):\n        return x @ self.weight.T + self.bias",
        """
torch.manual_seed(3)
known, mine = nn.Linear(4, 3), Dense(4, 3)
mine.load_state_dict(known.state_dict())
a, b = torch.randn(5, 4, requires_grad=True), torch.randn(5, 4)
mine(a).pow(2).sum().backward()
w = nn.Parameter(torch.ones(3, 4))
mine.weight = w
mine(b).sum().backward()
result = a.grad, mine.bias.grad, w.grad, mine.weight is w, len(list(mine.parameters()))
""",
    ),
    "the student's optimiser trains the test's tensors": (
        """
class SGD:
    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr
    def zero_grad(self):
        for p in self.parameters:
            p.grad = None
    def step(self):
        with torch.no_grad():
            for p in self.parameters:
                p -= self.lr * p.grad
class ByData(SGD):
    def step(self):
        for p in self.parameters:
            p.data = p.data - self.lr * p.grad.data
""",
        """
def train(kind):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = kind(model.parameters(), 0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (model(torch.ones(5, 3)) ** 2).mean().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()], [p.grad for p in model.parameters()]
result = train(SGD), train(ByData)
""",
    ),
    "the student calls backward": (
        """
def step(model, x, t, lr):
    loss = F.cross_entropy(model(x), t)
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= lr * p.grad
    return loss.item()
def slope(x):
    (x ** 3).sum().backward()
"""
        + NET,
        DATA
        + """
model = Net()
weight = model.conv.weight
losses = [step(model, x, t, 0.1) for _ in range(3)]
a = torch.tensor([1.0, 2.0], requires_grad=True)
slope(a); slope(a)
result = losses, weight, weight.grad, a.grad
""",
    ),
    "the student differentiates the test's function": (
        """
def saliency(score, x):
    x = x.clone().requires_grad_()
    score(x).backward()
    return x.grad
def ascend(score, x, steps):
    for _ in range(steps):
        (g,) = torch.autograd.grad(score(x), x)
        x = (x + 0.1 * g).detach().requires_grad_()
    return x
""",
        """
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
x = torch.randn(3)
score = lambda x: model(x)[1]
result = saliency(score, x), ascend(score, x.clone().requires_grad_(), 3)
""",
    ),
    "tensors with gradients go there and back": (
        "def apply(f, x):\n    return f(x * 2) * 3\n"
        "def loss_of(model, x):\n    return (model(x) ** 2).sum()",
        """
x, w = torch.ones(2, requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
y = apply(lambda h: (h * w).exp(), x * 1)
y.sum().backward()
first = y, x.grad.clone(), w.grad.clone()
loss_of(lambda x: apply(lambda h: h * w, x), x).backward()
result = first, x.grad, w.grad
""",
    ),
    "what a forward hook sees": (
        NET,
        DATA
        + """
model, seen = Net(), []
handle = model.conv.register_forward_hook(lambda module, given, out: seen.append(out))
model(x).sum().backward()
handle.remove()
model(x)
result = len(seen), seen[0], seen[0].requires_grad
""",
    ),
    "a tensor without data": (
        NET,
        """
with torch.device("meta"):
    pass
model = Net().to("meta")
y = model(torch.empty(2, 1, 6, 6, device="meta"))
y.sum().backward()
result = y.shape, y.device.type, [tuple(p.grad.shape) for p in model.parameters()]
""",
    ),
    "a parameter that is used twice, and one that several models share": (
        "class Tied(nn.Module):\n    def __init__(self, w):\n        super().__init__()\n"
        "        self.w = w\n"
        "    def forward(self, x):\n        return (x @ self.w) @ self.w.T",
        """
w = nn.Parameter(torch.eye(2) * 2)
one, other = Tied(w), Tied(w)
x = torch.ones(1, 2)
(one(x) + other(x)).sum().backward()
result = w.grad, one.w is w, other.w.grad
""",
    ),
    "a loss that is an attribute": (
        """
class Output:
    pass
def run(x):
    out = Output()
    out.logits = x.view(2, 2).t() * 3
    out.loss = out.logits.exp().sum()
    return out
""",
        """
x = torch.arange(4.0, requires_grad=True)
out = run(x)
logits, loss = out.logits, out.loss
(loss + logits[0].sum()).backward()
result = logits, logits.stride(), loss, x.grad
""",
    ),
    "a copy of a Module has parameters of its own": (
        NET,
        DATA
        + """
import copy
one = Net()
other = copy.deepcopy(one)
other.load_state_dict({k: v + 1 for k, v in one.state_dict().items()})
one(x).sum().backward()
result = [p.grad for p in other.parameters()], one.head.bias, other.head.bias, one.head.bias.grad
""",
    ),
    "batches that the student makes, an epoch that the test runs": (
        NET
        + """
def batches(x, t, size, rng):
    order = torch.from_numpy(rng.permutation(len(x)))
    for part in order.split(size):
        yield x[part], t[part]
""",
        DATA
        + """
model, seen = Net(), []
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
model.train()
for a, b in batches(x, t, 2, np.random.default_rng(0)):
    optimizer.zero_grad()
    F.cross_entropy(model(a), b).backward()
    optimizer.step()
model.eval()
result = model(x), model.norm.running_var, model.training
""",
    ),
    "a function of the test that records nothing": (
        "def f(g, x):\n    with torch.no_grad():\n        return g(x), torch.is_grad_enabled()",
        """
x = torch.ones(2, requires_grad=True)
y, enabled = f(lambda x: (x * 2, torch.is_grad_enabled()), x)
result = y[0].requires_grad, y[1], enabled
""",
    ),
    "complex numbers, and several dtypes": (
        "def f(z, x):\n    return z.abs() * x.double(), torch.view_as_real(z * 2)",
        """
z = torch.tensor([1 + 2j, 3j], requires_grad=True)
x = torch.tensor([1.0, 2.0], dtype=torch.float16, requires_grad=True)
a, b = f(z, x)
(a.sum() + b.sum()).backward()
result = a, b, z.grad, x.grad
""",
    ),
    "a recurrent state that the student's object keeps": (
        """
class Cell:
    def __init__(self): self.h = torch.zeros(2)
    def step(self, x, w):
        self.h = torch.tanh(x + w * self.h)
        return self.h
""",
        """
cell, w = Cell(), torch.tensor([0.5, 0.9], requires_grad=True)
xs = [torch.full((2,), float(i), requires_grad=True) for i in range(4)]
hs = [cell.step(x, w) for x in xs]
hs[-1].sum().backward()
result = hs, w.grad, [x.grad for x in xs]
""",
    ),
}


@pytest.mark.parametrize(("student", "test"), CASES.values(), ids=CASES)
def test_a_test_cell_sees_the_same_numbers(warm, student, test):
    want = in_own_kernel(student, test)
    with warm.room() as room:
        got = across_the_wall(room, student, test)
    assert same(got, want), (got, want)


# --- what goes wrong, and what is let go ---------------------------------------------------------

F_OF_X = """
import torch, weakref
refs = []
def f(x):
    h = x * 2
    refs.append(weakref.ref(h))
    return h * h
def keep(x):
    refs.append(weakref.ref(x))
def alive():
    return sum(ref() is not None for ref in refs)
class Fragile(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()
    @staticmethod
    def backward(ctx, g):
        print("in backward")
        raise ZeroDivisionError("no gradient")
fragile = Fragile.apply
weight = torch.nn.Parameter(torch.ones(2))
def squared():
    return weight ** 2
"""


@pytest.fixture
def made(warm):
    with warm.room() as room:
        assert room.run_cell(F_OF_X).error == ""
        yield room.look_up(["f", "keep", "alive", "fragile", "weight", "squared"])


def test_a_graph_is_kept_in_the_room_as_long_as_it_is_used_here(made):
    x = torch.ones(2, requires_grad=True)
    y = made["f"](x)
    z = y * 3
    assert made["alive"]() == 1
    del y
    assert made["alive"]() == 1
    z.sum().backward()
    del z
    assert made["alive"]() == 0
    assert x.grad.tolist() == [24.0, 24.0]


def test_leaves_that_nobody_holds_are_let_go(made):
    for _ in range(10):
        made["keep"](torch.ones(2, requires_grad=True))
    assert made["alive"]() <= 2  # of the last call, and of the one before


def test_a_graph_is_used_up_by_a_backward_pass(made):
    x = torch.ones(2, requires_grad=True)
    y = made["f"](x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    assert x.grad.tolist() == [16.0, 16.0]


def test_gradients_of_gradients_are_refused_in_words(made):
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="create_graph"):
        torch.autograd.grad(made["f"](x).sum(), x, create_graph=True)
    assert made["alive"]() == 0


def test_an_error_in_a_students_backward_pass_is_raised_here(made, capsys):
    y = made["fragile"](torch.ones(2, requires_grad=True))
    with pytest.raises(ZeroDivisionError, match="no gradient"):
        y.sum().backward()
    assert capsys.readouterr().out == "in backward\n"


def test_a_weight_that_was_changed_meanwhile_is_noticed(made):
    y = made["squared"]()
    with torch.no_grad():
        made["weight"].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_parameter_is_one_tensor_however_often_it_is_asked_for(made):
    weight = made["weight"]
    made["squared"]().sum().backward()
    assert weight.grad.tolist() == [2.0, 2.0]
    with torch.inference_mode():
        made["alive"]()
    assert made["keep"](weight) is None
    assert made["alive"]() == 1


def test_gradients_end_with_the_room(warm):
    with warm.room() as room:
        room.run_cell(F_OF_X)
        y = room.look_up(["f"])["f"](torch.ones(2, requires_grad=True))
    with pytest.raises(RoomDied):
        y.sum().backward()
