"""What workers may ask for: code, data to copy, base models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from master.errors import ConfigError
from master.specs import ClusterSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.library import Library
from worker_agent.protocol.digests import content_hash, digest_directory


def make_library(
    code: Mapping[str, Path],
    synced: Mapping[str, str],
    whole: Mapping[str, Mapping[str, Any]],
    store: BaseModelStore,
) -> Library:
    """Return the library of a run.

    `code` holds directories by content hash, `synced` the content hash of each directory of data, by path,
    `whole` the manifests of the store's base models by `spec_hash`.
    """
    library = Library(dict(code))
    library.hold_data(synced)
    for spec_hash, manifest in whole.items():
        library.hold(spec_hash, manifest["content_hash"], store.path(spec_hash), manifest.get("name"))
    return library


def synced_data(cluster: ClusterSpec) -> dict[str, str]:
    """Return the content hash of each directory of the head node that is to be copied, by its path.

    Raises ConfigError for one that is not there or cannot be read.
    """
    remote = [server for server in cluster.servers if not server.is_local]
    paths = sorted({item.path for server in remote for item in server.data if item.sync})
    try:
        return {path: content_hash(digest_directory(Path(path))) for path in paths}
    except OSError as error:
        raise ConfigError(str(error.filename), "", f"cannot be copied: {error.strerror}") from error
