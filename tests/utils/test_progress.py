"""Progress bars show where they are asked for, and write nowhere else."""

import pytest

import skdl
from skdl.utils import progress


def test_it_iterates_and_says_nothing_unless_asked(capsys):
    assert list(progress(range(3))) == [0, 1, 2]
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("how", ["argument", "setting"])
def test_a_bar_goes_to_the_error_stream(capsys, how):
    with skdl.config_context(verbose=int(how == "setting")):
        for _ in progress(range(5), desc="Epochs", unit="epoch", verbose=int(how == "argument")):
            pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Epochs" in captured.err
    assert "5/5" in captured.err
    assert "epoch" in captured.err


def test_a_bar_moved_by_hand(capsys):
    with progress(total=10, desc="Rows", verbose=1) as bar:
        bar.update(4)
        bar.update(6)
        bar.set_postfix_str("loss 0.5")
    assert bar.n == 10
    assert "10/10" in capsys.readouterr().err


def test_a_log_file_is_not_flooded(capsys):
    for _ in progress(range(10_000), verbose=1):
        pass
    assert capsys.readouterr().err.count("\r") <= 3


@pytest.mark.parametrize("in_terminal", [True, False])
def test_a_terminal_is_told_more_often(monkeypatch, in_terminal):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: in_terminal, raising=False)
    with progress(total=1, verbose=1) as bar:
        assert bar.mininterval == (0.1 if in_terminal else 10.0)
