"""What scripts may do to the place that they run in: a table, name → what is done and how the job then ends.

A trick is played before the job writes its result.  To add one, write a function without arguments below,
with a sentence, under `@trick()`, or `@trick(ends=FAILED)` where the job must not succeed.
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

SUCCEEDED, FAILED = "succeeded", "failed"
TRICKS = {}
LINGER = "import time; time.sleep(90)"


class Trick:
    """One hostile thing, and how a job ends that does it."""

    def __init__(self, play, ends):
        self.play, self.ends = play, ends


def trick(ends=SUCCEEDED):
    """Put a function into the table under its own name."""

    def enter(play):
        TRICKS[play.__name__] = Trick(play, ends)
        return play

    return enter


def output(*parts):
    return os.path.join(os.environ["TWOPHASE_OUTPUT_DIR"], *parts)


def python(code, **more):
    return subprocess.Popen([sys.executable, "-c", code], **more)


def write(path, text="x"):
    with open(path, "w") as stream:
        stream.write(text)


@trick()
def none():
    """Behave."""


# ---- processes


@trick()
def children_stay():
    """Leave children behind."""
    for _ in range(3):
        python(LINGER)


@trick()
def children_leave_the_group():
    """Leave children in sessions of their own."""
    for _ in range(2):
        python(LINGER, start_new_session=True)


@trick()
def children_ignore_signals():
    """Leave a child that only SIGKILL ends."""
    python("import signal\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\n" + LINGER)


@trick()
def daemon_without_a_trace():
    """Leave a child with an environment that tells nothing of the job, in a session of its own."""
    python(LINGER, start_new_session=True, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@trick()
def hundred_children():
    """Have very many children at a time."""
    children = [subprocess.Popen(["sleep", "30"]) for _ in range(100)]
    for child in children:
        child.kill()
        child.wait()


@trick()
def ignore_signals():
    """Be deaf to all that can be ignored."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


@trick()
def stop_itself():
    """Stand still until a child says otherwise."""
    python(f"import os, signal, time; time.sleep(1); os.kill({os.getpid()}, signal.SIGCONT)")
    os.kill(os.getpid(), signal.SIGSTOP)


@trick()
def few_files_allowed():
    """Lower what the process may open, and let a child write a result on its own time."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    python(f"import time; time.sleep(2); open({output('late')!r}, 'w').write('late')")


# ---- its log and its voice


@trick()
def line_of_ten_megabytes():
    """Print one line without end."""
    sys.stdout.write("x" * 10_000_000)
    sys.stdout.flush()


@trick()
def fill_the_log():
    """Print 20 MB of lines."""
    for number in range(200_000):
        print(f"{number:099d}")


@trick()
def invalid_utf8():
    """Print what is no text."""
    os.write(1, bytes(range(256)) * 64 + b"\xff\xfe\x80\n" + b"\x00" * 4096)


@trick()
def escape_sequences():
    """Print what moves a terminal's cursor and sets its title."""
    os.write(1, b"\x1b[2J\x1b]0;owned\x07\x1b[31m\r\n\x9b31m\x1bP\x1b\\" * 100)


@trick()
def close_all_files():
    """Close whatever is open, standard streams too."""
    os.closerange(0, 256)


@trick()
def read_standard_input():
    """Wait for input that never comes."""
    sys.stdin.read()


@trick()
def progress_of_garbage():
    """Tell nonsense about itself."""
    with open(os.environ["TWOPHASE_PROGRESS_FILE"], "ab") as stream:
        stream.write(
            b'{"epoch": 1e999}\n{"epoch": NaN}\n[]\n\xff\xfe\n{"metrics": {"a": "b"}}\n{' + b"9" * 1_000_000
        )


@trick()
def progress_gone():
    """Put a folder where its progress file was."""
    path = os.environ["TWOPHASE_PROGRESS_FILE"]
    if os.path.exists(path):
        os.unlink(path)
    os.mkdir(path)


# ---- its results


@trick()
def many_small_files():
    """Leave 500 files."""
    for number in range(500):
        write(output(f"{number}.txt"), str(number))


@trick()
def longest_name():
    """Leave a file whose name is as long as names may be."""
    write(output("n" * 255))


@trick()
def deep_folders():
    """Leave a folder in a folder, 40 times."""
    folder = output(*["d"] * 40)
    os.makedirs(folder)
    write(os.path.join(folder, "deep"))


@trick()
def strange_names():
    """Leave names with newlines, quotes, dashes, wildcards and a colon."""
    for name in ("a\nb", "-rf", "--delete", "'\"`$(id)", "*?[x]", "host:path", " ", "~"):
        write(output(name))


@trick()
def name_that_is_no_text():
    """Leave a name that is no UTF-8."""
    write(os.path.join(os.fsencode(output()), b"\xff\xfe"))


@trick()
def links_out_of_the_place():
    """Leave links to what is not its own, to nothing and to themselves."""
    for name, target in (("passwd", "/etc/passwd"), ("nothing", "/no/such"), ("self", "self"), ("up", "..")):
        os.symlink(target, output(name))


@trick()
def hard_links():
    """Leave two names of one file."""
    write(output("first"))
    os.link(output("first"), output("second"))


@trick()
def pipes_and_sockets():
    """Leave what blocks whoever opens it."""
    os.mkfifo(output("pipe"))
    os.chdir(output())
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")


@trick()
def device_file():
    """Try to leave a device."""
    try:
        os.mknod(output("zero"), 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        print("no device")


@trick()
def closed_modes():
    """Leave what its owner may neither read nor enter."""
    os.mkdir(output("closed"))
    write(output("closed", "inside"))
    write(output("unreadable"))
    os.chmod(output("unreadable"), 0)
    os.chmod(output("closed"), 0)


@trick()
def wide_modes():
    """Leave what runs as its owner, and what everybody may write."""
    write(output("setuid"))
    os.chmod(output("setuid"), 0o6777)
    os.chmod(output(), 0o777)


@trick()
def named_as_ours():
    """Leave files that are called as what is added to each result."""
    for name in ("job.json", "twophase_job.json", "manifest.json"):
        write(output(name))


@trick()
def made_anew():
    """Remove the folder for results, and make it again."""
    shutil.rmtree(output())
    os.mkdir(output())


@trick(ends=FAILED)
def base_model_written_to():
    """Change the base model, which other jobs start from, whatever its modes say."""
    path = os.path.join(os.environ["TWOPHASE_BASE_MODEL_DIR"], "base.bin")
    os.chmod(path, 0o600)
    with open(path, "r+b") as stream:
        stream.write(b"changed")


# ---- its own place


@trick()
def without_a_directory():
    """Remove the working directory that it stands in."""
    here = os.getcwd()
    os.chdir("/")
    shutil.rmtree(here, ignore_errors=True)


@trick()
def elsewhere():
    """Go away, with a mask that lets nobody read, and come back."""
    os.chdir("/")
    mask = os.umask(0o777)
    write(output("masked"))
    os.umask(mask)


@trick()
def once_more():
    """Ask for another try, once."""
    if os.environ["TWOPHASE_ATTEMPT"] == "1":
        sys.exit(75)


# ---- its end


@trick(ends=FAILED)
def huge_traceback():
    """End by an error whose text is a megabyte."""
    raise RuntimeError("x" * 1_000_000)


@trick(ends=FAILED)
def results_are_no_folder():
    """Put a file where the folder for results was."""
    shutil.rmtree(output())
    write(output())


def _signalled(number):
    def play():
        # What Python makes of it is not wanted.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(5)

    return play


def _exiting(code):
    return lambda: os._exit(code)


SIGNALS = "ABRT ALRM BUS FPE HUP ILL INT PIPE QUIT SEGV SYS TERM TRAP USR1"
for _name in SIGNALS.split():
    TRICKS[f"signal_{_name}"] = Trick(_signalled(getattr(signal, f"SIG{_name}")), FAILED)
for _code in (1, 2, 126, 137, 255):
    TRICKS[f"exit_{_code}"] = Trick(_exiting(_code), FAILED)
