from __future__ import annotations

from pathlib import Path

from gitops_agent.sandbox.state import ComponentState, Phase, State, read_state

_STATE = State(
    phase=Phase.READY,
    supervisor=42,
    url="https://127.0.0.1:1",
    nodes=3,
    seconds=4.2,
    components=(ComponentState(name="etcd", version="3.7.0", pid=43, alive=True, ports=(1, 2), starts=1),),
)


def test_a_state_reads_back_as_it_was_written(tmp_path: Path) -> None:
    _STATE.write(tmp_path)
    assert read_state(tmp_path) == _STATE
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.json"]


def test_a_missing_torn_or_foreign_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    _STATE.write(tmp_path)
    file = tmp_path / "sandbox.json"
    file.write_text(file.read_text()[:40])
    assert read_state(tmp_path) is None
    file.write_text('{"components": [], "phase": "ready", "colour": "blue"}')
    assert read_state(tmp_path) is None
