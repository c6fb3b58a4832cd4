"""A person at a terminal: a query, Ctrl-C in the middle of a read, the next query, the end."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.shell.shells import COMMAND, environment, run
from tests.store.server import Fault, FaultServer, wait_until

COLOUR_AND_KIND = "\x1b]11;?\x07\x1b[c"
"""The shell asks the terminal for its background, and what it is."""
BLACK_AND_VT100 = "\x1b]11;rgb:0000/0000/0000\x07\x1b[?1;2c"
PROMPT = "\x1b\\[00m D "
LONG = "range(300000) AS a(i), range(300000) AS b(i)"


@pytest.fixture
def silent_server() -> Iterator[FaultServer]:
    """Takes every request and does not answer."""
    with FaultServer() as server:
        server.weather = lambda: Fault(stall=True)
        yield server


@contextmanager
def at_a_terminal(*options: str) -> Iterator[pexpect.spawn[str]]:
    """A shell on a pseudo-terminal, which answers what the shell asks it."""
    program, *arguments = COMMAND
    child = pexpect.spawn(
        program, [*arguments, *options],
        env=environment(), encoding="utf-8", timeout=60, dimensions=(40, 160),
        use_poll=True,  # select() knows the first 1,024 files of a process, and other tests open many
    )  # fmt: skip
    child.expect(re.escape(COLOUR_AND_KIND))
    child.send(BLACK_AND_VT100)
    yield child
    child.close(force=True)


@pytest.fixture
def terminal() -> Iterator[pexpect.spawn[str]]:
    with at_a_terminal() as child:
        yield child


def ask(terminal: pexpect.spawn[str], query: str, answer: str) -> None:
    terminal.send(f"{query}\r")
    terminal.expect(answer)
    terminal.expect(PROMPT)


def interrupt(terminal: pexpect.spawn[str], server: FaultServer) -> None:
    """Ctrl-C to a query that is reading from `server`, until the shell waits for the next line.

    The prompt is drawn again with every key, so a prompt alone says nothing. The terminal shows ^C only while
    a query runs; the prompt after that is the next line's.
    """
    wait_until(lambda: bool(server.requests), 60)
    server.clear()
    pressed = time.monotonic()
    terminal.sendintr()
    terminal.expect(re.escape("^C"))
    terminal.expect(PROMPT)
    assert time.monotonic() - pressed < 1.0


def test_a_session(terminal: pexpect.spawn[str], silent_server: FaultServer) -> None:
    terminal.expect(re.escape("FROM rasteret_functions() lists the functions"))
    terminal.expect(PROMPT)
    ask(terminal, "SELECT 'a' || (40 + 2) AS said;", "a42")
    for query in (
        f"FROM cog_header('{silent_server.origin}/a.tif');",
        f"FROM stac_search('{silent_server.origin}');",
    ):
        terminal.send(f"{query}\r")
        interrupt(terminal, silent_server)
        ask(terminal, "SELECT 'there are ' || count(*) FROM rasteret_functions();", "there are [0-9]+")
    terminal.send(".exit\r")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.signalstatus is None


def test_leaving_while_reads_are_on_their_way(
    terminal: pexpect.spawn[str], silent_server: FaultServer
) -> None:
    terminal.expect(PROMPT)
    terminal.send(
        f"SELECT count(error) FROM range(5) AS r(i), cog_header('{silent_server.origin}/' || i || '.tif');\r"
    )
    interrupt(terminal, silent_server)
    left = time.monotonic()
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.signalstatus is None
    assert time.monotonic() - left < 5.0


def test_a_script_that_is_interrupted_ends(silent_server: FaultServer) -> None:
    """Ctrl-C reaches the command and the shell alike, as a terminal sends it."""
    with at_a_terminal("-c", f"FROM cog_header('{silent_server.origin}/a.tif')") as child:
        wait_until(lambda: bool(silent_server.requests), 60)
        pressed = time.monotonic()
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert time.monotonic() - pressed < 2.0
        assert child.signalstatus is None
        assert child.exitstatus != 0


@pytest.mark.parametrize("function", ["cog_header", "stac_search", "read_cog"])
def test_an_interrupted_script_says_what_duckdb_says_of_its_own_queries(
    function: str, silent_server: FaultServer, tmp_path: Path
) -> None:
    """No error of ours beside the shell's own way of ending."""

    def ended(query: str, running: Callable[[], bool]) -> tuple[int, str, str]:
        child = subprocess.Popen(
            [*COMMAND, "-csv"], env=environment(), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(f"COPY (SELECT 1) TO '{begun}';\n{query};\nSELECT 'last' AS word;\n")
        child.stdin.flush()
        wait_until(running, 60)
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        out, told = child.communicate(timeout=60)
        return child.returncode, out, told

    begun = tmp_path / "begun"
    own = ended(f"SELECT sum(sqrt(a.i * b.i)) FROM {LONG}", begun.exists)
    query = f"FROM {function}('{silent_server.origin}/a.tif')"
    assert ended(query, lambda: bool(silent_server.requests)) == own
    assert own == (1, "", "")


def test_a_pipe_ends_cleanly_after_reads() -> None:
    found = run("FROM cog_header('/nowhere/a.tif') SELECT error;\nSELECT 'last' AS word;\n", "-csv")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.endswith("word\nlast\n")
