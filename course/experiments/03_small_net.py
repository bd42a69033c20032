"""Six convolutions with 6,440 parameters on textured shapes: how far do they come in six passes?

Every seed draws its own split, weights and order.
"""

from convnets import data, models
from convnets.optim import SGD
from convnets.train import DivergenceError, fit

SETTINGS = [{"lr": lr, "seed": seed} for lr in (0.005, 0.01, 0.02) for seed in range(10)]


def run(lr, seed):
    """Training loss and validation accuracy in % after each pass; None where it diverges."""
    drawn = data.textures(4000, seed=0)
    train, validation, _ = data.split(drawn, (0.75, 0.125, 0.125), seed)
    over = {"axis": (0, 2, 3), "keepdims": True}
    centre, spread = train.images.mean(**over), train.images.std(**over)
    train, validation = (
        data.Dataset((part.images - centre) / spread, part.labels, part.classes)
        for part in (train, validation)
    )
    model = models.example_net(rng=seed)
    sgd = SGD(model.parameters(), lr=lr, momentum=0.9)
    settings = {"epochs": 6, "batch_size": 32, "rng": seed, "progress": False}
    try:
        history = fit(model, sgd, train, validation, **settings)
    except DivergenceError:
        return {"loss": None, "validation": None}
    accuracy = [round(100 * each, 1) for each in history.val_accuracy]
    return {"loss": [round(each, 4) for each in history.train_loss], "validation": accuracy}
