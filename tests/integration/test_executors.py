"""Warm jobs beside the same jobs as fresh processes: nothing that a script can see may differ."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from master.adapters.agent_deploy import build_agent
from master.core.lifecycle import Trigger
from tests.integration.agent_harness import Host, end, is_alive, pids_in, until
from tests.support.runs import Run, search
from worker_agent import procs
from worker_agent.executors import warm
from worker_agent.executors.base import Exit, Task
from worker_agent.executors.choice import Executors
from worker_agent.protocol import messages as msg

PATIENCE_S = 60.0


class Lab:
    """A working directory, libraries of its own, and a place to run tasks in."""

    def __init__(self, root: Path) -> None:
        self.executors = Executors()
        self.work = root / "work"
        self.libraries = root / "site-packages"
        self.log = root / "log.txt"
        self.env = {**os.environ, "PYTHONPATH": str(self.libraries), "TWOPHASE_OUTPUT_DIR": str(root)}
        self.work.mkdir()
        self.libraries.mkdir()
        self.library("slow", "import os\nbirth = os.getpid()\n")
        self.pids: list[int] = []

    def library(self, name: str, text: str) -> Path:
        path = self.libraries / f"{name}.py"
        path.write_text(textwrap.dedent(text))
        return path

    def script(self, text: str, name: str = "train.py") -> str:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return name

    def start(self, kind: str, *argv: str, python: str = sys.executable) -> None:
        self.log.unlink(missing_ok=True)
        mark = f"TWOPHASE_OUTPUT_DIR={self.env['TWOPHASE_OUTPUT_DIR']}"
        task = Task([python, *argv], self.env, self.work, self.log, mark, None, kind)
        pid = self.executors.start(("a", 1), task)
        self.pids = [pid] if pid else []

    def end(self) -> Exit:
        """Wait for the only task to end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.pids += [started.pid for started in self.executors.started()]
            ended = self.executors.poll()
            if ended:
                return ended[0]
            select.select([self.executors], [], [], 0.005)
        raise AssertionError("the task does not end")

    def run(self, kind: str, *argv: str, python: str = sys.executable) -> tuple[Exit, str]:
        self.start(kind, *argv, python=python)
        ended = self.end()
        return ended, self.log.read_text() if self.log.exists() else ""

    def warm(self, *argv: str) -> str:
        """Run a job that must be warm and succeed; return what it printed."""
        ended, text = self.run("warm", *argv)
        assert (ended.exit_code, ended.executor, ended.note) == (0, "warm", ""), text
        return text

    def refused(self, *argv: str) -> str:
        """Run a job that must fall back to a process and succeed; return why it did."""
        ended, text = self.run("warm", *argv)
        assert (ended.exit_code, ended.executor) == (0, "process"), text
        return ended.note


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    here = Path.cwd()
    lab = Lab(tmp_path)
    yield lab
    lab.executors.close()
    os.chdir(here)


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
    monkeypatch.setattr(warm, "_GROWTH", 0.5)
    monkeypatch.setattr(warm, "_GROWTH_BYTES", -(1 << 30))
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
    found = procs.read_process(stray)
    assert found is None or not found.alive


def test_ps_shows_the_jobs_command(lab: Lab) -> None:
    script = lab.script("import slow\nprint(open('/proc/self/cmdline').read().rstrip('\\0').split('\\0'))")
    assert lab.warm(script, "--lr", "1") == f"{[sys.executable, 'train.py', '--lr', '1']}\n"


TRAINER = """
    import json, os, sys, threading, time
    shared = []
    def thread_main(argv, environ, output):
        shared.append(argv[0])
        print("said", argv[0])
        print("told", argv[0], file=output)
        with open("here.txt", "w") as stream:
            json.dump([os.getpid(), len(shared), environ["TWOPHASE_JOB_ID"], sys.path[0]], stream)
        if argv[0] == "crash":
            os.abort()
        if argv[0] == "fail":
            raise ValueError("no")
        if argv[0] == "exit":
            sys.exit("because")
        while argv[0] == "stay" or argv[0] == "stubborn":
            try:
                time.sleep(0.01)
            except KeyboardInterrupt:
                if argv[0] == "stay":
                    raise
        return int(argv[0])
    """


class Threads(Lab):
    """A lab whose jobs are threads of a trainer, each in a directory of its own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.script("", "trainers/__init__.py")
        self.script("", "trainers/toy/__init__.py")
        self.script(TRAINER, "trainers/toy/thread_main.py")
        self.ended: dict[str, Exit] = {}

    def begin(self, word: str) -> Path:
        """Start a job and return its directory."""
        home = self.work.parent / word
        home.mkdir()
        (home / "trainers").symlink_to(self.work / "trainers")
        env = {**self.env, "TWOPHASE_JOB_ID": word, "TWOPHASE_OUTPUT_DIR": str(home)}
        argv = [sys.executable, "-m", "trainers.toy", word]
        task = Task(argv, env, home, home / "log.txt", f"TWOPHASE_OUTPUT_DIR={home}", None, "thread")
        assert self.executors.start((word, 1), task) is None
        return home

    def begun(self, home: Path) -> list[object]:
        """Wait until a job has told where it is."""
        until(lambda: self.look() or ((home / "here.txt").exists() and (home / "here.txt").read_text()))
        found: list[object] = json.loads((home / "here.txt").read_text())
        return found

    def look(self) -> None:
        self.executors.started()
        self.ended.update({item.key[0]: item for item in self.executors.poll()})

    def exit_of(self, word: str) -> Exit:
        until(lambda: self.look() or word in self.ended)
        assert self.ended[word].executor == "thread"
        return self.ended[word]


@pytest.fixture
def threads(tmp_path: Path) -> Iterator[Threads]:
    threads = Threads(tmp_path)
    yield threads
    threads.executors.close()


def test_threads_share_a_process_and_nothing_else(threads: Threads) -> None:
    homes = {word: threads.begin(word) for word in ("0", "7", "fail", "exit")}
    codes = {word: threads.exit_of(word).exit_code for word in homes}
    assert codes == {"0": 0, "7": 7, "fail": 1, "exit": 1}
    tales = [threads.begun(home) for home in homes.values()]
    assert len({pid for pid, *_ in tales}) == 1 and tales[0][0] != os.getpid()
    assert [job for _, _, job, _ in tales] == list(homes)
    for word, home in homes.items():
        assert (home / "log.txt").read_text().startswith(f"said {word}\ntold {word}\n")
    assert "ValueError: no" in (homes["fail"] / "log.txt").read_text()
    assert (homes["exit"] / "log.txt").read_text().endswith("because\n")


def test_the_code_of_threads_may_have_a_package_of_our_name(threads: Threads) -> None:
    threads.script("", "worker_agent/__init__.py")
    threads.script("whose = 'theirs'", "worker_agent/packets.py")
    mine = "from worker_agent.packets import whose\nassert whose == 'theirs'\n"
    threads.script(mine + textwrap.dedent(TRAINER), "trainers/toy/thread_main.py")
    threads.begin("7")
    ended = threads.exit_of("7")
    assert (ended.exit_code, ended.executor, ended.note) == (7, "thread", "")


def test_a_crash_ends_all_threads_and_says_so(threads: Threads) -> None:
    threads.begun(threads.begin("stay"))
    threads.begin("crash")
    for word in ("stay", "crash"):
        ended = threads.exit_of(word)
        assert ended.problem == "the process that ran this job and 1 others as threads crashed"
    threads.begin("0")
    assert threads.exit_of("0").exit_code == 0


def test_a_thread_can_be_interrupted_alone(threads: Threads) -> None:
    threads.begun(threads.begin("stay"))
    pid, *_ = threads.begun(threads.begin("0"))
    threads.executors.stop(("stay", 1), PATIENCE_S)
    assert threads.exit_of("stay").exit_code == -signal.SIGINT
    threads.begin("7")
    assert threads.exit_of("7").exit_code == 7 and threads.begun(threads.work.parent / "7")[0] == pid


def test_a_thread_that_does_not_stop_is_ended_with_its_process(threads: Threads) -> None:
    threads.begun(threads.begin("stubborn"))
    threads.begun(threads.begin("stay"))
    threads.executors.stop(("stubborn", 1), 0.01)
    stubborn, stay = threads.exit_of("stubborn"), threads.exit_of("stay")
    assert (stubborn.exit_code, stubborn.problem) == (-signal.SIGKILL, "")
    assert stay.problem.endswith("was ended with a job that did not stop")


def test_a_trainer_that_cannot_be_loaded_runs_as_a_process(lab: Lab) -> None:
    lab.script("", "trainers/__init__.py")
    lab.script("", "trainers/toy/__init__.py")
    lab.script("print('alone')", "trainers/toy/__main__.py")
    ended, text = lab.run("thread", "-m", "trainers.toy")
    assert (text, ended.executor, ended.note) == ("alone\n", "process", "the program is no built-in trainer")
    lab.script("raise ValueError('no')", "trainers/toy/thread_main.py")
    ended, text = lab.run("thread", "-m", "trainers.toy")
    assert (text, ended.executor) == ("alone\n", "process")
    assert ended.note == "trainers.toy cannot run in threads: ValueError: no"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


def toy_trainer(root: Path) -> list[dict[str, str]]:
    """Write the trainer to a folder and return what shows it to a job."""
    for name, text in (("__init__.py", ""), ("toy/__init__.py", ""), ("toy/thread_main.py", TRAINER)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return [{"at": "trainers", "path": str(root)}]


def test_an_agent_runs_warm_jobs_and_says_what_ran_them(host: Host) -> None:
    master = host.connect()
    for number in (1, 2):
        master.launch(
            "warm", "import os; print(os.environ['TWOPHASE_JOB_ID'])", attempt=number, executor="warm"
        )
        done = master.finished("warm", number)
        assert (done.outcome, done.executor, done.executor_note) == ("succeeded", "warm", "")
    master.launch("sh", "", argv=["sh", "-c", "exit 3"], executor="warm")
    done = master.finished("sh")
    assert (done.exit_code, done.executor) == (3, "process")
    assert done.executor_note == "sh is not a Python interpreter"
    master.launch("odd", "", executor="fast")
    done = master.finished("odd")
    assert done.outcome == "refused" and "allowed are process, warm, thread, inline" in str(done.error)


@pytest.mark.parametrize("executor", ["warm", "thread"])
def test_what_an_agent_that_is_killed_leaves_is_ended_by_the_next(
    host: Host, tmp_path: Path, executor: str
) -> None:
    master, pids = host.connect(), tmp_path / "pids"
    code = f"import os, signal; open({str(pids)!r}, 'w').write(str(os.getpid())); signal.pause()"
    argv = ["{python}", "-c", code] if executor == "warm" else ["{python}", "-m", "trainers.toy", "stay"]
    master.launch("a", "", argv=argv, executor=executor, mounts=toy_trainer(tmp_path / "trainers"))
    if executor == "warm":
        (pid,) = pids_in(pids, 1)
    else:
        pid = master.wait_event("running", "a").detail["pid"]
    end(host.agent_pid(), signal.SIGKILL)
    again = host.connect(epoch=2)
    assert again.finished("a").outcome == "lost"
    until(lambda: not is_alive(pid))


def test_warm_jobs_and_threads_start_from_one_zipped_file(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "agent.pyz"
    path.write_bytes(build_agent().data)
    host.program = [str(path)]
    del host.env["PYTHONPATH"]
    master = host.connect()
    mounts = toy_trainer(tmp_path / "trainers")
    argv = ["{python}", "-m", "trainers.toy", "0"]
    master.launch("t", "", argv=argv, executor="thread", mounts=mounts)
    master.launch("w", "import sys; assert 'worker_agent' not in sys.modules", executor="warm")
    for name, executor in (("t", "thread"), ("w", "warm")):
        done = master.finished(name)
        assert (done.outcome, done.executor, done.executor_note) == ("succeeded", executor, "")


def test_a_crash_of_the_process_is_a_loss_of_its_threads(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    mounts = toy_trainer(tmp_path / "trainers")
    master.launch("a", "", argv=["{python}", "-m", "trainers.toy", "crash"], executor="thread", mounts=mounts)
    done = master.finished("a")
    assert (done.outcome, done.executor) == ("lost", "thread")
    assert done.error == "the process that ran this job and 0 others as threads crashed"


def test_a_warm_job_that_is_cancelled_while_its_parent_imports_is_cancelled(host: Host) -> None:
    master = host.connect()
    master.launch("a", "import torch; print('ran')", executor="warm")
    master.settle()
    master.send(msg.Cancel("a", 1))
    done = master.finished("a")
    assert (done.outcome, done.stderr_tail) == ("cancelled", "")


def test_a_run_says_of_each_job_what_ran_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    jobs = search(folds=1)
    jobs[-1]["executor"] = "process"
    run = Run(tmp_path, [worker], jobs)
    done = run.finish("--executor", "warm")
    assert done.returncode == 0, done.stderr
    run.check_complete(jobs=5, base_models=1)
    details = [item.detail or {} for item in run.transitions() if item.trigger is Trigger.FINISH]
    assert sorted(detail["executor"] for detail in details) == ["process"] + 5 * ["warm"]
    assert {detail["executor_note"] for detail in details} == {""}


@pytest.mark.parametrize(
    ("name", "why"), [("wram", "did you mean `warm`"), ("thread", "a script cannot share")]
)
def test_a_run_with_an_executor_that_cannot_be_is_refused(tmp_path: Path, name: str, why: str) -> None:
    worker = {"host": "localhost", "gpus": 0}
    done = Run(tmp_path / "flag", [worker], search(folds=1)).finish("--executor", name)
    assert done.returncode == 2 and f'--executor is `"{name}"`' in done.stderr and why in done.stderr
    run = Run(tmp_path / "field", [worker], search(folds=1, executor=name))
    done = run.finish()
    assert done.returncode == 3 and "job 1: `executor` is" in done.stderr and why in done.stderr
    assert not run.layout.root.exists()
