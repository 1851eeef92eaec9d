"""Looks at a worker as a place: disks, clock, what ends jobs at a logout, what its sshd allows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from master.adapters.agent_deploy import ISOLATED
from master.adapters.session import Session
from master.core.explaining.health import Checkup
from master.core.json_values import as_number
from master.errors import RemoteError

_MARK = "twophase-checkup "
_LOOK = f"""
import getpass, glob, json, os, re, shutil, subprocess, sys, time

def free(folder):
    folder = os.path.expanduser(folder)
    while not os.path.isdir(folder) and folder not in ('', '/'):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder or '.').free

def said(*argv):
    try:
        null = subprocess.DEVNULL
        done = subprocess.run(argv, stdin=null, stdout=subprocess.PIPE, stderr=null, timeout=10)
        return done.stdout.decode(errors='replace') if done.returncode == 0 else ''
    except (OSError, subprocess.SubprocessError):
        return ''

def sshd(name):
    for path in sorted(glob.glob('/etc/ssh/sshd_config.d/*.conf')) + ['/etc/ssh/sshd_config']:
        try:
            with open(path, errors='replace') as stream:
                found = re.search(r'(?im)^\\s*%s\\s+(\\d+)' % name, stream.read())
        except OSError:
            continue
        if found:
            return int(found.group(1))

facts = dict(now=time.time(), user=getpass.getuser())
facts['free'] = {{folder: free(folder) for folder in sys.argv[1:]}}
kills = said('busctl', 'get-property', 'org.freedesktop.login1', '/org/freedesktop/login1',
             'org.freedesktop.login1.Manager', 'KillUserProcesses').split()
facts['kills'] = kills == ['b', 'true'] if kills[:1] == ['b'] else None
facts['lingers'] = 'yes' in said('loginctl', 'show-user', facts['user'], '--property=Linger')
facts['sessions'], facts['startups'] = sshd('MaxSessions'), sshd('MaxStartups')
print('\\n{_MARK}' + json.dumps(facts))
"""
_SECONDS = 60.0


def look(
    session: Session, python: str, folders: Sequence[str], clock: Callable[[], float] = time.time
) -> Checkup:
    """Return what a worker tells of itself, changing nothing there.  Raises what a session does."""
    before = clock()
    done = session.run([python, *ISOLATED, "-c", _LOOK, *folders], timeout_s=_SECONDS)
    middle = (before + clock()) / 2
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(_MARK) and done.exit_code == 0:
            return _checkup(session, line[len(_MARK) :], middle)
    words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    raise RemoteError(session.host, "it cannot be looked at", (python, "-c", "…"), "".join(words))


def _checkup(session: Session, text: str, middle: float) -> Checkup:
    """Return what was told, where it is what a look tells: a worker may say anything."""
    try:
        facts = json.loads(text)
        free = {str(folder): int(size) for folder, size in facts["free"].items()}
        now, user = as_number(facts["now"]), str(facts["user"])
        kills, lingers = facts["kills"], facts["lingers"]
        sessions, startups = (as_number(facts[name]) for name in ("sessions", "startups"))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise RemoteError(session.host, f"what it tells of itself cannot be: {error!r:.200}") from error
    return Checkup(
        user,
        free,
        None if now is None else now - middle,
        lingers if isinstance(lingers, bool) else None,
        kills if isinstance(kills, bool) else None,
        None if sessions is None else int(sessions),
        None if startups is None else int(startups),
    )
