"""Texts and integer tokens as codes: how a text is cut into tokens, and which tokens have a code."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skdl.neural._series import Padded, read_series
from skdl.utils import to_host

# What codes begin with; tokens follow.
PADDING, UNKNOWN, FIRST = 0, 1, 2

_WORD = re.compile(r"\w+|[^\w\s]")

TOKENIZERS: dict[str, Callable[[str], Sequence[str]]] = {
    "word": lambda text: _WORD.findall(text.lower()),
    "character": list,
}


@dataclass
class Vocabulary:
    """Which tokens ``fit`` saw, and which of them have a code of their own.

    Attributes
    ----------
    tokens : list of str or int
        All tokens of the training texts, sorted.
    codes : ndarray of int of shape (2 + n_tokens,)
        The final code of each provisional one: padding and the unknown keep theirs, a rare token becomes unknown.
    """

    tokens: list
    codes: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Sequence]) -> "Vocabulary":
        """Collect the tokens of all sequences."""
        tokens = sorted({token for sequence in sequences for token in sequence})
        return cls(tokens, np.arange(FIRST + len(tokens)))

    @property
    def kept(self) -> list:
        """The tokens with a code of their own, in its order."""
        return [token for token, code in zip(self.tokens, self.codes[FIRST:], strict=True) if code != UNKNOWN]

    def encode(self, sequences: Sequence[Sequence]) -> Padded:
        """Turn tokens into provisional codes; a sequence without any token becomes one unknown token."""
        code_of = {token: code for code, token in enumerate(self.tokens, start=FIRST)}
        rows = [[code_of.get(token, UNKNOWN) for token in sequence] or [UNKNOWN] for sequence in sequences]
        lengths = np.array([len(row) for row in rows])
        values = np.zeros((len(rows), lengths.max(), 1), dtype=np.int32)
        values[np.arange(values.shape[1]) < lengths[:, None], 0] = np.concatenate(rows)
        return Padded(values, lengths)

    def keep_frequent(self, codes: np.ndarray, min_frequency: int, most: int | None) -> None:
        """Give codes to the tokens that are frequent among provisional codes.

        Parameters
        ----------
        codes : ndarray of int
            The codes of the training texts.
        min_frequency : int
            How often a token must occur.
        most : int or None
            How many tokens may have a code; the most frequent get one.
        """
        counts = np.bincount(codes.ravel(), minlength=FIRST + len(self.tokens))[FIRST:]
        order = np.argsort(-counts, kind="stable")[:most]
        kept = np.sort(order[counts[order] >= min_frequency])
        if not len(kept):
            raise ValueError(f"No token occurs min_frequency={min_frequency} times in X. Lower it.")
        self.codes[FIRST:] = UNKNOWN
        self.codes[FIRST + kept] = FIRST + np.arange(len(kept))


def read_tokens(estimator, X, tokenizer, *, reset: bool, layout: str, min_samples: int) -> Sequence[Sequence]:
    """Validate texts or integer tokens and return the tokens of each row.

    Parameters
    ----------
    estimator : estimator instance
        Whose data it is.
    X : array-like of n strings, or as in :func:`read_series`
        The texts; with ``tokenizer="integer"`` sequences of whole numbers.
    tokenizer : {"word", "character", "integer"} or callable
        How a text is cut.
    reset, layout, min_samples : as in :func:`read_series`

    Returns
    -------
    sequence of n sequences of str or int
    """
    if tokenizer == "integer":
        padded = read_series(estimator, X, reset=reset, layout=layout, min_samples=min_samples)
        return _whole_numbers(padded)
    texts = _read_texts(estimator, X, tokenizer)
    if len(texts) < min_samples:
        raise ValueError(
            f"Found array with {len(texts)} sample(s) while a minimum of {min_samples} is required by "
            f"{type(estimator).__name__}."
        )
    cut = tokenizer if callable(tokenizer) else TOKENIZERS[tokenizer]
    sequences = [list(cut(text)) for text in texts]
    for row, sequence in enumerate(sequences):
        for token in sequence:
            if not isinstance(token, str):
                raise ValueError(
                    f"tokenizer made the token {token!r} of X[{row}]; it must take a string and return a list of "
                    "strings."
                )
    return sequences


def _whole_numbers(padded: Padded) -> list[list[int]]:
    values = padded.values
    if values.shape[2] != 1:
        raise ValueError(f"X has {values.shape[2]} channels, but tokenizer='integer' takes one token for each step.")
    broken = values != np.floor(values)
    if broken.any():
        row, step, _ = np.unravel_index(broken.argmax(), broken.shape)
        raise ValueError(
            f"X[{row}] holds {values[row, step, 0]} at step {step}, but tokenizer='integer' takes whole numbers. Set "
            "tokenizer=None for series of measurements."
        )
    whole = values[:, :, 0].astype(np.int64)
    return [row[:length].tolist() for row, length in zip(whole, padded.lengths, strict=True)]


def _read_texts(estimator, X, tokenizer) -> list[str]:
    X = to_host(X)
    if isinstance(X, str):
        raise ValueError(f"X is one string; {type(estimator).__name__} takes a list of them, one for each sample: [X].")
    values = np.asarray(X, dtype=object) if hasattr(X, "columns") else X
    if np.ndim(values) == 2:
        values = np.asarray(values, dtype=object)
        if values.shape[1] != 1:
            raise ValueError(
                f"X has {values.shape[1]} columns, but tokenizer={tokenizer!r} takes one text for each sample: hand "
                "over the column of texts, X['text'] say."
            )
        values = values[:, 0]
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"X[{row}] is {text!r}, of type {type(text).__name__}, but tokenizer={tokenizer!r} takes strings. Fill "
                "what is missing with '', or set tokenizer=None for series of numbers."
            )
    return texts
