"""One training loop, for hand-written layers and for `torch.nn` modules alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from os import PathLike

import numpy as np

from convnets import checkpoint
from convnets.arguments import (
    LOSSES,
    Loss,
    check_data,
    check_optimizer,
    check_training,
    loss_name,
    loss_pair,
)
from convnets.callbacks import Callback, History, ProgressBar
from convnets.checkpoint import CheckpointError
from convnets.data import Dataset, batches
from convnets.engines import engine_for, evaluating
from convnets.many import fit_many
from convnets.minibatches import Batches, MiniBatches, Prepare
from convnets.random import generator
from convnets.run import DivergenceError, Evaluation, Run, Tally

__all__ = ["LOSSES", "DivergenceError", "evaluate", "fit", "fit_many", "load_weights"]

EVALUATION_BATCH = 256


def fit(
    model,
    optimizer,
    train: Dataset,
    val: Dataset | None = None,
    *,
    epochs: int,
    batch_size: int,
    rng: int | np.random.Generator,
    loss: str | Loss = "softmax_cross_entropy",
    prepare: Prepare | None = None,
    drop_last: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    resume: str | PathLike | None = None,
) -> History:
    """Train a model on mini-batches and record what happens.

    Each epoch draws a new order of the examples. The model is put into training mode at the start,
    and into evaluation mode only while it is validated. An interrupt (Ctrl-C, or the stop button of
    a notebook) ends the training; what was learned and recorded until then stays.

    Args:
        model: a `convnets.layers.Layer` or a `torch.nn.Module` that gives scores (N, C). It is
            computed where its parameters are and in their dtype.
        optimizer: from `convnets.optim`, or for a torch module also from `torch.optim`.
        train, val: images to learn from, and to validate with after each epoch.
        epochs: how many in all; a resumed run counts those before.
        batch_size: examples per step, >= 1; the last batch of an epoch holds what is left.
        rng: seed or generator for the order of the examples, and for `prepare`.
        loss: "softmax_cross_entropy", "hinge_loss", or a pair of functions
            `forward(scores, targets) -> (loss, cache)` and `backward(dloss, cache) -> dscores`.
        prepare: `prepare(images, labels, rng) -> (images, targets)`, called with each mini-batch
            before it is learned from: copies of images (B, C, H, W) and labels (B,), NumPy, which
            it may change, and the run's generator. Targets are labels, rows of probabilities
            (B, K), or what else the loss takes. Validation is done on the images as they are.
        drop_last: leave out a last batch that is not full.
        callbacks: see `convnets.callbacks`.
        progress: whether to show a progress bar.
        resume: a file written by `Checkpoint`, from which to continue. Give all other arguments as
            in the first call; the result is that of one uninterrupted run, bit for bit.
    Returns:
        The history of the whole run; after an interrupt, that until then.
    Raises:
        TypeError, ValueError: arguments that do not fit; see `convnets.arguments`.
        DivergenceError: the loss became infinite or not a number.
        CheckpointError: `resume` names a file that is damaged or belongs to another run; then the
            model and the optimiser are as they were.

    >>> from convnets.data import digits
    >>> from convnets.layers import Flatten, Linear, Sequential
    >>> from convnets.optim import SGD
    >>> model = Sequential(Flatten(), Linear(64, 10, rng=0))
    >>> sgd = SGD(model.parameters(), lr=0.2, momentum=0.9)
    >>> history = fit(model, sgd, digits(), epochs=2, batch_size=64, rng=0, progress=False)
    >>> history.train_accuracy[-1] > 0.9
    True
    """
    engine = engine_for(model)
    check_training(train, val, epochs, batch_size, drop_last)
    check_optimizer(optimizer, engine)
    mini_batches = MiniBatches(train, int(batch_size), drop_last, prepare)
    pair = loss_pair(loss)
    callbacks = sorted(callbacks, key=lambda callback: callback.goes_last)
    settings = {
        "examples": len(train),
        "validation examples": None if val is None else len(val),
        "batch_size": mini_batches.size,
        "drop_last": drop_last,
        "prepare": mini_batches.prepare_name,
        "loss": loss_name(loss),
        "optimizer": type(optimizer).__name__,
        "callbacks": [type(callback).__name__ for callback in callbacks],
    }
    run = Run(
        engine=engine,
        optimizer=optimizer,
        rng=generator(rng),
        epochs=epochs,
        steps_per_epoch=len(mini_batches),
        settings=settings,
        callbacks=callbacks,
        observers=[ProgressBar()] if progress else [],
    )
    run.tell("on_start")
    if resume is not None:
        run.resume(resume)
    try:
        _train(run, mini_batches, val, pair)
    finally:
        run.close()
    return run.history


def _train(run: Run, mini_batches: MiniBatches, val: Dataset | None, loss: Loss) -> None:
    run.engine.model.train()
    try:
        # Overflow on the way to a diverged loss is told by `Run.finite`, once and with a remedy.
        with np.errstate(over="ignore", invalid="ignore"):
            while not run.finished:
                started = time.perf_counter()
                run.train = _train_epoch(run, mini_batches, loss)
                run.epoch += 1
                if val is not None:
                    run.val = _evaluate(run.engine, batches(val, EVALUATION_BATCH), loss)
                    run.finite(run.val.loss, "validation loss")
                run.seconds = time.perf_counter() - started
                run.tell("on_epoch")
    except KeyboardInterrupt:
        run.interrupt()
    run.tell("on_end")


def _train_epoch(run: Run, mini_batches: MiniBatches, loss: Loss) -> Evaluation:
    loss_forward, loss_backward = loss
    tally = Tally()
    for images, targets in mini_batches.epoch(run.rng):
        run.steps += 1
        images, targets = run.engine.place(images, targets)
        scores = _training_scores(run, images, mini_batches)
        value, cache = loss_forward(scores, targets)
        run.loss = run.finite(float(value), "loss")
        run.engine.backward(loss_backward(1.0, cache))
        run.tell("on_backward")
        run.optimizer.step()
        tally.add(run.loss, scores, targets)
        run.tell("on_step")
    return tally.mean()


def _training_scores(run: Run, images, mini_batches: MiniBatches):
    try:
        return run.engine.training_scores(images)
    except ValueError as error:
        told = mini_batches.explained(error, len(images))
        if told is error:
            raise
        raise told from error


def evaluate(
    model, dataset: Dataset, *, loss: str | Loss = "softmax_cross_entropy", batch_size: int = 256
) -> Evaluation:
    """Mean loss and accuracy of a model in evaluation mode.

    Args:
        model, loss: as for `fit`. The model's mode is afterwards what it was before.
        dataset: at least one example.
        batch_size: examples at a time, which bounds the memory and does not change the result.
    Returns:
        (loss, accuracy), accuracy in [0, 1].

    >>> from convnets.data import digits
    >>> from convnets.layers import Flatten, Linear, Sequential
    >>> _, accuracy = evaluate(Sequential(Flatten(), Linear(64, 10, rng=0)), digits())
    >>> accuracy < 0.3
    True
    """
    check_data(dataset, "the data")
    if not len(dataset):
        raise ValueError("the data is empty; there is nothing to evaluate.")
    return _evaluate(engine_for(model), batches(dataset, batch_size), loss_pair(loss))


def _evaluate(engine, mini_batches: Batches, loss: Loss) -> Evaluation:
    tally = Tally()
    with evaluating(engine):
        for images, labels in mini_batches:
            images, labels = engine.place(images, labels)
            scores = engine.scores(images)
            tally.add(float(loss[0](scores, labels)[0]), scores, labels)
    return tally.mean()


def load_weights(model, path: str | PathLike) -> None:
    """Give a model the weights in a file written by `Checkpoint`, and nothing else of that run.

    These are the weights after the latest saved epoch, also where `EarlyStopping` kept better ones.

    Raises:
        CheckpointError: the file is damaged or its weights do not fit; the model is as it was.
    """
    try:
        engine_for(model).load_weights(checkpoint.load(path)["weights"])
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"the weights in {path} were not loaded: {error}") from error
