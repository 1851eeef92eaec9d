"""How the agent arrives on a worker, and how it starts there."""

from __future__ import annotations

ENTRY = b"""import hashlib, os, sys
def compiled(path):
    try:
        with open(path, 'rb') as stream:
            there = os.fstat(stream.fileno())
            data = stream.read()
    except OSError:
        return
    ours = there.st_uid == os.getuid() and not there.st_mode & 0o022
    if ours and hashlib.sha256(data[:-32]).digest() == data[-32:]:
        sys.path.insert(0, path)
compiled('%s.%s.zip' % (sys.path[0], sys.implementation.cache_tag))
from worker_agent.__main__ import main
sys.exit(main())
"""
"""Starts from the compiled agent beside it, where that is whole, ours and of this Python."""

DAMAGED = 65
"""Exit code for an agent that arrived with other bytes."""

RECEIVE = f"""
import hashlib, os, sys
path = os.path.expanduser(sys.argv[1])
data = sys.stdin.buffer.read()
if hashlib.sha256(data).hexdigest() != sys.argv[2]:
    sys.exit({DAMAGED})
os.umask(0o077)
partial = '%s.%d' % (path, os.getpid())
try:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(partial, 'wb') as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
except OSError as error:
    sys.exit('cannot write %s: %s' % (path, error.strerror))
"""
"""Writes the agent."""

COMPILE = """
import hashlib, importlib.util, io, marshal, os, sys, zipfile
path = os.path.expanduser(sys.argv[1])
target = '%s.%s.zip' % (path, sys.implementation.cache_tag)
partial = '%s.%d' % (target, os.getpid())
os.umask(0o077)
made = io.BytesIO()
with zipfile.ZipFile(path) as sources, zipfile.ZipFile(made, 'w') as bundle:
    bundle.comment = b' ' * 32
    for name in sources.namelist():
        source = sources.read(name)
        bundle.writestr(name, source)
        code = compile(source, os.path.join(target, name), 'exec', dont_inherit=True)
        head = importlib.util.MAGIC_NUMBER + b'\\1\\0\\0\\0' + importlib.util.source_hash(source)
        bundle.writestr(name + 'c', head + marshal.dumps(code))
body = made.getvalue()[:-32]
try:
    with open(partial, 'wb') as stream:
        stream.write(body + hashlib.sha256(body).digest())
    if not os.path.exists(target):
        os.replace(partial, target)
finally:
    if os.path.exists(partial):
        os.unlink(partial)
"""
"""Writes, beside the agent, the same archive with what this Python compiles it to; its end is its digest."""
