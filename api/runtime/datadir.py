"""What a data directory holds beside the servers' files: its lock, the admin key, runtime.json."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from api.runtime.processes import wait_until
from projections.proof.notes import Signer, origin_of

RUNTIME_FILE: Final = "runtime.json"
KEY_FILE: Final = "admin.key"
_DESCRIBED: Final = {"http", "database", "nats", "service_database"}
_LOCK_FILE: Final = "lock"
_LOCK_PATIENCE_S: Final = 0.5


class DataDirectoryBusy(RuntimeError):
    """Another process runs this data directory."""


class DataDirectoryUnusable(RuntimeError):
    """What a data directory holds, or where it is, leaves nothing to work with."""


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Owns the directory's servers for a while; the kernel lets go when the process ends.

    Raises DataDirectoryBusy or DataDirectoryUnusable.
    """
    make(data_dir)
    try:
        file = (data_dir / _LOCK_FILE).open("w")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    with file:
        # A killed owner's lock goes with its last thread, which may take a moment.
        if not wait_until(lambda: _take(file), timeout_s=_LOCK_PATIENCE_S):
            raise DataDirectoryBusy(
                f"another process runs {data_dir}; stop it, or choose another with --data-dir"
            )
        yield


def make(data_dir: Path) -> None:
    """Makes the directory where there is none. Raises DataDirectoryUnusable."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable(data_dir, error) from error


def _unusable(data_dir: Path, error: OSError) -> DataDirectoryUnusable:
    return DataDirectoryUnusable(
        f"the data directory {data_dir} cannot be used: {error.filename}: {error.strerror};"
        " choose another with --data-dir, or let this account write there"
    )


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def admin_key(data_dir: Path, configured: str | None) -> tuple[str, bool]:
    """The bootstrap key, and whether it was made just now and has to be shown once."""
    if configured is not None:
        return configured, False
    path = data_dir / KEY_FILE
    if path.exists():
        return path.read_text().strip(), False
    key = f"il_{secrets.token_urlsafe(32)}"
    write_private(path, key + "\n")
    return key, True


def checkpoint_key(data_dir: Path, configured: str | None, ledger: str) -> str:
    """The key that signs for a ledger, made at first start; its public half lies beside it."""
    if configured is not None:
        return configured
    path = data_dir / f"checkpoint-{ledger}.key"
    if path.exists():
        return path.read_text().strip()
    signer = Signer.new(origin_of(ledger))
    path.with_suffix(".vkey").write_text(signer.public_key + "\n")
    write_private(path, signer.private_key + "\n")
    return signer.private_key


def write_runtime(data_dir: Path, document: dict[str, Any]) -> None:
    """Replaces runtime.json in one step: a reader sees the old or the new one, never half."""
    write_private(data_dir / RUNTIME_FILE, json.dumps(document, indent=2) + "\n")


def read_runtime(data_dir: Path) -> dict[str, Any] | None:
    """The running service's description, or None where there is none.

    Raises DataDirectoryUnusable.
    """
    path = data_dir / RUNTIME_FILE
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(data_dir, error) from error
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.keys() >= _DESCRIBED:
        raise DataDirectoryUnusable(
            f"{path} is damaged: stop the service of this directory if it runs, then serve again,"
            " which writes a new one"
        )
    return document


def remove_runtime(data_dir: Path) -> None:
    """What a clean stop does, and a start that finds the remains of an unclean one."""
    (data_dir / RUNTIME_FILE).unlink(missing_ok=True)


def write_private(path: Path, content: str | bytes) -> None:
    """A file only its owner can read, complete or not there at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
