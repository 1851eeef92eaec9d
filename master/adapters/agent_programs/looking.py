"""How a worker is looked at, and how the agent runs there without being left there."""

from __future__ import annotations

from textwrap import indent

MARK = "twophase-probe "

# Old Pythons must get far enough to tell their version.
PROBE = f"""
import hashlib, json, os, sys
facts = dict(python=list(sys.version_info[:3]), system=sys.platform, rsync=False, digest='', cores=1)
if sys.version_info >= (3, 8):
    import shutil
    facts.update(rsync=bool(shutil.which('rsync')))
    if hasattr(os, 'sched_getaffinity'):
        facts.update(cores=len(os.sched_getaffinity(0)))
    try:
        with open(os.path.expanduser(sys.argv[1]), 'rb') as stream:
            facts.update(digest=hashlib.sha256(stream.read()).hexdigest())
    except OSError:
        pass
    compiled = '%s.%s.zip' % (os.path.expanduser(sys.argv[1]), sys.implementation.cache_tag)
    facts.update(compiled=os.path.exists(compiled))
    folder = os.path.dirname(os.path.expanduser(sys.argv[1]))
    while not os.path.lexists(folder) and folder not in ('', '/'):
        folder = os.path.dirname(folder)
    facts.update(writable=os.path.isdir(folder or '.') and os.access(folder or '.', os.W_OK | os.X_OK))
print('\\n{MARK}' + json.dumps(facts))
"""

# The agent is in a file only while it runs.
RUN = """
import io, sys, tempfile
told = sys.stdin.buffer.readline().decode()
with tempfile.NamedTemporaryFile(suffix='.pyz') as stream:
    stream.write(sys.stdin.buffer.read())
    stream.flush()
    sys.path.insert(0, stream.name)
    from worker_agent.__main__ import main
    sys.stdin = io.StringIO(told)
    sys.exit(main(sys.argv[1:]))
"""
RUN_ON = """
import sys, tempfile
with tempfile.NamedTemporaryFile(suffix='.pyz') as stream:
    stream.write(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))
    stream.flush()
    sys.path.insert(0, stream.name)
    from worker_agent.__main__ import main
    sys.exit(main(sys.argv[1:]))
"""
"""The same, with a standard input that goes on."""
RUN_HERE = """
sys.path.insert(0, sys.argv.pop(1))
from worker_agent.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
_AND_THEN = """
if facts['python'] >= [3, 8] and facts['system'].startswith('linux'):
    del sys.argv[1]
"""
PROBE_AND_RUN, PROBE_AND_RUN_HERE = (PROBE + _AND_THEN + indent(run, "    ") for run in (RUN, RUN_HERE))
