from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.sandbox import network
from gitops_agent.sandbox.controlplane import ControlPlane

_PROGRAM = """
import socket, sys
from gitops_agent.sandbox import network
try:
    network.enter((sys.executable, *sys.argv))
except network.NoNetwork as error:
    raise SystemExit(f"refused: {error}")
assert network.inside()
network.enter((sys.executable, "-c", "raise SystemExit('entered twice')"))
server = socket.create_server(("0.0.0.0", 8080))
client = socket.create_connection(("10.88.3.4", 8080), timeout=5)
accepted, peer = server.accept()
print(accepted.getsockname()[0], peer[0])
print(*sorted(name for _, name in socket.if_nameindex()))
"""


def test_inside_a_server_on_all_addresses_answers_for_every_pod_and_nothing_leads_out(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)

    answer = subprocess.run((sys.executable, str(program)), capture_output=True, text=True, timeout=60, check=False)

    if answer.stderr.startswith("refused: "):
        pytest.skip(answer.stderr)
    assert answer.returncode == 0, answer.stderr
    addresses, interfaces = answer.stdout.splitlines()
    assert addresses.split()[0] == "10.88.3.4"
    assert "eth0" not in interfaces.split()


def test_the_tests_themselves_are_outside(tmp_path: Path) -> None:
    assert not network.inside()

    with pytest.raises(UsageError, match="inside one of its own"):
        ControlPlane.start(tmp_path / "here", network=True)


def test_missing_programs_of_the_machine_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_path", lambda: "/nowhere")

    with pytest.raises(network.NoNetwork, match=r"'unshare'.*util-linux"):
        network.enter(("true",))
