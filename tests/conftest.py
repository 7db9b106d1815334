"""Fixtures every test may ask for, and the rules every test runs under."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from api.runtime.natsd import EmbeddedNats
from tests.support.servers import Cluster, Database, RunningService, session_cluster

# The desk's environment must not reach a test: it would mean something else elsewhere.
for _name in [*os.environ]:
    if _name.startswith(("LEDGER_", "PG")) or _name in {"DATABASE_URL", "NATS_URL"}:
        del os.environ[_name]

# Deadlines measure the machine, not the code; a failing example prints what replays it.
hypothesis.settings.register_profile("dev", deadline=None, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, max_examples=100)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


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
