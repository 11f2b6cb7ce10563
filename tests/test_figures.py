from types import SimpleNamespace

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import figures


@pytest.fixture
def shown(monkeypatch):
    """What the figures display, as (bundle, metadata)."""
    outputs = []
    figures.use_style()
    monkeypatch.setattr(
        figures,
        "display",
        lambda bundle, metadata=None, raw=False: outputs.append((bundle, metadata)),
    )
    return outputs


def pictures(outputs):
    return [bundle["image/png"] for bundle, metadata in outputs if "image/png" in bundle]


def test_a_figure_is_a_png_with_alternative_text_and_is_closed(shown):
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    figures.show(figure, "A rising line,\n    to 2 < 3.")
    (bundle, metadata), (read_out, _) = shown
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == "A rising line, to 2 < 3."
    assert bundle["text/plain"] == "A rising line, to 2 < 3. [figure]"
    assert '<img alt="A rising line, to 2 &lt; 3." width="1" height="1"' in read_out["text/html"]
    assert not plt.get_fignums()


def test_an_animation_keeps_its_type(shown):
    figures.show_picture(b"GIF89a", "A ball falls.", (200, 100), "image/gif")
    (bundle, metadata), (read_out, _) = shown
    assert bundle["image/gif"] == b"GIF89a" and '"A ball falls."' in read_out["text/html"]
    assert metadata == {"image/gif": {"alt": "A ball falls.", "width": 200, "height": 100}}


def test_the_same_figure_is_the_same_file(shown):
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([1, 2])
        figures.show(figure, "A rising line.")
    first, second = pictures(shown)
    assert first == second


def test_the_style_does_not_depend_on_the_readers_own(shown):
    with plt.rc_context({"text.usetex": True, "axes.facecolor": "black"}):
        figures.use_style()
        assert not plt.rcParams["text.usetex"] and plt.rcParams["axes.facecolor"] != "black"


def test_a_figure_needs_alternative_text(shown):
    with pytest.raises(ValueError, match="alternative text"):
        figures.show(plt.figure(), " ")
    plt.close("all")


def test_image_grid_takes_any_number_of_images(shown):
    for n in (1, 10, 11):
        figures.image_grid(np.zeros((n, 4, 4, 1)), "Black squares.", titles=range(n))
    assert len(pictures(shown)) == 3
    with pytest.raises(ValueError, match="no images"):
        figures.image_grid([], "Nothing.")
    with pytest.raises(ValueError, match="2 titles for 3 images"):
        figures.image_grid(np.zeros((3, 4, 4)), "Squares.", titles=["a", "b"])


def test_learning_curves_label_their_axes(shown, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "show", lambda figure, alt: drawn.append(figure))
    history = SimpleNamespace(
        history={key: [3.0, 2.0] for key in ("loss", "val_loss", "accuracy", "val_accuracy")}
    )
    figures.learning_curves({"a": history, "b": history}, "Falling.")
    loss, accuracy = drawn[0].axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "cross-entropy (nats)")
    assert accuracy.get_ylabel() == "accuracy"
    assert len(loss.get_legend().get_texts()) == 4
    plt.close("all")


def test_confusion_matrix_counts_true_by_predicted(shown):
    counts = figures.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1], ["a", "b", "c"], "Counts.")
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="shape"):
        figures.confusion_matrix([0, 1], [0], ["a", "b"], "Counts.")


def test_error_gallery_shows_the_surest_errors_first(shown):
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    worst = figures.error_gallery(
        np.zeros((4, 5, 5)), [1, 1, 1, 0], probabilities, ["a", "b"], "Errors.", count=2
    )
    np.testing.assert_array_equal(worst, [0, 3])
    with pytest.raises(ValueError, match="without an error"):
        figures.error_gallery(np.zeros((1, 5, 5)), [0], probabilities[:1], ["a", "b"], "Errors.")
