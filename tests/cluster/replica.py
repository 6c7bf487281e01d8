"""Competes for a lease, and prints when it leads.

`python replica.py KUBECONFIG NAMESPACE WHO`.
"""

from __future__ import annotations

import signal
import sys
import threading
import time

from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.transport import Transport
from gitops_agent.observe.log import configure


def main(kubeconfig: str, namespace: str, identity: str) -> None:
    configure("warning", "json")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    lease = Lease(Transport.from_kubeconfig(kubeconfig), namespace=namespace, name="agent", identity=identity)

    def say(what: str) -> None:
        sys.stdout.write(f"{what} {time.monotonic()}\n")
        sys.stdout.flush()

    say("running")
    lease.run(stop, lambda: say("start"), lambda: say("stop"))


if __name__ == "__main__":
    main(*sys.argv[1:])
