"""Progress bars show where they are asked for, and write nowhere else."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
import types

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


def test_a_log_file_gets_whole_lines_and_is_not_flooded(capsys):
    for _ in progress(range(10_000), desc="Rows", verbose=1):
        pass
    log = capsys.readouterr().err
    assert "\r" not in log
    assert "\x1b" not in log
    lines = log.split("\n")
    assert lines.pop() == ""  # the last line is whole
    assert len(lines) == 2
    assert lines[0].startswith("Rows:   0%")
    assert "10000/10000" in lines[1]
    assert log.isascii()


def test_a_log_file_gets_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("skdl.utils._progress._LINE_EVERY", 0.2)
    begun = time.perf_counter()
    with progress(total=20, desc="Fits", verbose=1) as bar:
        for step in range(20):
            time.sleep(0.05)
            bar.set_postfix_str(f"loss {step}", refresh=False)
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert 4 <= len(lines) <= 2 + (time.perf_counter() - begun) / 0.2
    assert len(set(lines)) == len(lines)
    assert "20/20" in lines[-1]
    assert "loss 19" in lines[-1]


def test_nested_bars_leave_whole_lines_in_a_log_file(capsys):
    with progress(total=2, desc="outer", verbose=1) as bar:
        for _ in range(2):
            for _ in progress(range(3), desc="inner", verbose=1):
                pass
            bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["outer", "inner", "inner", "inner", "inner", "outer"]


_SCRIPT = """
import time
from skdl.utils import progress
for _ in progress(range(20), desc="Epochs", unit="epoch", verbose=1):
    time.sleep(0.05)
"""


def test_a_line_moves_in_a_terminal():
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    script = subprocess.Popen([sys.executable, "-c", _SCRIPT], stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux says so when the other side has gone
        pass
    os.close(ours)
    assert script.wait() == 0
    states = shown.decode().split("\r")
    assert len(states) >= 8
    assert "20/20" in states[-2]  # then comes the end of the line, which a terminal begins with \r
    assert states[-1] == "\n"


def test_a_line_moves_in_a_notebook_without_widgets(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", types.ModuleType("ipykernel.zmqshell"))
    with progress(total=20, desc="Epochs", verbose=1) as bar:
        for _ in range(20):
            time.sleep(0.02)
            bar.update()
    shown = capsys.readouterr().err
    assert shown.count("\r") >= 3
    assert shown.count("\n") == 1
    assert "20/20" in shown


@pytest.mark.parametrize("in_terminal", [True, False])
def test_a_terminal_is_told_more_often(monkeypatch, in_terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: in_terminal, raising=False)
    with progress(total=1, verbose=1) as bar:
        assert bar.mininterval == (0.1 if in_terminal else 10.0)
