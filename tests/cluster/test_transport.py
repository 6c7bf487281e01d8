from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from urllib3.exceptions import SSLError

from gitops_agent.cluster.transport import Transport, unanswered
from gitops_agent.errors import CannotSee, Forbidden, Invalid, Throttled, Unavailable, UsageError
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cluster.wire import Asked, Line, Script, Wire, kubeconfig
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow

Start = Callable[[Script], Wire]


def test_a_token_from_a_kubeconfig_is_sent(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.json({}))
    server.transport(tmp_path).request("GET", "/version")

    assert server.asked[0].headers["authorization"] == "Bearer first"


def test_a_name_and_a_password_from_a_kubeconfig_are_sent(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.json({}))
    path = kubeconfig(tmp_path, server.url, username="me", password="secret")
    Transport.from_kubeconfig(path).request("GET", "/version")

    assert server.asked[0].headers["authorization"].startswith("Basic ")


def test_a_credential_plugin_is_run(wire: Start, tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-the-plugin"},
    }
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o700)
    server = wire(lambda _, line: line.json({}))
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    Transport.from_kubeconfig(kubeconfig(tmp_path, server.url, exec=run)).request("GET", "/version")

    assert server.asked[0].headers["authorization"] == "Bearer from-the-plugin"


def test_a_token_that_was_replaced_in_the_kubeconfig_is_read_again_when_the_old_one_is_refused(
    wire: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops_agent.cluster.transport._RELOAD_SECONDS", 0)

    def script(asked: Asked, line: Line) -> None:
        if asked.headers["authorization"] == "Bearer second":
            line.json({"ok": True})
        else:
            line.refuse(401, "Unauthorized")

    server = wire(script)
    transport = server.transport(tmp_path)
    kubeconfig(tmp_path, server.url, token="second")

    assert transport.request("POST", "/apis/x/v1/things", body={}) == {"ok": True}
    with transport.stream("/apis/x/v1/things", read_timeout=1) as lines:
        assert list(lines) == [{"ok": True}]


def test_a_body_that_the_server_would_not_read_is_refused_before_it_is_sent(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.json({}))
    body = {"kind": "ConfigMap", "data": {"text": "x" * (12 << 20)}}
    with pytest.raises(Invalid, match=r"^it has 12\.0 MiB as JSON; the API server reads 3 MiB at most, and etcd .* 1\.5 MiB"):
        server.transport(tmp_path).request("PATCH", "/api/v1/namespaces/shop/configmaps/big", body=body)

    assert not server.asked


def test_an_encrypted_connection_that_ends_early_is_torn_and_not_distrusted() -> None:
    eof = SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
    untrusted = SSLError(ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate"))

    assert unanswered(eof, "https://10.0.0.1", "PATCH /x").code == "ConnectionTorn"
    assert unanswered(untrusted, "https://10.0.0.1", "PATCH /x").code == "TLS"


def test_credentials_that_stay_refused_are_tried_once_more_only(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.refuse(401, "Unauthorized"))
    transport = server.transport(tmp_path)
    for _ in range(3):
        with pytest.raises(Forbidden):
            transport.request("GET", "/version")

    assert len(server.asked) <= 4


def test_the_token_of_a_pod_is_read_again_after_it_was_rotated(
    wire: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops_agent.cluster.transport._RELOAD_SECONDS", 0)
    (tmp_path / "token").write_text("old")
    (tmp_path / "ca.crt").write_text("no certificate, and none is needed to read it")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    transport = Transport.in_cluster(account=tmp_path, environ=environ)
    before = transport._authorization()
    (tmp_path / "token").write_text("new")
    transport._reload()

    assert (before["authorization"], transport._authorization()["authorization"]) == ("bearer old", "bearer new")
    assert transport.host == "https://127.0.0.1:1"


def test_a_token_file_that_is_empty_for_a_moment_leaves_the_old_token_in_use(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    (tmp_path / "ca.crt").write_text("x")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    transport = Transport.in_cluster(account=tmp_path, environ=environ)
    transport._authorization()
    (tmp_path / "token").write_text("")
    transport._credentials_until = 0

    def fail(_: object) -> None:
        raise OSError("the file is being replaced")

    transport._configuration.refresh_api_key_hook = fail  # type: ignore[assignment]

    assert transport._authorization() == {"authorization": "bearer old"}


def test_a_client_certificate_reaches_the_pool(tmp_path: Path) -> None:
    (tmp_path / "me.crt").write_text("certificate")
    (tmp_path / "me.key").write_text("key")
    files = {"client-certificate": str(tmp_path / "me.crt"), "client-key": str(tmp_path / "me.key")}
    transport = Transport.from_kubeconfig(kubeconfig(tmp_path, "https://127.0.0.1:1", **files))
    options = transport._requests.manager.connection_pool_kw

    assert (options["cert_file"], options["key_file"]) == (str(tmp_path / "me.crt"), str(tmp_path / "me.key"))


def test_a_kubeconfig_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No configuration found"):
        Transport.from_kubeconfig(tmp_path / "nowhere")


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected object with name production"):
        Transport.from_kubeconfig(kubeconfig(tmp_path, "https://127.0.0.1:1"), "production")


@pytest.mark.parametrize(
    "damage", ["users: [{name: me, user: {token: hunter2}", '{"users": [{"name": "me", "tok": "hunter2"}]}']
)
def test_a_damaged_kubeconfig_is_never_quoted(tmp_path: Path, damage: str) -> None:
    (tmp_path / "kubeconfig").write_text(damage)
    with pytest.raises(UsageError) as caught:
        Transport.from_kubeconfig(tmp_path / "kubeconfig")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_environment_names_the_kubeconfig(wire: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = wire(lambda _, line: line.json({}))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server.url)))

    assert Transport.auto().host == server.url


def test_no_cluster_at_all_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="no cluster is given"):
        Transport.auto()


def test_a_pod_uses_its_own_account_unless_a_kubeconfig_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(UsageError, match="ServiceAccount"):
        Transport.auto()

    assert Transport.auto(kubeconfig(tmp_path, "https://10.1.1.1")).host == "https://10.1.1.1"


def test_a_torn_answer_to_a_read_is_asked_for_again(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        if len(server.asked) < 3:
            line.send_response(200)
            line.send_header("content-length", "1000")
            line.end_headers()
            line.wfile.write(b'{"half":')
            line.cut()
        else:
            line.json({"whole": True})

    server = wire(script)

    assert server.transport(tmp_path).request("GET", "/version") == {"whole": True}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_is_never_repeated_here(wire: Start, tmp_path: Path, method: str) -> None:
    server = wire(lambda _, line: line.cut())
    with pytest.raises(Unavailable) as caught:
        server.transport(tmp_path).request(method, "/apis/x/v1/things/a", body={})

    assert (len(server.asked), caught.value.code, caught.value.transient) == (1, "ConnectionTorn", True)


def test_a_read_gives_up_after_three_attempts(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.cut())
    with pytest.raises(Unavailable):
        server.transport(tmp_path).request("GET", "/version")

    assert len(server.asked) == 3


def test_refusals_are_not_repeated(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.refuse(429, "TooManyRequests", retry_after="3"))
    with pytest.raises(Throttled) as caught:
        server.transport(tmp_path).request("GET", "/version")

    assert (len(server.asked), caught.value.retry_after) == (1, 3.0)


def test_a_server_that_says_nothing_is_given_up(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.hang())
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        server.transport(tmp_path).request("GET", "/version", timeout=0.3)

    assert caught.value.code == "Timeout"
    assert time.monotonic() - began < LIMIT_SECONDS


def test_a_server_that_drips_is_given_up_although_something_always_comes(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        while not server.over.wait(0.05):
            line.chunk(b" ")

    server = wire(script)
    with pytest.raises(Unavailable) as caught:
        server.transport(tmp_path).request("GET", "/version", timeout=0.4)

    assert caught.value.code == "Timeout"


def test_a_refused_connection_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        Transport.from_kubeconfig(kubeconfig(tmp_path, "http://127.0.0.1:1")).request("GET", "/version")

    assert (caught.value.status, caught.value.code) == (0, "Unreachable")


def test_an_answer_that_is_no_json_is_unavailable(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.text("<html>welcome to the proxy</html>"))
    with pytest.raises(Unavailable) as caught:
        server.transport(tmp_path).request("GET", "/version")

    assert caught.value.code == "NotJSON"


def test_an_empty_answer_is_none(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.text(""))

    assert server.transport(tmp_path).request("DELETE", "/apis/x/v1/things/a") is None


def test_redirects_are_not_followed(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.text("", 302, location="http://169.254.169.254/"))
    with pytest.raises(Exception, match="302"):
        server.transport(tmp_path).request("GET", "/version")

    assert len(server.asked) == 1


def test_connections_are_kept_open(wire: Start, tmp_path: Path) -> None:
    ports: set[int] = set()

    def script(asked: Asked, line: Line) -> None:
        ports.add(line.client_address[1])
        line.json({})

    transport = wire(script).transport(tmp_path)
    for _ in range(5):
        transport.request("PATCH", "/apis/x/v1/things/a", body={})

    assert len(ports) == 1


def test_as_many_connections_are_kept_as_was_asked_for(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.json({})).transport(tmp_path, pool=3)

    assert transport._requests.manager.connection_pool_kw["maxsize"] == 3


def test_a_closed_transport_can_still_be_used(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.json({})).transport(tmp_path)
    transport.request("GET", "/version")
    transport.close()

    assert transport.request("GET", "/version") == {}


def test_a_server_below_a_path_is_asked_there(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.json({}))
    Transport.from_kubeconfig(kubeconfig(tmp_path, f"{server.url}/clusters/one/")).request("GET", "/api", query={"a": "b"})

    assert (server.asked[0].path, server.asked[0].query) == ("/clusters/one/api", {"a": "b"})


def test_a_proxy_is_used_when_the_kubeconfig_names_one(wire: Start, tmp_path: Path) -> None:
    proxy = wire(lambda _, line: line.json({"via": line.path}))
    path = kubeconfig(tmp_path, "http://cluster.example.com")
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"]["proxy-url"] = proxy.url
    path.write_text(json.dumps(config))

    assert Transport.from_kubeconfig(path).request("GET", "/api") == {"via": "http://cluster.example.com/api"}


def test_bytes_are_sent_as_they_are(wire: Start, tmp_path: Path) -> None:
    server = wire(lambda _, line: line.json({}))
    server.transport(tmp_path).request("POST", "/x", body=b"raw", content_type="text/plain")

    assert (server.asked[0].body, server.asked[0].headers["content-type"]) == (b"raw", "text/plain")


def test_requests_are_counted_by_verb_and_resource(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.json({})).transport(tmp_path)
    transport.request("GET", "/api/v1/pods")
    transport.request("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", body={})
    transport.request("PATCH", "/apis/apps/v1/namespaces/a/deployments/c", body={})

    assert transport.count == {("list", "pods"): 1, ("patch", "deployments.apps"): 2}


def test_a_user_without_a_name_cannot_be_impersonated(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.json({})).transport(tmp_path)
    for name in ("", "a\r\nImpersonate-Group: system:masters"):
        with pytest.raises(Forbidden):
            transport.request("GET", "/version", as_user=name)


@pytest.mark.cluster
def test_an_impersonated_account_has_all_its_groups_without_our_sending_any(transport: Transport) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    user = transport.request("POST", path, body=review, as_user="system:serviceaccount:shop:deployer")["status"]["userInfo"]

    assert user["username"] == "system:serviceaccount:shop:deployer"
    assert set(user["groups"]) == {"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}


@pytest.mark.cluster
def test_permission_to_impersonate_one_account_is_all_that_is_needed(
    control_plane: ControlPlane, transport: Transport, namespace: str
) -> None:
    account = f"system:serviceaccount:{namespace}:default"
    control_plane.request(
        "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "agent", "namespace": namespace}}
    )
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["default"], "verbs": ["impersonate"]}
    transport.request("POST", f"{rbac}/roles", body={"metadata": {"name": "impersonator"}, "rules": [rule]})
    transport.request(
        "POST",
        f"{rbac}/rolebindings",
        body={
            "metadata": {"name": "impersonator"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "impersonator"},
            "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": namespace}],
        },
    )
    agent = Transport.from_kubeconfig(control_plane.service_account_kubeconfig(namespace, "agent"))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

    answer = eventually(lambda: agent.request("POST", path, body=review, as_user=account), what="the binding to take effect")

    assert answer["status"]["userInfo"]["username"] == account


@pytest.mark.cluster
def test_many_threads_share_one_transport(transport: Transport) -> None:
    failures: list[Exception] = []

    def read() -> None:
        try:
            for _ in range(10):
                transport.request("GET", "/api/v1/namespaces/default")
        except (Unavailable, CannotSee) as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
