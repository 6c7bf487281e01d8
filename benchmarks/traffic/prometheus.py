"""A real Prometheus that scrapes the pods every second."""

from __future__ import annotations

import contextlib
import http
from pathlib import Path

from benchmarks.traffic.daemon import Daemon, ask, eventually
from benchmarks.traffic.servers import METRICS_PORT
from gitops_agent.sandbox.ports import free_ports

_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}}
scrape_configs:
  - job_name: pods
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
_READY_SECONDS = 30.0


class Prometheus:
    """One server; its data survive `kill` and `start`.

    Args:
        program: the executable.
        directory: for its data and log.

    Attributes:
        url: `http://127.0.0.1:port`.
    """

    def __init__(self, program: Path, directory: Path) -> None:
        self._port = port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        config = directory / "prometheus.yaml"
        config.write_text(_CONFIG.format(port=METRICS_PORT))
        argv = (
            str(program),
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        )
        self._daemon = Daemon(argv, directory / "prometheus.log")

    @property
    def pid(self) -> int | None:
        """Of its process, None while it is down."""
        return self._daemon.pid

    def start(self) -> None:
        """Starts it and returns once it answers queries.

        Raises:
            AgentError: it ended, or was not ready in time.
        """
        self._daemon.start()
        eventually("Prometheus is ready", self._ready, seconds=_READY_SECONDS, alive=self._daemon)

    def stop(self) -> None:
        """Ends it in good order."""
        self._daemon.stop()

    def kill(self) -> None:
        """Kills it at once."""
        self._daemon.kill()

    def _ready(self) -> bool:
        with contextlib.suppress(OSError):
            return ask(self._port, "/-/ready")[0] == http.HTTPStatus.OK
        return False
