"""What a file of torch may ask its reader to build, found out before anything of it is built.

torch's reader of plain data runs no code of a file, but builds what the file says: from some bytes a sparse
or quantised tensor, one without memory, or gigabytes of nothing.  So only what dense tensors and plain data
need may occur.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_ALLOWED = re.compile(
    r"torch (Size|device|u?int\d+|b?float\d\w*|bool|complex\d+)"
    r"|torch(\.cuda)? (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|Complex\w+)Storage"
    r"|torch\.storage (Untyped|Typed)Storage"
    r"|torch\._utils _rebuild_(tensor(_v2)?|parameter)"
    r"|collections (OrderedDict|Counter)"
    r"|(__builtin__|builtins) (set|complex)"
    r"|_codecs encode"
)
_REFUSED = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "DUP"})
"""Ways to name or repeat things that `torch.save` does not use."""
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80\x02"
_PARTS = 5
"""Of the format before archives: a mark, its version, the machine, the data, the names of the tensors."""


def check_plain(path: Path) -> None:
    """Raise ValueError, which says why, where a file is not dense tensors and plain data by `torch.save`.

    OSError where it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(len(_ZIP))
        stream.seek(0)
        if start == _ZIP:
            _check_archive(stream, path.stat().st_size)
        elif start.startswith(_PICKLE):
            for _ in range(_PARTS):
                _check_stream(stream)
        else:
            raise ValueError("it begins like no file of torch.save")


def _check_archive(stream: BinaryIO, size: int) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            packed = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
            if packed or sum(entry.file_size for entry in entries) > size:
                raise ValueError("its parts are compressed, or overlap")
            data = [entry for entry in entries if entry.filename.rpartition("/")[2] == "data.pkl"]
            if len(data) != 1:
                raise ValueError(f"it has {len(data)} parts data.pkl")
            with archive.open(data[0]) as part:
                _check_stream(part)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"its archive is damaged: {error}") from error


def _check_stream(stream: BinaryIO) -> None:
    """Look at one pickle, and leave the stream behind it."""
    for kind, argument in _instructions(stream):
        if kind in _REFUSED or (kind == "PROTO" and argument != 2):
            raise ValueError(f"it holds {kind} {argument or ''}, which torch.save does not write")
        if kind == "GLOBAL" and not _ALLOWED.fullmatch(str(argument)):
            raise ValueError(f"it holds {str(argument)[:100]!r}, no plain data and no dense tensor")


def _instructions(stream: BinaryIO) -> Iterator[tuple[str, object]]:
    try:
        for kind, argument, _ in pickletools.genops(stream):
            yield kind.name, argument
    except (pickle.UnpicklingError, OverflowError, zipfile.BadZipFile) as error:
        raise ValueError(f"it is damaged: {error}") from error
