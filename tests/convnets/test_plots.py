"""Figures, tested by what is drawn on them."""

import IPython.display
import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb

from convnets import plots
from convnets.callbacks import History
from convnets.data import Dataset

CURVES = History(
    step_loss=[2.4, 2.0, 1.6, 1.2, 0.9, 0.6],
    train_loss=[2.0, 1.1, 0.7],
    train_accuracy=[0.3, 0.6, 0.8],
    val_loss=[1.8, 1.2, 0.9],
    val_accuracy=[0.35, 0.55, 0.7],
)


@pytest.fixture(autouse=True)
def default_style():
    with matplotlib.rc_context():
        yield
    plt.close("all")


def drawn(figure, index=0):
    return figure.axes[0].images[index]


def titles(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def lightness(colour):
    """Relative luminance, about what a grey print shows."""
    return np.dot(np.where(np.array(to_rgb(colour)) > 0, to_rgb(colour), 0), [0.299, 0.587, 0.114])


def overlap(figure):
    boxes = [image.get_extent() for image in figure.axes[0].images]
    return any(
        a[0] < b[1] and b[0] < a[1] and a[3] < b[2] and b[3] < a[2]
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )


def test_a_grid_draws_each_image_upright_and_none_over_another():
    images = np.random.default_rng(0).random((11, 1, 5, 7))
    figure = plots.image_grid(images, columns=4)
    assert len(figure.axes[0].images) == 11
    for k in range(11):
        np.testing.assert_array_equal(drawn(figure, k).get_array(), images[k, 0])
    left, right, bottom, top = drawn(figure, 0).get_extent()
    assert (bottom - top) / (right - left) == pytest.approx(5 / 7)
    assert bottom > top
    assert figure.axes[0].yaxis.get_inverted()
    assert not overlap(figure)


def test_a_grid_fills_row_after_row():
    figure = plots.image_grid(np.zeros((5, 1, 4, 4)), columns=3)
    lefts, _, _, tops = zip(*(image.get_extent() for image in figure.axes[0].images), strict=True)
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]


def test_colour_images_are_drawn_with_channels_last_and_clipped():
    image = np.random.default_rng(0).random((3, 4, 6)) * 1.5 - 0.2
    array = drawn(plots.image_grid([image])).get_array()
    np.testing.assert_array_equal(array, np.clip(image, 0, 1).transpose(1, 2, 0))


def test_grey_images_are_shown_as_brightness_unless_they_leave_its_range():
    figure = plots.image_grid([np.full((2, 2), 0.5), np.array([[-3.0, 5.0]])])
    assert drawn(figure, 0).get_clim() == (0, 1)
    assert drawn(figure, 1).get_clim() == (-3, 5)


def test_images_of_a_data_set_are_titled_with_their_classes():
    data = Dataset(np.zeros((3, 1, 2, 2), np.float32), [1, 0, 1], ("cat", "dog"))
    assert titles(plots.image_grid(data)) == ["dog", "cat", "dog"]
    assert titles(plots.image_grid(data, titles=["x", "y", "z"])) == ["x", "y", "z"]


def test_images_may_be_torch_tensors():
    torch = pytest.importorskip("torch")
    image = torch.rand(3, 4, 5, requires_grad=True)
    array = drawn(plots.image_grid([image])).get_array()
    np.testing.assert_array_equal(array, image.detach().numpy().transpose(1, 2, 0))


@pytest.mark.parametrize("n", [1, 2, 7, 40, 300])
def test_figures_fit_a_notebook(n):
    for figure in (
        plots.image_grid(np.zeros((n, 1, 8, 8)), titles=["a title"] * n),
        plots.filters(np.ones((n, 2, 3, 3))),
        plots.activation_maps(np.ones((n, 6, 4))),
    ):
        assert 1 < figure.get_size_inches()[0] <= 9.01


@pytest.mark.parametrize(
    ("images", "given", "message"),
    [
        ([], None, "no images"),
        (np.zeros((2, 1, 4, 4)), ["one"], "2 images, but 1 titles"),
        (np.zeros((2, 5, 4, 4)), None, r"\(5, 4, 4\).*activation_maps"),
        ([np.zeros(4)], None, r"shape \(4,\)"),
    ],
)
def test_what_cannot_be_hung_is_refused_and_leaves_no_figure(images, given, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images, titles=given)
    assert plt.get_fignums() == []


def test_filters_share_one_scale_centred_at_zero():
    weights = np.random.default_rng(0).standard_normal((6, 1, 5, 3))
    weights[2, 0, 1, 1] = -4.0
    figure = plots.filters(weights)
    for k in range(6):
        np.testing.assert_array_equal(drawn(figure, k).get_array(), weights[k, 0])
        assert drawn(figure, k).get_clim() == (-4, 4)
        assert drawn(figure, k).get_cmap() is plots.SIGNED
    assert figure.axes[1].get_ylim() == (-4, 4)


def test_filters_of_several_channels_are_a_table_filter_by_channel():
    weights = np.random.default_rng(0).standard_normal((3, 4, 2, 2))
    figure = plots.filters(weights)
    np.testing.assert_array_equal(drawn(figure, 4 * 2 + 1).get_array(), weights[2, 1])
    tops = [image.get_extent()[3] for image in figure.axes[0].images]
    assert len(set(tops)) == 3
    assert len(set(tops[4:8])) == 1


def test_many_filters_of_few_channels_stand_several_to_a_row():
    figure = plots.filters(np.ones((20, 2, 3, 3)))
    tops = [image.get_extent()[3] for image in figure.axes[0].images]
    assert [tops.count(top) for top in sorted(set(tops))] == [6, 6, 6, 6, 6, 6, 4]


def test_filters_of_three_channels_are_in_colour_with_zero_grey():
    weights = np.zeros((2, 3, 2, 2))
    weights[0, 1, 0, 0], weights[1, 2, 1, 1] = 2.0, -1.0
    figure = plots.filters(weights)
    assert drawn(figure, 0).get_array()[0, 0].tolist() == [0.5, 1.0, 0.5]
    assert drawn(figure, 1).get_array()[1, 1].tolist() == [0.5, 0.5, 0.25]


def test_weights_that_are_all_zero_are_drawn_grey():
    figure = plots.filters(np.zeros((2, 1, 3, 3)))
    figure.canvas.draw()
    assert drawn(figure).get_clim() == (-1, 1)


def test_activations_are_scaled_from_zero_if_none_is_negative():
    activations = np.random.default_rng(0).random((1, 5, 4, 6))
    figure = plots.activation_maps(activations)
    np.testing.assert_array_equal(drawn(figure, 3).get_array(), activations[0, 3])
    assert {drawn(figure, k).get_clim() for k in range(5)} == {(0, activations.max())}


def test_activations_with_a_sign_are_centred_at_zero():
    figure = plots.activation_maps(np.array([[[-1.0, 3.0]]]))
    assert drawn(figure).get_clim() == (-3, 3)
    assert drawn(figure).get_cmap() is plots.SIGNED


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (4, 4), (0, 4, 4)])
def test_activations_of_several_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"of one image.*activations\[0\]"):
        plots.activation_maps(np.zeros(shape))


def test_weights_of_a_linear_layer_are_no_filters():
    with pytest.raises(ValueError, match=r"\(F, C, KH, KW\).*\(10, 84\)"):
        plots.filters(np.zeros((10, 84)))


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_training_curves_draw_what_the_history_holds():
    loss, accuracy = plots.training_curves(CURVES).axes
    for ax, kind in ((loss, "loss"), (accuracy, "accuracy")):
        for label, name in (("training", f"train_{kind}"), ("validation", f"val_{kind}")):
            assert lines(ax)[label].get_xdata().tolist() == [1, 2, 3]
            assert lines(ax)[label].get_ydata().tolist() == getattr(CURVES, name)
    assert lines(loss)["mini-batches"].get_xdata().tolist() == [0.5, 1, 1.5, 2, 2.5, 3]
    assert lines(loss)["mini-batches"].get_ydata().tolist() == CURVES.step_loss
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy")
    assert loss.get_ylim()[0] == 0


def test_training_and_validation_differ_in_more_than_colour():
    loss = lines(plots.training_curves(CURVES).axes[0])
    train, val = loss["training"], loss["validation"]
    assert train.get_linestyle() != val.get_linestyle()
    assert train.get_marker() != val.get_marker()
    assert train.get_color() != val.get_color()


def test_curves_without_validation_have_one_line_and_whole_epochs():
    history = History(train_loss=[2.0], train_accuracy=[0.3])
    figure = plots.training_curves(history)
    loss, accuracy = figure.axes
    assert list(lines(loss)) == list(lines(accuracy)) == ["training"]
    assert [tick for tick in loss.get_xticks() if tick <= loss.get_xlim()[1]] == [0, 1]


def test_accuracy_is_labelled_in_per_cent():
    figure = plots.training_curves(CURVES)
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert "40%" in labels


def test_a_history_without_an_epoch_is_refused():
    with pytest.raises(ValueError, match="no finished epoch"):
        plots.training_curves(History())
    assert plt.get_fignums() == []


def test_a_confusion_matrix_counts_true_by_predicted():
    figure = plots.confusion_matrix([0, 0, 0, 0, 2, 2], [0, 0, 0, 2, 1, 2], ("cat", "dog", "owl"))
    ax = figure.axes[0]
    np.testing.assert_array_equal(
        ax.images[0].get_array(), [[0.75, 0, 0.25], [0, 0, 0], [0, 0.5, 0.5]]
    )
    written = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in ax.texts}
    assert written == {(0, 0): "3", (0, 2): "1", (2, 1): "1", (2, 2): "1"}
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog", "owl"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog", "owl"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert ax.get_title() == "66.7% of 6 correct"


def test_numbers_on_dark_cells_are_white():
    ax = plots.confusion_matrix([0, 0, 0, 0], [0, 0, 0, 1], ("a", "b")).axes[0]
    assert [text.get_color() for text in ax.texts] == ["white", "black"]


def test_a_large_confusion_matrix_has_no_numbers():
    every = np.arange(30)
    ax = plots.confusion_matrix(every, every, tuple(f"class {i}" for i in every)).axes[0]
    assert len(ax.texts) == 0
    assert ax.get_xticklabels()[0].get_rotation() == 90
    np.testing.assert_array_equal(ax.images[0].get_array(), np.eye(30))


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], np.zeros((2, 2)), r"\(2,\) and \(2, 2\).*argmax"),
        ([0, 1], [0], "two arrays"),
        ([], [], "two arrays"),
        ([0, 2], [0, 1], "labels run from 0 to 2, but there are 2 classes"),
        ([0, 1], [-1, 1], "predictions run from -1 to 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion_matrix(labels, predictions, ("a", "b"))
    assert plt.get_fignums() == []


def test_the_signed_map_is_grey_at_zero_and_lighter_all_the_way():
    values = plots.SIGNED(np.linspace(0, 1, 65))[:, :3]
    assert np.ptp(plots.SIGNED(0.5)[:3]) < 0.02
    assert min(np.diff([lightness(colour) for colour in values])) > 0


def test_lines_of_the_style_differ_in_colour_and_in_dashes():
    plots.use_style()
    _, ax = plt.subplots()
    seven = [ax.plot([0, 1], [k, k])[0] for k in range(7)]
    assert len({line.get_color() for line in seven}) == 7
    patterns = {line.get_linestyle() for line in seven[:4]}
    assert patterns == {"-", "--", "-.", ":"}


def test_only_use_style_changes_the_defaults():
    before = dict(matplotlib.rcParams)
    plots.training_curves(CURVES)
    plots.image_grid(np.zeros((2, 1, 4, 4)))
    assert dict(matplotlib.rcParams) == before
    plots.use_style()
    assert matplotlib.rcParams["font.size"] == 11
    assert not matplotlib.rcParams["axes.spines.top"]


def test_a_figure_is_shown_with_its_text_and_closed(monkeypatch):
    shown = []
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "module://matplotlib_inline")
    monkeypatch.setattr(IPython.display, "display", lambda *args, **kw: shown.append((args, kw)))
    figure = plots.image_grid(np.zeros((2, 1, 4, 4)))
    plots.show("Two black images.")
    assert shown == [((figure,), {"metadata": {"image/png": {"alt": "Two black images."}}})]
    assert plt.get_fignums() == []


def test_outside_a_notebook_figures_are_shown_as_usual(monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append("shown"))
    plots.show("Nothing at all.")
    assert calls == ["shown"]


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_words_is_an_error(alt):
    with pytest.raises(ValueError, match="alt is empty"):
        plots.show(alt)
