"""Distillation: soft targets by hand, the ends of alpha, any teacher."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.ensemble import DeepEnsembleClassifier, DistilledClassifier, VotingClassifier
from skdl.ensemble._distilled import soften
from skdl.naive_bayes import GaussianNB
from skdl.neural import MLPClassifier

STUDENT = MLPClassifier((8,), dropout=0.0, max_epochs=8, batch_size=32, lr=0.01, schedule=None, random_state=0)


def _digits(n=400):
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16, np.array([f"digit {label}" for label in y[:n]]), X[n : n + 200] / 16


def test_softening_divides_logits():
    logits = np.random.default_rng(0).normal(size=(50, 6)) * 3
    for temperature in (0.5, 1.0, 4.0):
        expected = softmax(logits / temperature, axis=1)
        np.testing.assert_allclose(soften(softmax(logits, axis=1), temperature), expected, rtol=1e-9)


def test_the_student_sees_the_teachers_softened_probabilities(monkeypatch):
    X, y, _ = _digits()
    seen = {}
    fit = MLPClassifier._fit_distilled

    def watched(self, X, y, probabilities, **options):
        seen.update(options, probabilities=probabilities, y=y)
        return fit(self, X, y, probabilities, **options)

    monkeypatch.setattr(MLPClassifier, "_fit_distilled", watched)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    DistilledClassifier(GaussianNB(), STUDENT, temperature=3.0, alpha=0.7).fit(X, y, sample_weight=weight)
    p = GaussianNB().fit(X, y, weight).predict_proba(X)
    np.testing.assert_allclose(seen["probabilities"], soften(p, 3.0))
    assert (seen["temperature"], seen["share"]) == (3.0, 0.7)
    np.testing.assert_array_equal(seen["sample_weight"], weight)
    np.testing.assert_array_equal(seen["y"], y)


def test_without_the_teacher_the_student_is_the_one_that_learns_from_labels():
    X, y, X_test = _digits()
    alone = clone(STUDENT).fit(X, y)
    distilled = DistilledClassifier(GaussianNB(), STUDENT, alpha=0.0).fit(X, y)
    np.testing.assert_allclose(distilled.predict_proba(X_test), alone.predict_proba(X_test), atol=1e-5)


def test_with_the_teacher_alone_labels_do_not_matter():
    X, y, X_test = _digits()
    teacher = GaussianNB().fit(X, y)
    shuffled = np.random.default_rng(0).permutation(y)
    first, other = (
        DistilledClassifier(teacher, STUDENT, alpha=1.0, prefit=True).fit(X, labels).predict_proba(X_test)
        for labels in (y, shuffled)
    )
    np.testing.assert_allclose(first, other, atol=1e-6)


@pytest.mark.parametrize(
    "teacher",
    [
        DeepEnsembleClassifier(MLPClassifier((32,), max_epochs=8), n_members=3, random_state=0),
        VotingClassifier(
            [("bayes", GaussianNB()), ("forest", RandomForestClassifier(20, random_state=0))], voting="soft"
        ),
        make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)),
    ],
    ids=["deep", "vote", "pipeline"],
)
def test_any_classifier_teaches(teacher):
    X, y, X_test = _digits()
    distilled = DistilledClassifier(teacher, clone(STUDENT).set_params(max_epochs=30)).fit(X, y)
    agreement = (distilled.predict(X_test) == distilled.teacher_.predict(X_test)).mean()
    assert agreement > 0.7
    assert type(distilled.student_) is MLPClassifier
    np.testing.assert_array_equal(distilled.predict_proba(X_test), distilled.student_.predict_proba(X_test))


def test_a_fitted_teacher_is_taken_as_it_is():
    X, y, _ = _digits()
    teacher = GaussianNB().fit(X, y)
    distilled = DistilledClassifier(teacher, STUDENT, prefit=True).fit(X, y)
    assert distilled.teacher_ is teacher
    with pytest.raises(ValueError, match=r"teacher of DistilledClassifier knows the classes(.|\n)*must be the same"):
        DistilledClassifier(teacher, STUDENT, prefit=True).fit(X[:50], np.resize(["a", "b"], 50))
    with pytest.raises(ValueError, match="member 'teacher' of DistilledClassifier"):
        DistilledClassifier(GaussianNB(), STUDENT, prefit=True).fit(X, y)


def test_one_seed_for_both():
    X, y, X_test = _digits(200)
    teacher = RandomForestClassifier(5)
    student = clone(STUDENT).set_params(random_state=None)
    said = [DistilledClassifier(teacher, student, random_state=s).fit(X, y).predict_proba(X_test) for s in (0, 0, 1)]
    np.testing.assert_array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"teacher": Ridge()}, "teacher of DistilledClassifier must be an instance of a classifier"),
        ({"teacher": Perceptron()}, "must have predict_proba, which Perceptron lacks"),
        ({"student": GaussianNB()}, "student of DistilledClassifier must be a classifier of skdl.neural"),
        ({"temperature": 0.0}, "temperature of DistilledClassifier must be"),
        ({"alpha": 1.5}, "alpha of DistilledClassifier must be"),
    ],
)
def test_bad_parameters(parameters, told):
    X, y, _ = _digits(100)
    with pytest.raises(ValueError, match=told):
        DistilledClassifier(**{"teacher": GaussianNB(), "student": STUDENT, **parameters}).fit(X, y)
