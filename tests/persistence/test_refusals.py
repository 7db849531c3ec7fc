"""What is neither saved nor loaded, and what is said then."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, NuSVC

import skdl
from skdl.exceptions import InvalidFileError, UnsafeFileError
from skdl.linear_model import LogisticRegression
from skdl.naive_bayes import BernoulliNB, GaussianNB
from skdl.neighbors import KNeighborsClassifier
from skdl.neural import MLPClassifier, NeuralClassifier
from skdl.tree import C45Classifier, DecisionTreeClassifier
from tests.common.tools import _samples, assert_same_outputs, outputs
from tests.torture.mutations import Trap, pack, unpack

X, LABELS, _ = _samples(60, False)
NET = {"max_epochs": 1, "random_state": 0}


class OwnNetwork(torch.nn.Module):
    """A network of the user's."""

    built = 0

    def __init__(self, n_features, n_outputs):
        super().__init__()
        type(self).built += 1
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, X):
        return self.layer(X)


def own_distance(a, b):
    return np.abs(a - b).sum()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


def test_a_network_of_ones_own_must_be_trusted(path):
    model = NeuralClassifier(module=OwnNetwork, **NET).fit(X, LABELS)
    skdl.save(model, path)
    built = OwnNetwork.built
    with pytest.raises(UnsafeFileError, match=r"names .*OwnNetwork, which is not on the list .* load it with trusted="):
        skdl.load(path)
    assert OwnNetwork.built == built
    for trusted in ([OwnNetwork], OwnNetwork, [f"{OwnNetwork.__module__}.OwnNetwork"]):
        twin = skdl.load(path, trusted=trusted)
        assert OwnNetwork.built == built
    assert_same_outputs(outputs(twin, X), outputs(model, X))


def test_a_function_that_opens_files_must_be_trusted(path):
    skdl.save(FunctionTransformer(open), path)
    with pytest.raises(UnsafeFileError, match=r"open, which is not on the list of what a type may be"):
        skdl.load(path)


def test_a_function_of_ones_own_must_be_trusted(path):
    model = KNeighborsClassifier(metric=own_distance).fit(X, LABELS)
    skdl.save(model, path)
    with pytest.raises(UnsafeFileError, match=r"own_distance, which is not on the list of what a function may be"):
        skdl.load(path)
    assert_same_outputs(outputs(skdl.load(path, trusted=[own_distance]), X), outputs(model, X))


@pytest.mark.parametrize("model", [SVC(), NuSVC()])
def test_what_compiled_code_reads_unchecked_must_be_trusted(path, model):
    skdl.save(make_pipeline(StandardScaler(), model).fit(X, LABELS), path)
    with pytest.raises(UnsafeFileError, match=r"it names sklearn\..*which is not on the list"):
        skdl.load(path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("a text", r"skdl\.save takes an estimator; got str"),
        (FunctionTransformer(lambda X: X), r"FunctionTransformer cannot be saved.*<lambda>"),
        (LogisticRegression(class_weight={True: 1.0, False: 2.0}), r"has the key 'true' of the type builtins\.bool"),
        (HistGradientBoostingClassifier(max_iter=2).fit(X, LABELS), r"the loader 'RandomGeneratorNode'"),
        (LogisticRegression(C=-1.0), r"could not be loaded.*C of LogisticRegression"),
        (KNeighborsClassifier(metric_params={(1, 2): 3}), r"KNeighborsClassifier cannot be saved"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(path, model, message):
    with pytest.raises(ValueError, match=message):
        skdl.save(model, path)
    assert not os.listdir(path.parent)


def test_a_missing_file_is_missing(path):
    with pytest.raises(FileNotFoundError):
        skdl.load(path)


def _saved(model, path):
    skdl.save(model, path)
    return unpack(path.read_bytes())


def _refused(path, members, message, error=InvalidFileError, **options):
    path.write_bytes(members if isinstance(members, bytes) else pack(members, **options))
    with pytest.raises(error, match=message) as caught:
        skdl.load(path)
    assert str(path) in str(caught.value)


def test_damage_is_named(path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    data = path.read_bytes()
    _refused(path, data[: len(data) // 2], "it is no whole archive")
    _refused(path, b"", "it is no whole archive")
    name = next(name for name in members if name.endswith(".npy"))
    changed = {**members, name: members[name][:-1] + b"\7"}
    _refused(path, changed, rf"part '{name}' is damaged", signed=False)
    _refused(path, {key: value for key, value in members.items() if key != name}, rf"array '{name}' is missing")
    _refused(path, {"schema.json": members["schema.json"]}, r"not written by skdl\.save", signed=False)


def test_a_file_that_is_too_large_is_not_read(path):
    skdl.save(GaussianNB().fit(X, LABELS), path)
    with pytest.raises(InvalidFileError, match="larger than max_bytes=100"):
        skdl.load(path, max_bytes=100)


def test_a_file_of_a_newer_format_says_so(path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    record = json.loads(members["skdl.json"])
    members["skdl.json"] = json.dumps({**record, "format": 2, "skdl": "9.0"}).encode()
    _refused(path, members, r"skdl 9\.0 wrote it in format 2, and this skdl .* reads format 1: use that version")


def test_bombs_and_strange_names_are_refused(path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    bomb = {**members, "9.npy": bytes(10_000_000)}
    _refused(path, pack(bomb, zipfile.ZIP_DEFLATED), "is compressed, which skdl.save never does")
    for name in ("../evil.npy", "/etc/evil.npy", "evil.py"):
        _refused(path, {**members, name: b"x"}, "strange name")


def test_a_planted_pickle_is_not_run(path, tmp_path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    name = next(name for name in members if name.endswith(".npy"))
    sentinel = tmp_path / "sentinel"
    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap(str(sentinel))], dtype=object), allow_pickle=True)
    _refused(path, {**members, name: buffer.getvalue()}, "which could hide a pickle")
    assert not sentinel.exists()


def _with(members, attribute, change):
    """The members with another array behind an attribute."""

    def find(part):
        if isinstance(part, dict):
            content = part.get("content")
            if isinstance(content, dict) and attribute in content:
                return content[attribute]["file"]
            found = [find(item) for item in part.values()]
        elif isinstance(part, list):
            found = [find(item) for item in part]
        else:
            return None
        return next((one for one in found if one), None)

    name = find(json.loads(members["schema.json"]))
    array = np.load(io.BytesIO(members[name])).copy()
    buffer = io.BytesIO()
    np.save(buffer, change(array))
    return {**members, name: buffer.getvalue()}


def _put(position, value):
    def change(array):
        array[position] = value
        return array

    return change


@pytest.mark.parametrize(
    ("model", "attribute", "change", "message"),
    [
        (DecisionTreeClassifier(), "children_left", _put(0, 0), "its own ancestor"),
        (DecisionTreeClassifier(), "children_left", _put(0, 10**6), "child is out of range"),
        (DecisionTreeClassifier(), "children_left", _put(0, -3), "a node with one child"),
        (DecisionTreeClassifier(), "children_right", _put(0, 1), "several parents"),
        (DecisionTreeClassifier(), "feature", _put(0, 4), "a feature that is none of the 4"),
        (DecisionTreeClassifier(), "threshold", _put(0, np.nan), "a split without a threshold"),
        (DecisionTreeClassifier(), "value", lambda value: value[:, :, :1], "values of another shape"),
        (DecisionTreeClassifier(), "left_categories_start", _put(0, 5), "categories that are not there"),
        (DecisionTreeClassifier(), "classes_", lambda classes: classes[:2], "has other classes"),
        (C45Classifier(), "branch_child", _put(0, 0), "its own ancestor"),
        (C45Classifier(), "branch_start", _put(0, 10**6), "branches that are not there"),
        (C45Classifier(), "branch_count", _put(0, 1), "branches that are not there"),
        (C45Classifier(), "depths", _put(-1, 10**6), "wrong depths"),
        (C45Classifier(), "feature", _put(0, 4), "a feature that is none of the 4"),
        (KNeighborsClassifier(), "_y", _put(0, 3), "labels that are none of its classes"),
        (KNeighborsClassifier(), "_y", lambda y: y[:-1], "_y .* is not as long as its 60 rows"),
        (KNeighborsClassifier(), "_fit_X", lambda X: X[:, :3], r"rows of shape \(60, 3\) with 4 features"),
        (KNeighborsClassifier(), "_fit_X", _put((0, 0), np.nan), "holds NaN or infinity"),
        (GaussianNB(), "theta_", _put((0, 0), np.nan), "does not fit its classes and features"),
        (BernoulliNB(), "feature_log_prob_", _put((0, 0), np.inf), "does not fit its classes and features"),
        (BernoulliNB(), "class_log_prior_", _put(0, np.inf), "does not fit its classes and features"),
        (LogisticRegression(), "coef_", lambda coef: coef[:, :2], r"coef_ .* is of shape \(3, 2\) with 4 features"),
        (MLPClassifier((4,), **NET), "layers.0.weight", lambda weight: weight[:2], "do not fit its parameters"),
        (MLPClassifier((4,), **NET), "layers.0.weight", _put((0, 0), np.inf), "hold NaN or infinity"),
        (RandomForestClassifier(2, random_state=0), "nodes", lambda nodes: _loop(nodes), "its own ancestor"),
    ],
)
def test_what_does_not_fit_together_is_refused(path, model, attribute, change, message):
    members = _saved(make_pipeline(StandardScaler(), model).fit(X, LABELS), path)
    _refused(path, _with(members, attribute, change), message)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("_n_features_outs", [3, 3, 2]),  # IndexError where it is asked
        ("_n_features_outs", [3, 1]),  # writes outside of the array
        ("_n_features_outs", [5, 0]),
        ("_drop_idx_after_grouping", np.array([7, 7], dtype=object)),
        ("categories_", [np.array(["a", "b", "c"], dtype=object)]),
    ],
)
@pytest.mark.parametrize("sparse", [True, False])
def test_an_encoder_that_would_write_outside_of_its_result_is_refused(path, attribute, value, sparse):
    encoder = OneHotEncoder(sparse_output=sparse, drop="first" if attribute.startswith("_drop") else None)
    encoder.fit([["a", "x"], ["b", "y"], ["c", "x"]])
    skdl.save(encoder, path)
    skdl.load(path)
    setattr(encoder, attribute, value)
    with pytest.raises(ValueError, match=r"could not be loaded: (what it holds does not|the categories_ of its)"):
        skdl.save(encoder, path)


@pytest.mark.parametrize("step", [("scale", LogisticRegression()), ("scale", 3), ("scale",)])
def test_a_pipeline_whose_steps_cannot_transform_is_refused(path, step):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)
    skdl.save(pipeline, path)
    pipeline.steps[0] = step
    with pytest.raises(ValueError, match=r"could not be loaded: (the step 'scale'|a step) of its Pipeline"):
        skdl.save(pipeline, path)


def _loop(nodes):
    nodes["left_child"][0] = 0
    return nodes


def test_a_network_of_impossible_size_is_not_built(path):
    members = _saved(MLPClassifier((37,), **NET).fit(X, LABELS), path)
    schema = members["schema.json"]
    for size in (b"38", b"1000000000"):
        changed = schema.replace(b'"content":"37"', b'"content":"%s"' % size)
        assert changed != schema
        _refused(path, {**members, "schema.json": changed}, "of its network do not fit its parameters")


def test_an_attribute_may_not_take_the_place_of_a_method(path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    members["schema.json"] = members["schema.json"].replace(b'"epsilon_":', b'"predict":')
    _refused(path, members, r"it puts something in the place of GaussianNB\.predict")


def test_depth_is_limited(path):
    members = _saved(GaussianNB().fit(X, LABELS), path)
    _refused(path, {**members, "schema.json": b'{"content":' * 50_000}, "its schema is no JSON")


def test_a_generator_that_would_read_outside_of_its_state_is_refused(path):
    members = _saved(DecisionTreeClassifier(random_state=np.random.RandomState(0)), path)
    members["schema.json"] = members["schema.json"].replace(b'"content":"624"', b'"content":"100000"')
    _refused(path, members, "a generator in an impossible state")


def test_without_skops_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    with pytest.raises(ImportError, match=r"pip install 'skdl\[io\]'"):
        skdl.save(GaussianNB(), path)
