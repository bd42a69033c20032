"""A small torch assignment, of the kinds that need code of the course beside the student's Module.

Its tests call `inside` for an optimiser, a loader, a scaler and autocast of torch on what the
student has written. `SAMPLES` lies in rooms, `KNOWN` does not.
"""

from nbformat import v4

from coursekit import notebooks

SETUP = """
import torch
import torch.nn.functional as F
from torch import nn
from coursekit import Task, inside
import a15_known as known
import a15_samples as samples"""

SAMPLES = '''
"""What the notebook computes with, and what runs beside the student's code."""

import numpy as np
import torch
from torch import nn


def batches(rng, count=3, size=8):
    """Batches (images (size, 4), labels (size,))."""
    draws = [(rng.standard_normal((size, 4)), rng.integers(3, size=size)) for _ in range(count)]
    return [(torch.tensor(x, dtype=torch.float32), torch.tensor(t)) for x, t in draws]


def weights(rng):
    """Weights of `network`, and statistics that are not those of a new one."""
    made = {name: torch.zeros_like(value) for name, value in network().state_dict().items()}
    for name, value in made.items():
        if value.is_floating_point():
            draw = rng.standard_normal(tuple(value.shape))
            value.copy_(torch.tensor(abs(draw) + 0.5 if name.endswith("var") else draw))
    return made


def network():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


def loaded(weights):
    made = network()
    made.load_state_dict(weights)
    return made


def values(model):
    """Parameters and buffers, as data."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def trained(train_step, weights, batches, log=None):
    """Losses, and the weights after one step with each batch."""
    model = loaded(weights)
    model.eval()  # which the step has to undo
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for step, (x, t) in enumerate(batches):
        losses.append(train_step(model, optimizer, x, t))
        if log is not None:
            log(step, losses[-1])
    return np.asarray(losses, float), values(model)  # NumPy, which the task does not allow


def result_of(function, *args):
    return function(*args)


def shown(function, shape, device):
    """Where a result lies, its shape and dtype, for images on a device."""
    got = function(torch.ones(shape, device=device), [0.5] * shape[1], [2.0] * shape[1])
    return str(got.device), tuple(got.shape), str(got.dtype)


def grouped(parameter_groups, weights, batch, decay):
    """Names and decay of each group, and the weights after one step."""
    model = loaded(weights)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = parameter_groups(model, decay)
    optimizer = torch.optim.SGD(groups, lr=0.1)
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()
    told = [(sorted(names[id(p)] for p in g["params"]), g["weight_decay"]) for g in groups]
    return sorted(told), values(model)


def frozen(freeze, weights, batch):
    """What is trained, and the weights after one step of what is."""
    model = loaded(weights)
    freeze(model)
    left = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if left:
        optimizer = torch.optim.SGD([p for _, p in left], lr=0.1)
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()
    return [name for name, _ in left], values(model)


def read(kind, images, labels, size, seed):
    """All batches of a loader over a Dataset, and how long the loader is."""
    order = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(
        kind(images, labels), batch_size=size, shuffle=True, generator=order, drop_last=True
    )
    return len(loader), [(x, t) for x, t in loader]


def averaged(update, weights, later, decay):
    """The average after an update with each of some weights."""
    average = loaded(weights)
    for each in later:
        update(average, loaded(each), decay)
    return values(average), [p.requires_grad for p in average.parameters()]


class Probe(nn.Module):
    """Notes the dtype of what comes, and multiplies by a weight."""

    def __init__(self):
        super().__init__()
        self.dtypes, self.linear = [], nn.Linear(4, 3)

    def forward(self, x):
        y = self.linear(x)
        self.dtypes.append(str(y.dtype))
        return y


def scaled(amp_step, weight, batches):
    """Weights and scale after each batch, and the dtypes seen: one batch may overflow."""
    model, told = Probe(), []
    with torch.no_grad():
        model.linear.weight.copy_(weight)
        model.linear.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for x, t in batches:
        amp_step(model, optimizer, scaler, x, t)
        told.append((model.linear.weight.detach().clone(), scaler.get_scale()))
    return told, model.dtypes
'''

RIGHT = {
    "train_step": """
def train_step(model, optimizer, x, t):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), t)
    loss.backward()
    optimizer.step()
    return loss.item()""",
    "normalised": """
def normalised(images, mean, std):
    mean, std = (torch.tensor(v, dtype=images.dtype, device=images.device) for v in (mean, std))
    return (images - mean[:, None, None]) / std[:, None, None]""",
    "Swish": """
class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        s = torch.sigmoid(x)
        ctx.save_for_backward(x, s)
        return x * s
    @staticmethod
    def backward(ctx, dy):
        x, s = ctx.saved_tensors
        return dy * (s + x * s * (1 - s))""",
    "parameter_groups": """
def parameter_groups(model, decay):
    plain = [p for p in model.parameters() if p.ndim < 2]
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    return [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]""",
    "freeze": """
def freeze(model):
    for p in model[:-1].parameters():
        p.requires_grad_(False)
    model[1].eval()""",
    "Flipped": """
class Flipped(torch.utils.data.Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels
    def __len__(self):
        return len(self.labels)
    def __getitem__(self, i):
        return self.images[i].flip(-1), int(self.labels[i])""",
    "ema_update": """
@torch.no_grad()
def ema_update(average, model, decay):
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - decay)
    for a, b in zip(average.buffers(), model.buffers()):
        a.copy_(b)""",
    "amp_step": """
def amp_step(model, optimizer, scaler, x, t):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(x), t)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()""",
}
LOG = """
def log_to(entries):
    return lambda step, loss: entries.append((step, type(loss).__name__, float(loss)))
"""
KNOWN = "\n".join(["import torch", "import torch.nn.functional as F", LOG, *RIGHT.values()])

TESTS = {
    "train_step": """
task = Task("train_step", points=5, allow="torch")
weights, batches = samples.weights(task.rng()), samples.batches(task.rng())
with task.check("losses and weights after three steps", points=3):
    got = inside(samples.trained, train_step, weights, batches)
    task.equal(got, samples.trained(known.train_step, weights, batches), rtol=1e-5)
with task.check("the loss is told as a number at each step", points=2):
    logged, wanted = [], []
    inside(samples.trained, train_step, weights, batches, known.log_to(logged))
    samples.trained(known.train_step, weights, batches, known.log_to(wanted))
    task.equal(logged, wanted, rtol=1e-5)
task.score()""",
    "normalised": """
task = Task("normalised", points=3)
x = torch.tensor(task.rng().standard_normal((2, 3, 4, 4)))
with task.check("values", points=1):
    args = x, [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]
    task.equal(normalised(*args), known.normalised(*args))
with task.check("images stay on their device", points=2):
    got = inside(samples.shown, normalised, (2, 3, 4, 4), "meta")
    task.equal(got, ("meta", (2, 3, 4, 4), "torch.float32"))
task.score()""",
    "Swish": """
task = Task("Swish", points=3)
x = torch.tensor(task.rng().standard_normal((3, 4)), requires_grad=True)
with task.check("values", points=1):
    task.equal(Swish.apply(x.detach()), F.silu(x.detach()))
with task.check("the gradient agrees with finite differences", points=2):
    ok = torch.autograd.gradcheck(Swish.apply, (x,), fast_mode=True, raise_exception=False)
    task.expect(ok, "the gradient is wrong.")
task.score()""",
    "parameter_groups": """
task = Task("parameter_groups", points=3)
weights, (batch,) = samples.weights(task.rng()), samples.batches(task.rng(), 1)
got = inside(samples.grouped, parameter_groups, weights, batch, 0.5)
want = samples.grouped(known.parameter_groups, weights, batch, 0.5)
with task.check("who is in which group", points=1):
    task.equal(got[0], want[0])
with task.check("a step of torch.optim.SGD", points=2):
    task.equal(got[1], want[1], rtol=1e-5)
task.score()""",
    "freeze": """
task = Task("freeze", points=3)
weights, (batch,) = samples.weights(task.rng()), samples.batches(task.rng(), 1)
got = inside(samples.frozen, freeze, weights, batch)
want = samples.frozen(known.freeze, weights, batch)
with task.check("what is trained", points=1):
    task.equal(got[0], want[0])
with task.check("weights and statistics after a step", points=2):
    task.equal(got[1], want[1], rtol=1e-5)
task.score()""",
    "Flipped": """
task = Task("Flipped", points=3)
rng = task.rng()
x, t = torch.tensor(rng.standard_normal((10, 1, 2, 3))), torch.tensor(rng.integers(5, size=10))
with task.check("one item", points=1):
    image, label = Flipped(x, t)[3]
    task.equal((image, label), (x[3].flip(-1), int(t[3])))
with task.check("a loader reads all of it, shuffled, in batches of 4", points=2):
    got = inside(samples.read, Flipped, x, t, 4, 7)
    task.equal(got, samples.read(known.Flipped, x, t, 4, 7))
task.score()""",
    "ema_update": """
task = Task("ema_update", points=4)
first, *later = (samples.weights(task.rng()) for _ in range(3))
got = inside(samples.averaged, ema_update, first, later, 0.9)
want = samples.averaged(known.ema_update, first, later, 0.9)
with task.check("parameters", points=2):
    for name in ("0.weight", "1.bias", "3.bias"):
        task.equal(got[0][name], want[0][name], rtol=1e-5)
    task.equal(got[1], want[1])
with task.check("buffers are copied", points=2):
    for name in ("1.running_mean", "1.running_var"):
        task.equal(got[0][name], want[0][name], rtol=1e-5)
task.score()""",
    "amp_step": """
task = Task("amp_step", points=4)
w = torch.tensor(task.rng().standard_normal((3, 4)), dtype=torch.float32)
batches = samples.batches(task.rng())
batches[1] = (batches[1][0] * float("inf"), batches[1][1])
got, dtypes = inside(samples.scaled, amp_step, w, batches)
want, _ = samples.scaled(known.amp_step, w, batches)
with task.check("the forward pass runs in bfloat16", points=1):
    task.equal(dtypes, ["torch.bfloat16"] * 3)
with task.check("weights and scale of a usual step", points=1):
    task.equal(got[0], want[0], rtol=1e-5)
with task.check("weights stay where gradients overflow, and the scale is halved", points=2):
    task.equal(got[1:], want[1:], rtol=1e-5)
task.score()""",
}

# (task, what is changed, into what, the points that are left)
OTHERS = [
    ("train_step", "    model.train()\n", "", 0),
    ("train_step", "    optimizer.zero_grad()\n", "", 0),
    ("train_step", "    optimizer.step()\n", "", 0),
    ("train_step", "loss.item()", "loss.detach()", 3),
    ("train_step", "optimizer.zero_grad()", "for p in model.parameters(): p.grad = None", 5),
    ("train_step", "F.cross_entropy(model(x), t)", "nn.CrossEntropyLoss()(model(x), t)", 5),
    ("normalised", ", device=images.device", "", 1),
    ("normalised", "(images - ", "(images.cpu() - ", 1),
    ("normalised", "dtype=images.dtype, ", "", 2),
    ("normalised", "torch.tensor(v, dtype", "torch.as_tensor(v, dtype", 3),
    ("Swish", "x * s * (1 - s)", "x * s", 1),
    ("Swish", "dy * (s", "(s", 1),
    ("Swish", "return x * s\n", "return s\n", 0),
    ("parameter_groups", "< 2", "< 1", 0),
    ("parameter_groups", '"weight_decay": 0.0', '"weight_decay": decay', 0),
    (
        "parameter_groups",
        "p for p in model.parameters() if p.ndim < 2",
        "*model[1].parameters()",
        0,
    ),
    ("parameter_groups", "plain = [p for p", "plain = [p for q in [0] for p", 3),
    ("freeze", "    model[1].eval()", "    pass", 1),
    ("freeze", "model[:-1]", "model[:1]", 0),
    ("freeze", "p.requires_grad_(False)", "p.requires_grad = False", 3),
    ("Flipped", ".flip(-1)", "", 0),
    ("Flipped", "len(self.labels)", "len(self.labels) - 1", 1),
    ("Flipped", "int(self.labels[i])", "self.labels[i]", 3),
    ("ema_update", "1 - decay", "decay", 2),
    ("ema_update", "        a.copy_(b)", "        pass", 2),
    ("ema_update", "a.lerp_(p, 1 - decay)", "a.data = decay * a + (1 - decay) * p", 4),
    ("amp_step", "scaler.step(optimizer)", "optimizer.step()", 0),
    ("amp_step", "    scaler.update()", "    pass", 0),
    ("amp_step", 'torch.autocast("cpu", dtype=torch.bfloat16)', "torch.enable_grad()", 0),
]


def slipped(name, old, new):
    """The right answer with something else in one place."""
    assert RIGHT[name].count(old) == 1, (name, old)
    return RIGHT[name].replace(old, new)


def assignment(answers):
    """The notebook with these answers, by task; one that has none is not written yet."""
    return notebook(answers, TESTS)


def notebook(answers, tests):
    """One whose set-up is that of the assignment, with these tests, by task."""
    cells = [_cell("setup", SETUP, locked=True)]
    for name, test in tests.items():
        points = int(test.partition("points=")[2][0])
        answer = answers.get(name, f"def {name}(*args):\n    raise NotImplementedError")
        cells += [
            _cell(name, answer, solution=True),
            _cell(f"test_{name}", test, grade=True, locked=True, points=points),
        ]
    return notebooks.normalise(v4.new_notebook(cells=cells))


def write(folder):
    """Put the two modules into a folder; their contents, by name."""
    files = {"a15_samples.py": SAMPLES.encode(), "a15_known.py": KNOWN.encode()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return files


def _cell(name, text, **about):
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    known = {"grade_id": name, "schema_version": 3, "cell_type": "code"}
    return v4.new_code_cell(text.strip(), metadata={"nbgrader": known | flags})
