# Every command anyone needs. Run them as `uv run just NAME`; inside, the tools are on the path.

set shell := ["bash", "-euo", "pipefail", "-c"]

python_code := "ledger projections subscribers api tests"

# List the commands.
default:
    @just --list --unsorted

# Run the service in this directory's data directory until Ctrl-C.
dev *arguments:
    inventory-ledger serve {{ arguments }}

# Replay a seeded retail day in a fresh directory and show what came of it.
demo *arguments:
    inventory-ledger demo {{ arguments }}

# Format, lint, types, imports, unit tests: a minute or two, before every commit.
check: format-check lint types imports dependencies
    pytest -n 2 tests/unit

# Everything CI runs, no more and no less. Every step runs, so that one run shows all there is.
test:
    #!/usr/bin/env bash
    set -uo pipefail
    failed=()
    for step in format-check lint types imports dependencies pytest; do
        echo "--- $step"
        just --justfile {{ justfile() }} "$step" || failed+=("$step")
    done
    ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2; exit 1; }

# What CI runs.
ci: test

# Write the house's layout into every file.
format:
    ruff format {{ python_code }}
    ruff check --fix {{ python_code }}

format-check:
    ruff format --check {{ python_code }}

lint:
    ruff check {{ python_code }}

types:
    mypy

# Who may import whom.
imports:
    lint-imports --no-logo

# Nothing imported that is not declared, nothing declared that is not used.
dependencies:
    deptry .

# All tests, on two workers; a module's tests share a worker and its servers. Those that start
# servers come first, so that neither worker waits for the other's last module.
pytest *arguments:
    pytest -n 2 --dist loadfile --no-loadscope-reorder {{ arguments }}

# Tests that start servers.
test-integration *arguments:
    pytest -n 2 --dist loadfile tests/integration {{ arguments }}

# Break things on purpose, replayable by the seed.
faults seed="0" *arguments:
    FAULT_SEED={{ seed }} pytest tests/faults {{ arguments }}

# Days of others: so many lines of the warehouse (`all`: every one), the offline store, the scenarios.
scenarios lines="5000" *arguments:
    WAREHOUSE_LINES={{ lines }} pytest -n 2 --dist loadfile tests/integration/scenarios {{ arguments }}

# Random commands against the model: MODEL_EXAMPLES, MODEL_STEPS, MODEL_COMMANDS, MODEL_SHRINK=1.
model seed="0" *arguments:
    MODEL_SEED={{ seed }} pytest tests/model {{ arguments }}

# Apply migrations/ to the configured database.
migrate *arguments:
    inventory-ledger migrate {{ arguments }}

# The benchmarks, each beside its yardstick.
bench *arguments:
    inventory-ledger bench {{ arguments }}

# Replay the log against the views, the hashes and the laws.
verify *arguments:
    inventory-ledger verify {{ arguments }}

# A stored row for every event tag that has none yet; existing ones never change.
golden:
    python -m tests.unit.ledger.store.goldens
