"""Fixtures every test may ask for, and the rules every test runs under."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import hypothesis
import pytest

from api.runtime.natsd import EmbeddedNats
from tests.support.figures import Tell
from tests.support.servers import (
    SHARED_SERVER,
    Cluster,
    Database,
    RunningService,
    session_cluster,
)

# The desk's environment must not reach a test: it would mean something else elsewhere.
for _name in [*os.environ]:
    if _name.startswith(("LEDGER_", "PG")) or _name in {
        "DATABASE_URL",
        "NATS_URL",
        "NATS_CREDENTIALS",
        "NATS_KEYS",
    }:
        del os.environ[_name]
# Many servers are started and many tables dropped, which takes the longer the larger the cache.
os.environ["LEDGER_DATABASE_CACHE_BYTES"] = str(128 * 1024 * 1024)

# Deadlines measure the machine, not the code; a failing example prints what replays it.
hypothesis.settings.register_profile("dev", deadline=None, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, max_examples=100)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


_own_basetemp = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Gives root a place for temporary files in which a PostgreSQL of another account can live.

    Every pytest session of root closes /tmp/pytest-of-root to all others again, also under the
    servers of a session that runs at the same time.
    """
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if os.geteuid() == 0 and not is_worker and config.option.basetemp is None:
        config.stash[_own_basetemp] = Path(tempfile.mkdtemp(prefix="ledger-tests-"))
        config.option.basetemp = str(config.stash[_own_basetemp])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leaves the PostgreSQL of the session to its guardian, which outlives us a little."""
    base = config.stash.get(_own_basetemp, None)
    for path in base.iterdir() if base is not None and base.exists() else ():
        if path.is_file():
            path.unlink()
        elif path.name != SHARED_SERVER:
            shutil.rmtree(path, ignore_errors=True)
    if base is not None:
        with suppress(OSError):
            base.rmdir()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures are part of the result, also of a green one."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "figure" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {value}")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says a figure, in the test's output and in the summary."""

    def say(figure: str) -> None:
        sys.stdout.write(f"{figure}\n")
        record_property("figure", figure)

    return say


@pytest.fixture(scope="session")
def postgres_cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """One embedded PostgreSQL for the whole session, shared by all xdist workers."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        return session_cluster(base.parent, os.getppid())
    return session_cluster(base, os.getpid())


@pytest.fixture
def database(postgres_cluster: Cluster) -> Iterator[Database]:
    """A migrated, empty database of this test's own: `.owner_url`, `.service_url`."""
    with postgres_cluster.database() as database:
        yield database


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[EmbeddedNats]:
    """A fresh nats-server with JetStream: `.url`, `.pid`, `.stop()`, `.start()` (same port)."""
    server = EmbeddedNats(tmp_path / "nats-server", guarded=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def service_factory(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningService]]:
    """Starts services on demand, each in its own data directory, and ends them with the module.

    ``service_factory("--roles", "api", data_dir=…, environ={…})``; all arguments are optional.
    """
    with ExitStack() as stack:

        def start(
            *arguments: str, data_dir: Path | None = None, environ: dict[str, str] | None = None
        ) -> RunningService:
            home = data_dir or tmp_path_factory.mktemp("service")
            service = RunningService(home, *arguments, environ=environ)
            stack.callback(service.stop)
            return service

        yield start


@pytest.fixture(scope="module")
def running_service(service_factory: Callable[..., RunningService]) -> RunningService:
    """One whole service, everything embedded, shared by the tests of a module."""
    return service_factory()
