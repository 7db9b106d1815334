"""The service's own audit, through the real command."""

import json
import subprocess
import sys
from typing import Any

from tests.support.servers import REPOSITORY, RunningService


def verified(service: RunningService) -> int:
    """How many events `verify` has checked, which must find nothing."""
    command = [sys.executable, "-m", "api.cli.main", "verify", "--json"]
    done = subprocess.run(
        [*command, "--data-dir", str(service.data_dir)],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        text=True,
    )
    assert 0 == done.returncode, done.stdout[-4_000:] + done.stderr[-4_000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert (True, []) == (report["ok"], report["breaches"])
    events: int = report["events"]
    return events
