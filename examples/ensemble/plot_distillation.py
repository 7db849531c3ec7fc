"""
Distillation
============

A small network learns what an ensemble says of the training rows. How much of the ensemble's gain it keeps is
measured in :doc:`the benchmarks </generated/benchmarks/distillation>`; here is how it is done.
"""

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl.ensemble import DeepEnsembleClassifier, DistilledClassifier
from skdl.neural import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, stratify=y, random_state=0)

# %%
teacher = DeepEnsembleClassifier(MLPClassifier((128,), max_epochs=40), n_members=5, random_state=0)
small = MLPClassifier((16,), max_epochs=80, random_state=0)
models = {
    "ensemble of five": teacher.fit(X_train, y_train),
    "small, from labels": small.fit(X_train, y_train),
    "small, from the ensemble": DistilledClassifier(teacher, small, prefit=True, random_state=0).fit(X_train, y_train),
}
for name, model in models.items():
    p = model.predict_proba(X_test)
    print(f"{name:26} accuracy {model.score(X_test, y_test):.3f}, log-loss {log_loss(y_test, p):.3f}")

# %%
# On so few rows what the student gains, or loses, is within the noise. It stands alone: the teacher need not be kept.
student = models["small, from the ensemble"].student_
print([weight.shape for weight in student.coefs_])
