"""Warm jobs beside the same jobs as fresh processes: nothing that a script can see may differ."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from tests.integration.agent_harness import is_alive, until
from tests.integration.executor_lab import Lab
from worker_agent.core.execution import Exit
from worker_agent.executors import warm
from worker_agent.executors.choice import Executors
from worker_agent.system import processes

ALIKE = {
    "what it is": """
        import os, sys, signal, slow
        print(__name__, __file__, __spec__, __package__, __doc__, __builtins__, __loader__.__class__)
        print(sys.argv, sys.path, os.getcwd(), sys.flags, sys.executable, sys.orig_argv[1:])
        print(sorted(os.environ.items()), sys.stdin.read(), sys.stdout.encoding, sys.stdout.line_buffering)
        print(os.getsid(0) == os.getpid() == os.getpgrp(), os.umask(0), os.nice(0))
        print([signal.getsignal(number) for number in sorted(signal.valid_signals())])
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []), sorted(vars()))
        print(sys.modules["__main__"].__dict__ is vars())
        """,
    "exit with a text": "import sys, slow; print('o'); sys.exit('the reason')",
    "exit with a number": "import sys, slow; sys.exit(75)",
    "exit with a large number": "import sys, slow; sys.exit(-2)",
    "exit with nothing": "import sys, slow; sys.exit()",
    "exit at once": "import os, slow; print('lost'); os._exit(9)",
    "a signal": "import os, slow; os.kill(os.getpid(), 11)",
    "an error": "import slow\ndef f(): g()\ndef g(): raise ValueError('no')\nf()\n",
    "an error in an error": """
        import slow
        try:
            {}["a"]
        except KeyError as error:
            raise RuntimeError("x") from error
        """,
    "an interrupt": "import slow\nraise KeyboardInterrupt\n",
    "an import that is not there": "import slow, no_such_library\n",
    "a hook": "import sys, slow\nsys.excepthook = lambda *a: print('hook', a[1])\nraise ValueError(1)\n",
    "a thread": """
        import threading, time, slow
        said = threading.Event()
        def outlast():
            said.wait()
            time.sleep(0.05)
            print("late")
        threading.Thread(target=outlast).start()
        print("early")
        said.set()
        """,
    "at exit": "import atexit, slow\natexit.register(print, 'a')\natexit.register(print, 'b')\nprint('c')\n",
    "an error at exit": "import atexit, slow\natexit.register(lambda: 1 / 0)\n",
    "objects that end": """
        import slow
        class Bye:
            def __del__(self): print("bye")
        kept = Bye()
        loop = [Bye()]; loop.append(loop)
        """,
    "an open file": "import slow\nout = open('kept.txt', 'w')\nout.write('all of it')\n",
    "a lost file": "import slow\nslow.keep = open('kept.txt', 'w')\nslow.keep.write('all of it')\n",
    "no room for output": "import os, slow\nprint('x' * 10)\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n",
    "a log": "import logging, slow\nlogging.warning('careful')\nlogging.getLogger('a').error('b')\n",
    "a pool": """
        import multiprocessing, slow
        def square(x): return x * x
        if __name__ == "__main__":
            for way in ("fork", "spawn"):
                with multiprocessing.get_context(way).Pool(1) as pool:
                    print(pool.map(square, [1, 2, 3]))
        """,
    "a pickle": """
        import pickle, slow
        class Thing: pass
        print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
        """,
}


def told(ended: Exit, text: str, work: Path) -> tuple[object, ...]:
    """What must be the same: outcome, output, and the file that some scripts leave."""
    kept = work / "kept.txt"
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return ended.exit_code, text, kept.read_text() if kept.exists() else ""


@pytest.mark.parametrize("code", ALIKE.values(), ids=list(ALIKE))
def test_a_script_sees_no_difference(lab: Lab, code: str) -> None:
    script = lab.script(code)
    runs = []
    for kind in ("process", "warm"):
        ended, text = lab.run(kind, script, "--lr", "1", "--name=ü")
        assert (ended.executor, ended.note) == (kind, ""), text
        runs.append(told(ended, text, lab.work))
        (lab.work / "kept.txt").unlink(missing_ok=True)
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    "argv", [("-m", "kit"), ("-m", "kit.part", "a"), ("-m", "single"), ("sub/train.py",)]
)
def test_modules_and_scripts_elsewhere_see_no_difference(lab: Lab, argv: tuple[str, ...]) -> None:
    about = "__name__, __package__, __spec__ and __spec__.name, sys.argv, sys.path"
    code = f"import sys, slow; print({about}); {{}}[1]"
    lab.script("", "kit/__init__.py")
    for name in ("kit/__main__.py", "kit/part.py", "single.py", "sub/train.py"):
        lab.script(code, name)
    plain, warm = (lab.run(kind, *argv) for kind in ("process", "warm"))
    assert plain[1] == warm[1] and plain[0].exit_code == warm[0].exit_code == 1
    assert warm[0].executor == "warm"


def test_what_is_imported_is_there_before_the_job(lab: Lab) -> None:
    lab.script("from slow import birth\nanything = birth\n", "model.py")
    script = lab.script("import os\nfrom model import anything\nprint(anything, os.getppid(), os.getpid())")
    births = [lab.warm(script).split() for _ in range(2)]
    assert births[0][0] == births[1][0] != births[0][2] != births[1][2]
    assert {parent for _, parent, _ in births} == {str(os.getpid())}
    assert lab.pids == [int(births[1][2])]


def test_the_users_own_code_is_never_imported_ahead(lab: Lab) -> None:
    lab.script("import os\nwhere = os.getpid()\n", "slow.py")
    script = lab.script("import os, slow\nassert slow.where == os.getpid()\n")
    lab.warm(script)
    outside = lab.work.parent / "elsewhere"
    outside.mkdir()
    (outside / "mine.py").write_text("import os\nwhere = os.getpid()\n")
    lab.env["PYTHONPATH"] += f":{outside}"
    lab.warm(lab.script("import os, mine, slow\nassert mine.where == os.getpid()\n", "other.py"))


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("os.environ['LEVEL'] = '3'", "3"),
        ("os.environ.setdefault('LEVEL', '3')", "3"),
        ("os.environ.setdefault('HOME', '3')", "None"),
        ("import slow\nos.environ['LEVEL'] = '3'", "3"),
        ("os.environ['LEVEL'] = str(3)", "3"),
        ("def f(): os.environ.update(LEVEL='3')\nf()", "3"),
        ("if True:\n    os.environ['LEVEL'] = '3'", "3"),
        ("import slow\nimport tuned\nos.environ['LEVEL'] = '3'", "None"),
        ("os.putenv('LEVEL', '3')", "None"),
    ],
)
def test_what_is_set_before_an_import_is_heeded(lab: Lab, text: str, level: str) -> None:
    lab.library("tuned", "import os\nlevel = os.environ.get('LEVEL')\n")
    code = f"import os\n{text}\nimport tuned\nprint(tuned.level, os.environ.get('LEVEL'))\n"
    script = lab.script(code)
    plain = lab.run("process", script)[1]
    assert lab.warm(script) == plain and plain.split()[0] == level
    assert lab.warm(lab.script("import os, tuned\nprint(tuned.level)\n")) == "None\n"


def test_constant_settings_do_not_hold_up_the_imports(lab: Lab) -> None:
    script = lab.script(
        "import os\nos.environ['LEVEL'] = '3'\nimport slow\nassert slow.birth != os.getpid()\n"
    )
    lab.warm(script)


def test_each_job_has_its_own_random_numbers(lab: Lab) -> None:
    script = lab.script(
        "import random, torch, slow, numpy\nimport multiprocessing as m\n"
        "key = m.current_process().authkey.hex()\n"
        "print(random.random(), numpy.random.rand(), torch.rand(1).item(), key)\n"
        "torch.manual_seed(3); numpy.random.seed(3); random.seed(3)\n"
        "print(torch.rand(1).item(), numpy.random.rand(), random.random())\n"
    )
    drawn = [lab.warm(script).splitlines() for _ in range(3)]
    free = [line.split() for line, _ in drawn]
    assert all(len(set(column)) == 3 for column in zip(*free, strict=True))
    assert {seeded for _, seeded in drawn} == {lab.run("process", script)[1].splitlines()[1]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()",
            "1 threads",
        ),
        ("raise ValueError('broken')", "importing risky fails: ValueError: broken"),
        ("import os\nos._exit(3)", "ended unexpectedly"),
        ("raise SystemExit", "importing risky fails: SystemExit"),
    ],
)
def test_where_a_fork_is_unsafe_the_job_runs_as_a_process(lab: Lab, text: str, why: str) -> None:
    lab.library("risky", f"import sys\nif sys.argv[0] == '-c':\n{textwrap.indent(text, '    ')}\n")
    script = lab.script("import risky\n")
    assert why in lab.refused(script)
    assert why in lab.refused(script)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("-u", "train.py"), "the interpreter is given -u"),
        (("-m", "timeit", "-n1", "-r1"), "module timeit is not among the job's files"),
        (("old.py",), "cannot be parsed"),
    ],
)
def test_what_is_no_plain_program_runs_as_a_process(lab: Lab, argv: tuple[str, ...], why: str) -> None:
    lab.script("")
    lab.script("print 1\n", "old.py")
    ended, _ = lab.run("warm", *argv)
    assert ended.executor == "process" and why in ended.note


def test_a_changed_library_is_noticed(lab: Lab) -> None:
    script = lab.script("import slow\nprint(getattr(slow, 'version', 1))\n")
    assert lab.warm(script) == "1\n"
    path = lab.library("slow", "version = 2\n")
    os.utime(path, ns=(1, 1))
    assert lab.warm(script) == "2\n"


def test_a_parent_that_is_killed_is_replaced_and_harms_no_running_job(lab: Lab) -> None:
    script = lab.script(
        "import slow, time, os\nprint(slow.birth, flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
    )
    lab.start("warm", script)
    parent = 0
    while not parent:
        lab.executors.started()
        text = lab.log.read_text() if lab.log.exists() else ""
        parent = int(text) if text.endswith("\n") else 0
    os.kill(parent, signal.SIGKILL)
    (lab.work / "go").touch()
    assert lab.end().exit_code == 0
    assert int(lab.warm(script)) != parent


def test_a_parent_serves_for_so_many_jobs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_JOBS", 2)
    script = lab.script("import slow\nprint(slow.birth)\n")
    births = [int(lab.warm(script)) for _ in range(4)]
    assert births[0] == births[1] != births[2] == births[3]
    until(lambda: not is_alive(births[0]))


def test_a_parent_that_has_grown_is_replaced(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    script = lab.script("import slow\nprint(slow.birth)\n")
    first = lab.warm(script)
    assert lab.warm(script) == first
    monkeypatch.setattr(warm, "has_grown", lambda first_bytes, now_bytes: first_bytes > 0 and now_bytes > 0)
    assert lab.warm(script) != first


def test_the_parent_that_was_used_least_lately_makes_room(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "MOST_PARENTS", 2)
    for name in ("a", "b", "c"):
        lab.library(name, "")
        lab.script(f"import slow, {name}\nprint(slow.birth)\n", f"with_{name}.py")
    births = {name: int(lab.warm(f"with_{name}.py")) for name in ("a", "b", "a", "c")}
    assert len(set(births.values())) == 3
    until(lambda: not is_alive(births["b"]))
    assert is_alive(births["a"]) and is_alive(births["c"])


def test_parents_end_with_the_agent(lab: Lab) -> None:
    parent = int(lab.warm(lab.script("import slow\nprint(slow.birth)\n")))
    assert is_alive(parent)
    lab.executors.close()
    until(lambda: not is_alive(parent))
    lab.executors = Executors()


def test_a_job_that_is_stopped_before_it_begins_never_runs(lab: Lab) -> None:
    go = lab.work.parent / "go"
    lab.library("long", f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n")
    lab.start("warm", lab.script("import long\nprint('ran')\n"))
    lab.executors.stop(("a", 1), 60.0)
    go.touch()
    ended = lab.end()
    assert (ended.exit_code, lab.log.read_text(), lab.pids) == (-signal.SIGINT, "", [])
    lab.warm(lab.script("import long\n"))
    assert lab.executors.poll() == []


def test_what_a_job_leaves_behind_is_found_without_an_exec(lab: Lab) -> None:
    code = """
        import os, signal, slow
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open("stray", "w").write(f"{os.getpid()}\\n")
                signal.pause()
            os._exit(0)
        while not os.path.exists("stray") or not open("stray").read().endswith("\\n"):
            pass
        """
    lab.warm(lab.script(code))
    stray = int((lab.work / "stray").read_text())
    found = processes.read_process(stray)
    assert found is None or not found.alive


def test_ps_shows_the_jobs_command(lab: Lab) -> None:
    script = lab.script("import slow\nprint(open('/proc/self/cmdline').read().rstrip('\\0').split('\\0'))")
    assert lab.warm(script, "--lr", "1") == f"{[sys.executable, 'train.py', '--lr', '1']}\n"
