"""An assignment whose tests differentiate: the judge gives the points that a plain run gives."""

import pytest
from nbformat import v4

from coursekit import notebooks
from coursekit.grading.judge import Judge
from coursekit.rehearse import Rehearsal

SETUP = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from coursekit import Task"""

TESTS = {
    "swish": """
task = Task("swish", points=4)
torch.manual_seed(0)
x, g = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
with task.check("values", points=1):
    task.equal(swish(x, 1.5), x * torch.sigmoid(1.5 * x))
with task.check("the gradient of x", points=1):
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    (b * torch.sigmoid(1.5 * b) * g).sum().backward()
    (swish(a, 1.5) * g).sum().backward()
    task.equal(a.grad, b.grad, name="x.grad")
with task.check("gradients of x and of beta agree with finite differences", points=2):
    beta = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    ok = torch.autograd.gradcheck(swish, (x.requires_grad_(), beta), raise_exception=False)
    task.expect(ok, "the gradients are wrong.")
task.score()""",
    "Dense": """
task = Task("Dense", points=5)
torch.manual_seed(1)
x, t = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
known = nn.Linear(4, 3)
def fresh():
    made = Dense(4, 3)
    made.load_state_dict(known.state_dict())
    return made
with task.check("its parameters are those of torch.nn.Linear", points=1):
    shapes = {name: tuple(p.shape) for name, p in Dense(4, 3).named_parameters()}
    task.equal(shapes, {"weight": (3, 4), "bias": (3,)})
with task.check("gradients of the parameters", points=2):
    dense, want = fresh(), torch.autograd.grad(F.cross_entropy(known(x), t), known.parameters())
    F.cross_entropy(dense(x), t).backward()
    for p, gradient in zip(dense.parameters(), want):
        task.equal(p.grad, gradient)
with task.check("torch.optim.SGD trains it", points=2):
    losses = []
    for model in (fresh(), fresh_known := nn.Linear(4, 3)):
        model.load_state_dict(known.state_dict())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    task.equal(losses[0], losses[1], rtol=1e-5)
task.score()""",
    "Momentum": """
task = Task("Momentum", points=3)
def weights_after(kind, steps, lr, momentum):
    torch.manual_seed(2)
    model, x = nn.Linear(3, 2), torch.randn(5, 3)
    optimizer = kind(model.parameters(), lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]
with task.check("one step", points=1):
    want = weights_after(torch.optim.SGD, 1, 0.1, 0.9)
    task.equal(weights_after(Momentum, 1, 0.1, 0.9), want, rtol=1e-6)
with task.check("five steps", points=2):
    want = weights_after(torch.optim.SGD, 5, 0.1, 0.9)
    task.equal(weights_after(Momentum, 5, 0.1, 0.9), want, rtol=1e-6)
task.score()""",
    "saliency": """
task = Task("saliency", points=2)
torch.manual_seed(3)
model, x = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), torch.randn(4)
with task.check("|gradient| of a score", points=1):
    leaf = x.clone().requires_grad_()
    (want,) = torch.autograd.grad(model(leaf)[1], leaf)
    task.equal(saliency(lambda image: model(image)[1], x), want.abs())
with task.check("the image is left alone", points=1):
    task.call(saliency, lambda image: image.sum(), x)
task.score()""",
}

RIGHT = {
    "swish": "def swish(x, beta):\n    return x * torch.sigmoid(beta * x)",
    "Dense": """
class Dense(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
    def forward(self, x):
        return x @ self.weight.T + self.bias""",
    "Momentum": """
class Momentum:
    def __init__(self, parameters, lr, momentum):
        self.parameters, self.lr, self.momentum = list(parameters), lr, momentum
        self.speeds = [torch.zeros_like(p) for p in self.parameters]
    def zero_grad(self):
        for p in self.parameters:
            p.grad = None
    def step(self):
        for p, v in zip(self.parameters, self.speeds):
            v.mul_(self.momentum).add_(p.grad)
            p.data -= self.lr * v""",
    "saliency": """
def saliency(score, image):
    image = image.clone().requires_grad_()
    score(image).backward()
    return image.grad.abs()""",
}

OTHERS = [
    ("swish", "x * torch.sigmoid", "x * (1 + 0 * x) * torch.sigmoid", 4),
    ("swish", "x * torch.sigmoid", "x.detach() * torch.sigmoid", 1),
    ("swish", "(beta * x)", "(float(beta) * x)", 2),
    ("swish", "return", "return 2 *", 2),
    ("swish", "return", "return torch.tensor(0.0) +", 4),
    ("swish", "beta * x)", "beta * x).detach()", 1),
    ("Dense", "self.bias = nn.Parameter(torch.zeros(outputs))", "self.bias = 0", 0),
    ("Dense", "nn.Parameter(torch.zeros(outputs))", "torch.zeros(outputs)", 0),
    ("Dense", "self.weight.T + ", "self.weight.detach().T + ", 1),
    ("Dense", "self.weight.T + ", "self.weight.T - ", 1),
    ("Dense", " + self.bias", "", 1),
    ("Dense", "return x", "return torch.relu(x)", 1),
    ("Momentum", "add_(p.grad)", "add_(p.grad, alpha=1 - self.momentum)", 0),
    ("Momentum", "v.mul_(self.momentum).add_(p.grad)", "v = p.grad", 1),
    ("Momentum", "p.grad = None", "pass", 1),
    ("Momentum", "p.data -=", "p = p -", 0),
    ("saliency", "image.clone()", "image", 2),
    ("saliency", ".grad.abs()", ".grad", 1),
    ("saliency", "image.grad.abs()", "image * 0", 1),
    ("saliency", "score(image).backward()", "torch.autograd.backward(score(image))", 2),
]


def cell(name, text, make=v4.new_code_cell, **about):
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    return make(
        text.strip(),
        metadata={
            "nbgrader": {"grade_id": name, "schema_version": 3, "cell_type": "code", **flags}
        },
    )


def assignment(answers):
    """The notebook with these answers."""
    cells = [cell("setup", SETUP, locked=True)]
    for name, test in TESTS.items():
        points = int(test.partition("points=")[2][0])
        cells += [
            cell(name, answers[name], solution=True),
            cell(f"test_{name}", test, grade=True, locked=True, points=points),
        ]
    return notebooks.normalise(v4.new_notebook(cells=cells))


@pytest.fixture(scope="module")
def judge(warm, tmp_path_factory):
    released = assignment(dict.fromkeys(TESTS, "raise NotImplementedError"))
    folder = tmp_path_factory.mktemp("torch")
    return Judge(assignment(RIGHT), released, folder, {}, warm)


def slipped(name, old, new):
    assert RIGHT[name].count(old) == 1
    return RIGHT[name].replace(old, new)


ANSWERS = [
    pytest.param(name, slipped(name, old, new), points, id=f"{name}: {new}")
    for name, old, new, points in OTHERS
]


@pytest.mark.parametrize(("name", "answer", "points"), ANSWERS)
def test_an_answer_scores_the_same_in_a_plain_run_and_in_the_judge(judge, name, answer, points):
    submission = assignment(RIGHT | {name: answer})
    plain = Rehearsal(assignment(RIGHT), judge.folder).run({name: answer})
    judgement = judge.grade(submission)
    expected = judgement.maximum | {f"test_{name}": float(points)}
    assert (plain.points, judgement.points) == (expected, expected), [
        (result.name, result.finding)
        for task in (plain.tasks, judgement.tasks)
        for result in task[f"test_{name}"].results
    ]
    assert judgement.incidents == {}


def test_the_right_answers_earn_everything_and_nothing_earns_nothing(judge):
    assert (
        judge.grade(assignment(RIGHT)).points
        == Rehearsal(assignment(RIGHT), judge.folder).run().points
        == {"test_swish": 4.0, "test_Dense": 5.0, "test_Momentum": 3.0, "test_saliency": 2.0}
    )
    empty = judge.grade(judge.release)
    assert set(empty.points.values()) == {0.0}
