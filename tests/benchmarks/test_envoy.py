"""Translated routes in the real proxy, which may refuse them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.traffic.backendref import Cluster
from benchmarks.traffic.daemon import eventually
from benchmarks.traffic.endpoints import assignment, definition
from benchmarks.traffic.envoy import Envoy, Refused
from benchmarks.traffic.load import Load
from benchmarks.traffic.translation import translate
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.ports import free_ports

pytestmark = pytest.mark.slow

SERVICES = {("shop", name): {"spec": {"ports": [{"port": 80}]}} for name in ("web", "web-canary", "empty")}
STABLE = {"name": "web", "port": 80}
CANARY = {"name": "web-canary", "port": 80}


class Pod(ThreadingHTTPServer):
    """A server that says which variant it is, and counts."""

    daemon_threads = True

    def __init__(self, variant: str) -> None:
        self.seen: list[str] = []
        pod = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                pod.seen.append(self.headers.get("host") or "")
                self.send_response(200)
                for name, value in (("x-pod", variant), ("x-variant", variant), ("content-length", "0")):
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
                """Says nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class Proxy:
    """The proxy in front of a stable and a canary pod."""

    def __init__(self, folder: Path) -> None:
        port = free_ports(1)[0]
        self.envoy = Envoy(folder, port)
        self.url = f"http://127.0.0.1:{port}/"
        self.pods = {"web": Pod("primary"), "web-canary": Pod("canary")}
        clusters = [Cluster(namespace="shop", service=name, port=80, port_name="") for _, name in SERVICES]
        for cluster in clusters:
            pod = self.pods.get(cluster.service)
            places = [("127.0.0.1", int(pod.server_address[1]))] if pod else []
            self.envoy.write_endpoints(cluster.file, assignment(cluster, places))
        self.envoy.write_clusters([definition(cluster, str(self.envoy.endpoints)) for cluster in clusters])
        self.envoy.write_routes([])
        self.envoy.start()

    def route(self, *rules: Object) -> None:
        """Puts these rules in force."""
        route = {"metadata": {"namespace": "shop", "name": "web"}, "spec": {"rules": list(rules)}}
        version = self.envoy.write_routes(translate([route], SERVICES).virtual_hosts)
        eventually("the routes are in force", lambda: self.envoy.has_routes(version), seconds=60)

    def load(self, count: int, **headers: str) -> Load:
        """So many requests, answered."""
        with Load(self.url, rate=1000, count=count, headers=headers) as load:
            return load.wait(count, seconds=30)

    def close(self) -> None:
        self.envoy.stop()
        for pod in self.pods.values():
            pod.shutdown()
            pod.server_close()


def spread(load: Load, weight: int) -> None:
    """Waits until the answers have the weight.

    Each thread of the proxy takes new routes in its own time, after they are reported.
    """
    eventually("the answers have the weight", lambda: abs(load.share("canary", last=50) - weight) <= 4, seconds=30)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    envoy_proxy = Proxy(tmp_path_factory.mktemp("envoy"))
    yield envoy_proxy
    envoy_proxy.close()


def test_a_share_is_the_weight(proxy: Proxy) -> None:
    proxy.route({"backendRefs": [{**STABLE, "weight": 75}, {**CANARY, "weight": 25}]})
    load = proxy.load(200)

    assert (load.failed, load.share("canary")) == (0, 25.0)


def test_without_draws_of_its_own_a_request_gets_one_from_the_proxy(proxy: Proxy) -> None:
    proxy.route({"backendRefs": [{**STABLE, "weight": 50}, {**CANARY, "weight": 50}]})
    with Load(proxy.url, rate=1000, count=200, draws=False) as load:
        load.wait(200, seconds=30)

    assert 20 < load.share("canary") < 80


def test_a_header_leads_only_its_users_to_the_canary(proxy: Proxy) -> None:
    cookie = {"type": "RegularExpression", "name": "Cookie", "value": r"^(.*;\s*)?user=david(\s*;.*)?$"}
    proxy.route({"backendRefs": [STABLE]}, {"matches": [{"headers": [cookie]}], "backendRefs": [CANARY]})

    assert proxy.load(5, cookie="a=b; user=david; c=d").share("canary") == 100
    assert proxy.load(5, cookie="user=davidson").share("canary") == 0
    assert proxy.load(5).share("canary") == 0


def test_copies_reach_the_mirror_and_their_answers_are_dropped(proxy: Proxy) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": CANARY}}
    proxy.route({"filters": [mirror], "backendRefs": [STABLE]})
    before = len(proxy.pods["web-canary"].seen)
    load = proxy.load(20)

    assert (load.failed, load.share("primary")) == (0, 100)
    seen = proxy.pods["web-canary"].seen
    eventually("all copies arrive", lambda: len(seen) - before == 20, seconds=60)
    assert all("-shadow" in host for host in seen[before:])


@pytest.mark.parametrize(("ref", "status"), [({"name": "nowhere", "port": 80}, 500), ({"name": "empty", "port": 80}, 503)])
def test_a_backend_that_is_missing_or_empty_fails_for_its_share(proxy: Proxy, ref: Object, status: int) -> None:
    proxy.route({"backendRefs": [{**STABLE, "weight": 50}, {**ref, "weight": 50}]})
    load = proxy.load(100)

    assert [answer.status for answer in load.failures()] == [status] * 50


@pytest.mark.slow
def test_a_weight_changes_under_load_without_a_failure(proxy: Proxy) -> None:
    windows = []
    with Load(proxy.url, rate=200) as load:
        for weight in (10, 90, 50):
            proxy.route({"backendRefs": [{**STABLE, "weight": 100 - weight}, {**CANARY, "weight": weight}]})
            spread(load, weight)
            mark = load.mark()
            load.wait(200, since=mark)
            windows.append((weight, mark, load.mark()))

    assert load.failed == 0
    for weight, since, until in windows:  # all of a window have ended now, those of a busy server too
        assert abs(load.share("canary", since=since, until=until) - weight) <= 2


def test_a_refused_configuration_is_reported_and_the_old_one_stays(proxy: Proxy) -> None:
    proxy.route({"backendRefs": [STABLE]})
    broken = {"name": "x", "domains": ["*"], "routes": [{"match": {"safe_regex": {"regex": "("}}, "route": {"cluster": "x"}}]}
    version = proxy.envoy.write_routes([broken])

    with pytest.raises(Refused, match="Envoy refuses the routes"):
        eventually("the routes are in force", lambda: proxy.envoy.has_routes(version), seconds=60)
    assert proxy.load(5).failed == 0


def test_it_comes_back_with_what_it_had(proxy: Proxy) -> None:
    proxy.route({"backendRefs": [CANARY]})
    proxy.envoy.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2].strip("/"))), timeout=2)
    proxy.envoy.start()

    assert proxy.load(5).share("canary") == 100


def test_files_are_replaced_only_when_they_say_something_else(tmp_path: Path) -> None:
    envoy = Envoy(tmp_path, 1)
    first = envoy.write_routes([])

    assert envoy.write_routes([]) == first
    assert envoy.write_routes([{"name": "a"}]) != first
    assert json.loads((tmp_path / "routes.json").read_text())["resources"][0]["virtual_hosts"] == [{"name": "a"}]
