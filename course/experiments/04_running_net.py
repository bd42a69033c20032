"""The net with 6,440 parameters: does a falling rate help, does clipping, and at which rates?

Every seed draws its own images, weights and order, so runs of different seeds are independent.
"""

from convnets import data, models
from convnets.optim import SGD
from convnets.steering import ClipNorm, Schedule
from convnets.train import DivergenceError, evaluate, fit

EPOCHS, BATCH, TRAIN = 5, 25, 1000

SETTINGS = [
    {"schedule": schedule, "clip": clip, "lr": lr, "seed": seed}
    for schedule, clip, rates in (
        ("constant", None, (0.005, 0.01, 0.02, 0.05)),
        ("constant", 1.0, (0.02, 0.05, 0.1)),
        ("cosine", None, (0.01, 0.02, 0.05, 0.1)),
        ("cosine", 1.0, (0.05, 0.1, 0.2)),
    )
    for lr in rates
    for seed in range(8)
]


def run(schedule, clip, lr, seed):
    """Validation loss and accuracies in % after five epochs; None where the training diverges."""
    images = data.coloured(data.glyphs(2500, seed=seed, size=32), seed=seed)
    images = data.mean_image(images.images[:TRAIN]).applied(images)
    model = models.example_net(rng=seed)
    settings = {} if schedule == "constant" else {"total": EPOCHS * TRAIN // BATCH}
    callbacks = [Schedule(schedule, lr=lr, **settings)] + ([ClipNorm(clip)] if clip else [])
    try:
        history = fit(
            model,
            SGD(model.parameters(), lr=lr, momentum=0.9),
            images[:TRAIN],
            images[TRAIN : TRAIN + 500],
            epochs=EPOCHS,
            batch_size=BATCH,
            rng=seed,
            callbacks=callbacks,
            progress=False,
        )
    except DivergenceError:
        return {"loss": None, "validation": None, "test": None}
    return {
        "loss": history.val_loss[-1],
        "validation": 100 * history.val_accuracy[-1],
        "test": 100 * evaluate(model, images[TRAIN + 500 :]).accuracy,
    }
