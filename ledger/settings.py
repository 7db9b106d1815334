"""Every setting of the service: decoded once from the environment, validated at start.

Each field is read from ``LEDGER_<NAME>``; what is about the two servers keeps its customary name,
as ``DATABASE_URL`` and ``NATS_URL``. Names end in their unit. The comment beside a limit says why
it is what it is; a limit turns overload into a refusal or a wait instead of into memory.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

KIB: Final = 1024
MIB: Final = 1024 * KIB

_BARE_NAMES: Final = {
    "database_url": "DATABASE_URL",
    "nats_url": "NATS_URL",
    "nats_credentials": "NATS_CREDENTIALS",
    "nats_keys": "NATS_KEYS",
}
_DATABASE_SCHEMES: Final = ("postgresql://", "postgres://")
_NATS_SCHEMES: Final = ("nats://", "tls://", "ws://", "wss://")
_CHECKPOINT_KEY: Final = re.compile(r"PRIVATE\+KEY\+[^+]+\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}")
_ADMIN_KEY: Final = re.compile(r"[\x21-\x7e]{16,256}")

Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Bytes = Annotated[int, Meta(ge=1, le=64 * 1024 * MIB)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class SettingsError(ValueError):
    """A setting is missing, malformed or contradicts another one."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a process of the service needs to know about its surroundings and its limits."""

    # -- Surroundings -------------------------------------------------------------------------

    database_url: str | None = None  # None: PostgreSQL runs embedded in the data directory.
    nats_url: str | None = None  # None: nats-server runs embedded in the data directory.
    nats_credentials: str | None = None  # A file to log in with. None: the URL says it all.
    nats_keys: str | None = None  # Keys of the bus. None: channels get no credentials.
    # What the embedded PostgreSQL keeps of its tables. 0: a quarter of the memory there is.
    database_cache_bytes: Annotated[int, Meta(ge=0, le=64 * 1024 * MIB)] = 0
    data_dir: str = ".inventory-ledger"  # Embedded servers, the admin key, runtime.json.
    http_host: str = "127.0.0.1"  # Loopback until somebody decides otherwise.
    http_port: Port = 8080  # 0: any free port; runtime.json tells which.
    admin_key: str | None = None  # None: made at first start, kept in the data directory.
    auth: Literal["required", "none"] = "required"  # "none" is for a desk: loopback only.

    # -- The writer ---------------------------------------------------------------------------

    # Some seconds of work at most: in a longer queue callers only give up before their turn.
    queue_commands_max: Count = 20_000
    # Past some 1,000 rows a bigger insert is no faster per row, only later for its callers.
    batch_movements_max: Count = 2_000
    # Bounds the one statement that carries a batch, and what a failed batch costs to repeat.
    batch_bytes_max: Bytes = 4 * MIB
    # States of streams kept in memory; what falls out is read again from its snapshot.
    cache_bytes_max: Bytes = 512 * MIB
    # A stand-by takes over after this silence; the promise is 2 s, including its start.
    lease_ms: Milliseconds = 1_200
    # Eight looks within a lease: one lost packet must not cost the leadership.
    lease_poll_ms: Milliseconds = 150
    # A writer at work keeps its office past its lease; one that has been at one batch for this long
    # is stuck for ever, and a stand-by must get its chance. Three times append_timeout_ms, which
    # is the longest that a batch waits for any one answer of the database.
    stuck_writer_ms: Milliseconds = 30_000
    # A caller who waited this long has probably gone; checked before deciding, never after.
    command_deadline_ms: Milliseconds = 5_000
    # Twice the deadline of its callers; an append without an answer by then is fenced and settled.
    append_timeout_ms: Milliseconds = 10_000
    # Bounds what one cold stream may add to a decision: at most this many events are replayed.
    snapshot_every_events: Count = 5_000
    # Expiry is exact in every answer anyway; this is only how soon it is written down.
    sweep_every_ms: Milliseconds = 1_000
    # "strict": requests about what nobody has defined are refused, facts about it wait.
    catalog: Literal["open", "strict"] = "open"
    # Shop clocks drift by minutes, not by hours; further ahead is a conflict for people.
    clock_skew_max_ms: Milliseconds = 300_000

    # -- HTTP ---------------------------------------------------------------------------------

    # Each waits in memory for its batch; beyond this, new ones wait in the kernel's backlog.
    http_connections_max: Count = 4_096
    # 1,000 movements with every optional field stay below 1 MiB; bigger bodies answer 413.
    body_bytes_max: Bytes = 8 * MIB
    # A million balances of another system take some 80 MB; they are read piece by piece.
    stream_bytes_max: Bytes = 1024 * MIB
    # One call stays one batch; more is an import and belongs in several calls.
    movements_per_call_max: Count = 1_000
    # Bounds the memory of one answer; the cursor takes the reader further.
    page_max: Count = 1_000
    # Lines of one statement: free reasons could be one a movement; then it tells types alone.
    statement_lines_max: Count = 1_000
    # Well above a projector's usual lag (tens of ms), well below a client's own timeout.
    min_position_wait_ms: Milliseconds = 2_000
    # Changes of stocks one what-if goes through: minutes of work, in turns with everybody else.
    what_if_changes_max: Count = 10_000_000
    # Each keeps half a core of an API process busy while it lasts.
    what_ifs_at_once_max: Count = 2
    # Readers of one API process; together with writer and runners far below max_connections.
    read_connections_max: Annotated[int, Meta(ge=1, le=64)] = 8
    # No statement of a reader may hold a snapshot longer: old snapshots slow every append.
    read_timeout_ms: Milliseconds = 5_000

    # -- Projections and the relay ------------------------------------------------------------

    # Catching up is fastest in large batches; the fold of one stays a few MiB.
    projector_batch_events: Count = 5_000
    # One read; several fit into what is in flight.
    relay_batch_events: Count = 2_000
    # Beyond this JetStream gains no speed, and an outage leaves more answers unknown.
    relay_in_flight_max: Count = 512
    # The look at the log that happens even if every wake-up was lost.
    poll_ms: Milliseconds = 50
    # The shortest time from one round of the projector, the relay or the teller to its next, while
    # they keep up: a commit that comes alone is followed at once, many are taken together. On a
    # busy machine that leaves its time to the writer.
    round_ms: Milliseconds = 20

    # -- Evidence -----------------------------------------------------------------------------

    # None: made at first start, kept in the data directory; who has it can sign for the ledger.
    checkpoint_key: str | None = None
    # Whoever was answered finds the proof within two seconds; this leaves room for a busy minute.
    checkpoint_every_ms: Milliseconds = 500
    # Catching up: one statement of some 10 ms and a few MiB, far below what a snapshot may last.
    notary_batch_events: Count = 5_000

    # -- The auditor --------------------------------------------------------------------------

    # Of one core, the database's work for it included: nobody should notice. 0: no auditor.
    audit_percent: Annotated[int, Meta(ge=0, le=100)] = 10
    # How long an old row may stay altered before a round from zero finds it.
    audit_round_ms: Milliseconds = 3_600_000

    # -- Start, supervision, stop -------------------------------------------------------------

    # Recovery after a crash reads up to max_wal_size of log before PostgreSQL answers.
    server_start_timeout_ms: Milliseconds = 120_000
    # Accepted commands are answered within a batch or two; longer means somebody is stuck.
    drain_timeout_ms: Milliseconds = 10_000
    # A crashed role comes back at once, then ever later: a crash loop must leave CPU for others.
    restart_backoff_min_ms: Milliseconds = 100
    restart_backoff_max_ms: Milliseconds = 5_000

    def __post_init__(self) -> None:
        """Checks what one field's type cannot say, and says it in the operator's words."""
        _check_url("database_url", self.database_url, _DATABASE_SCHEMES)
        _check_url("nats_url", self.nats_url, _NATS_SCHEMES)
        _check_file("nats_credentials", self.nats_credentials, Path.is_file, "a file")
        _check_file("nats_keys", self.nats_keys, Path.is_dir, "a directory")
        _require(bool(self.data_dir), "data_dir", "must name a directory")
        _require(bool(self.http_host), "http_host", "must name an address to bind to")
        if self.admin_key is not None:
            ok = _ADMIN_KEY.fullmatch(self.admin_key) is not None
            _require(ok, "admin_key", "must be 16 to 256 printable ASCII characters, no spaces")
        if self.checkpoint_key is not None:
            ok = _CHECKPOINT_KEY.fullmatch(self.checkpoint_key.strip()) is not None
            _require(ok, "checkpoint_key", "must read PRIVATE+KEY+<name>+<id>+<Ed25519 key>")
        open_door = self.auth == "none" and not is_loopback(self.http_host)
        _require(not open_door, "auth", f"'none' only binds to loopback, not {self.http_host!r}")
        _require(
            self.lease_poll_ms * 2 <= self.lease_ms,
            "lease_poll_ms",
            f"must fit at least twice into {env_name('lease_ms')}={self.lease_ms}",
        )
        _require(
            self.lease_ms <= self.stuck_writer_ms,
            "stuck_writer_ms",
            f"must not be below {env_name('lease_ms')}={self.lease_ms}",
        )
        _require(
            self.restart_backoff_min_ms <= self.restart_backoff_max_ms,
            "restart_backoff_min_ms",
            f"must not exceed {env_name('restart_backoff_max_ms')}",
        )

    @property
    def data_path(self) -> Path:
        """The data directory as an absolute path, whatever the working directory becomes."""
        return Path(self.data_dir).expanduser().absolute()

    @property
    def nats_login(self) -> dict[str, Any]:
        """How to log in to the bus, in the words of its client."""
        return login_with(self.nats_credentials)

    @property
    def http_url(self) -> str:
        """Where a client on this machine reaches the API: no trailing slash, never a wildcard."""
        wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound
        host = wildcards.get(self.http_host, self.http_host)
        named = f"[{host}]" if ":" in host else host
        return f"http://{named}:{self.http_port}"


FIELDS: Final = Settings.__struct_fields__


def env_name(field: str) -> str:
    """The environment variable of a field."""
    return _BARE_NAMES.get(field, f"LEDGER_{field.upper()}")


def load_settings(environ: Mapping[str, str] | None = None, /, **overrides: object) -> Settings:
    """Settings from the environment; an override that is not None wins over it.

    An empty variable counts as unset, which is how compose files and unit files say "default".
    Raises SettingsError naming the variable at fault.
    """
    source = os.environ if environ is None else environ
    raw: dict[str, object] = {f: v for f in FIELDS if (v := source.get(env_name(f), "").strip())}
    raw.update({field: value for field, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_in_operator_words(str(error))) from error


def to_environ(settings: Settings) -> dict[str, str]:
    """The environment from which `load_settings` makes the same settings: for child processes."""
    values = {field: getattr(settings, field) for field in FIELDS}
    return {env_name(f): str(value) for f, value in values.items() if value is not None}


def login_with(credentials: str | None) -> dict[str, Any]:
    """What the bus's client is told beside the URL, given a credentials file or none."""
    return {} if credentials is None else {"user_credentials": credentials}


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like ours but are none: most likely a typing error worth a warning."""
    known = {env_name(field) for field in FIELDS}
    return sorted(name for name in environ if name.startswith("LEDGER_") and name not in known)


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_url(field: str, value: str | None, schemes: tuple[str, ...]) -> None:
    ok = value is None or value.startswith(schemes)
    _require(ok, field, f"must start with one of {', '.join(schemes)}")


def _check_file(field: str, value: str | None, is_one: Callable[[Path], bool], what: str) -> None:
    ok = value is None or is_one(Path(value))
    _require(ok, field, f"must name {what} that is there, is {value!r}")


def _require(condition: bool, field: str, sentence: str) -> None:
    if not condition:
        raise SettingsError(f"{env_name(field)} {sentence}")


def _in_operator_words(message: str) -> str:
    """Turns "Expected `int` - at `$.page_max`" into a sentence that names the variable."""
    found = re.search(r"at `\$\.(\w+)`$", message)
    if found is None:
        return message
    kind: object = Settings.__annotations__[found[1]]
    valid = f"; it is one of {', '.join(get_args(kind))}" if get_origin(kind) == Literal else ""
    return f"{env_name(found[1])}: {message[: found.start()].rstrip(' -')}{valid}"
