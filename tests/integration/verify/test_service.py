"""What the real writer, projector and relay left behind, audited through the real command."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.servers import REPOSITORY, RunningService


def post(service: RunningService, path: str, key: str, body: dict[str, Any]) -> None:
    """One accepted command over HTTP."""
    request = urllib.request.Request(
        f"{service.url}{path}",
        data=json.dumps(body).encode(),
        headers=service.headers(**{"Content-Type": "application/json", "Idempotency-Key": key}),
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status in {200, 201}


def told(service: RunningService, path: str) -> str:
    """The text of an answer."""
    request = urllib.request.Request(f"{service.url}{path}", headers=service.headers())
    with urllib.request.urlopen(request) as answer:
        return str(answer.read().decode())


def movement(kind: str, quantity: int, **more: str) -> dict[str, Any]:
    """A fact about mugs in Amsterdam."""
    return {"type": kind, "sku": "MUG", "location": "ams-1", "quantity": quantity, **more}


def test_what_a_running_service_recorded_passes(
    running_service: RunningService, tmp_path: Path
) -> None:
    """Receipts, instants, conflicts and messages of the whole path obey every law, and the
    checkpoint that an auditor fetched and kept says that nothing has been changed since.
    """
    facts = [movement("receive", 10), movement("sale", 2, movement_id="till-7:8841")]
    post(running_service, "/v1/movements", "day-1", {"movements": facts})
    line = {"sku": "MUG", "location": "ams-1", "quantity": 6}
    promise = {"reservation_id": "order-1", "kind": "hard", "lines": [line]}
    post(running_service, "/v1/reservations", "order-1", promise)
    post(running_service, "/v1/movements", "day-2", {"movements": [movement("sale", 9)]})
    post(running_service, "/v1/reservations/order-1/release", "order-1-gone", {})

    kept, key = tmp_path / "kept.txt", told(running_service, "/v1/audit/keys").strip()
    kept.write_text(told(running_service, "/v1/audit/checkpoint?position=10"))
    data_dir = str(running_service.data_dir)
    command = [sys.executable, "-m", "api.cli.main", "verify", "--json", "--data-dir", data_dir]
    result = subprocess.run(
        [*command, "--checkpoint", str(kept), "--key", key],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        text=True,
    )

    assert 0 == result.returncode, result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert (True, []) == (answer["ok"], answer["breaches"])
    assert 10 == answer["events"] == answer["checked"]["stream"]
    assert 2 == answer["checked"]["conflicts"]
    assert 1 == answer["checked"]["kept"]
