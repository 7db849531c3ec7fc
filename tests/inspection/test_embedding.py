"""Points are those of the samples, neighbours those of a search by hand."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.inspection import EmbeddingDisplay
from skdl.metric_learning import LFDA
from skdl.naive_bayes import GaussianNB


@pytest.fixture(scope="module")
def learned(digits):
    X, y = digits
    return LFDA(n_components=5).fit(X[:600], y[:600]), X[600:900], y[600:900]


def _points(display, panel, n_classes):
    return [scatter.get_offsets().data for scatter in display.scatters_[panel * n_classes : (panel + 1) * n_classes]]


def test_before_and_after(learned):
    model, X, y = learned
    display = EmbeddingDisplay.from_estimator(model, X, y)
    for panel, values in enumerate((X, model.transform(X))):
        pca = PCA(2, random_state=0)
        expected = pca.fit_transform(values)
        for label, points in enumerate(_points(display, panel, 10)):
            np.testing.assert_allclose(points, expected[y == label], atol=1e-9)
        part = pca.explained_variance_ratio_.sum()
        np.testing.assert_allclose(display.explained_["before" if panel == 0 else "after"], part)
        assert f"{part:.0%} of the variance" in display.axes_[panel].get_xlabel()
    assert [axis.get_title() for axis in display.axes_] == ["Before", "LFDA"]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [str(label) for label in range(10)]
    looks = {(tuple(s.get_facecolor()[0]), s.get_paths()[0].vertices.tobytes()) for s in display.scatters_[:10]}
    assert len(looks) == 10  # no two classes look alike


def test_two_dimensions_are_drawn_as_they_are():
    after = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 7.0]])
    display = EmbeddingDisplay.from_arrays(None, after, ["b", "a", "b"])
    np.testing.assert_array_equal(display.points_["after"], after)
    assert len(display.axes_) == 1
    np.testing.assert_array_equal(display.scatters_[0].get_offsets(), after[[1]])
    assert display.ax_.get_xlabel() == "Dimension 1"
    line = EmbeddingDisplay.from_arrays(None, after[:, :1])
    np.testing.assert_array_equal(line.points_["after"], [[0, 0], [2, 0], [4, 0]])
    assert len(line.scatters_) == 1


def test_numbers_get_a_scale_of_colours():
    rng = np.random.default_rng(0)
    after, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    display = EmbeddingDisplay.from_arrays(None, after, y)
    np.testing.assert_array_equal(display.scatters_[0].get_array(), y)
    assert len(display.figure_.axes) == 2  # one is the bar


def test_pipelines_frames_texts_and_images(learned, digits):
    model, X, y = learned
    pipeline = make_pipeline(StandardScaler(), LFDA(n_components=2)).fit(X, y)
    display = EmbeddingDisplay.from_estimator(pipeline, pd.DataFrame(X), y)
    np.testing.assert_array_equal(display.after, pipeline.transform(pd.DataFrame(X)))
    np.testing.assert_array_equal(display.before, X)
    assert display.name == "LFDA"
    texts = ["a good day", "a bad day", "good", "bad"]
    words = EmbeddingDisplay.from_estimator(TfidfVectorizer().fit(texts), texts)
    assert words.before is None
    assert words.after.shape == (4, 3)
    images = X.reshape(-1, 8, 8)
    shapes = EmbeddingDisplay.from_arrays(images.reshape(len(X), -1), model.transform(X), y)
    np.testing.assert_array_equal(shapes.before, X)


@pytest.mark.parametrize("space", ["before", "after"])
def test_neighbours_are_those_of_a_search(learned, space):
    model, X, y = learned
    display = EmbeddingDisplay.from_estimator(model, X, y)
    values = X if space == "before" else model.transform(X)
    distance, place = NearestNeighbors(n_neighbors=5).fit(values).kneighbors(values[[3, 7]])
    table = display.neighbors([3, 7], n_neighbors=4, space=space)
    np.testing.assert_array_equal(table["query"], np.repeat([3, 7], 4))
    np.testing.assert_array_equal(table["rank"], [1, 2, 3, 4] * 2)
    np.testing.assert_array_equal(table["neighbor"], place[:, 1:].ravel())
    np.testing.assert_allclose(table["distance"], distance[:, 1:].ravel())
    np.testing.assert_array_equal(table["query_y"], y[table["query"]])
    np.testing.assert_array_equal(table["neighbor_y"], y[table["neighbor"]])
    np.testing.assert_array_equal(table["same_class"], y[table["query"]] == y[table["neighbor"]])


def test_a_sample_is_no_neighbour_of_itself():
    after = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    display = EmbeddingDisplay.from_arrays(None, after)
    table = display.neighbors(-3, n_neighbors=3)
    np.testing.assert_array_equal(table["neighbor"], [0, 2, 3])
    np.testing.assert_array_equal(table["distance"], [0, 0, 1])
    assert list(table.columns) == ["query", "rank", "neighbor", "distance"]


def test_pictures_of_neighbours(learned):
    model, X, y = learned
    display = EmbeddingDisplay.from_estimator(model, X, y)
    axes = display.plot_neighbors([0, 5], images=X.reshape(-1, 8, 8), n_neighbors=3)
    assert axes.shape == (2, 4)
    table = display.neighbors([0, 5], n_neighbors=3)
    shown = np.array([[axis.get_images()[0].get_array() for axis in row] for row in axes])
    np.testing.assert_array_equal(shown[:, 0].reshape(2, 64), X[[0, 5]])
    np.testing.assert_array_equal(shown[:, 1:].reshape(6, 64), X[table["neighbor"]])
    framed = [axis.spines["left"].get_visible() for axis in axes[:, 1:].ravel()]
    assert framed == (~table["same_class"]).tolist()
    assert axes[0, 1].get_title() == f"{table['neighbor_y'][0]} ({table['distance'][0]:.3g})"
    without = EmbeddingDisplay.from_arrays(None, display.after)
    titles = [axis.get_title() for axis in without.plot_neighbors(0, images=X.reshape(-1, 8, 8), n_neighbors=1)[0]]
    assert titles == ["query", f"{table['distance'][0]:.3g}"]


def test_axes_that_are_given(learned):
    model, X, y = learned
    _, ax = plt.subplots()
    divided = EmbeddingDisplay.from_estimator(model, X, y, ax=ax)
    assert all(axis.figure is ax.figure for axis in divided.axes_)
    _, two = plt.subplots(1, 2)
    taken = EmbeddingDisplay.from_estimator(model, X, y, ax=two)
    assert list(taken.axes_) == list(two)
    with pytest.raises(ValueError, match="ax holds 2 axes, but 1 are needed"):
        EmbeddingDisplay.from_arrays(None, X, ax=two)


def test_bad_input(learned):
    model, X, y = learned
    with pytest.raises(ValueError, match="not fitted yet"):
        EmbeddingDisplay.from_estimator(LFDA(), X, y)
    with pytest.raises(ValueError, match="GaussianNB has no transform"):
        EmbeddingDisplay.from_estimator(GaussianNB().fit(X, y), X, y)
    with pytest.raises(ValueError, match="y has 3 samples, but the embedding 300"):
        EmbeddingDisplay.from_estimator(model, X, y[:3])
    with pytest.raises(ValueError, match="before has 2 samples, but the embedding 300"):
        EmbeddingDisplay.from_arrays(X[:2], X)
    with pytest.raises(ValueError, match="y must have one class or number"):
        EmbeddingDisplay.from_arrays(None, X, X)
    with pytest.raises(ValueError, match="after contains NaN"):
        EmbeddingDisplay.from_arrays(None, [[np.nan, 1.0]])
    display = EmbeddingDisplay.from_arrays(None, X, y)
    with pytest.raises(ValueError, match=r"space must be one of \['after'\], got 'before'"):
        display.neighbors(0, space="before")
    for queries in (300, -301, 0.5, "first"):
        with pytest.raises(ValueError, match="queries must be places of samples, whole numbers below 300"):
            display.neighbors(queries)
    with pytest.raises(ValueError, match="n_neighbors must be between 1 and 299, got 300"):
        display.neighbors(0, n_neighbors=300)
    with pytest.raises(ValueError, match="images must hold a picture for each of the 300 samples"):
        display.plot_neighbors(0, images=X)
