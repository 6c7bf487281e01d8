from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.oci.login import ANONYMOUS, Login
from gitops_agent.oci.registry import Registries, Registry
from tests.oci.fake_registry import FakeRegistry

USER = Login(username="u", password="hidden")


def registry(fake: FakeRegistry, login: Login = ANONYMOUS, shared: Registries | None = None) -> Registry:
    return Registry(fake.reference("acme/web"), login, shared=shared or Registries(timeout_seconds=5))


def ready(fake: FakeRegistry) -> None:
    fake.tags["acme/web"] = {"1.0.0": "sha256:" + "0" * 64}


def test_nothing_is_sent_with_a_request_until_the_registry_asks(fake: FakeRegistry) -> None:
    ready(fake)

    assert registry(fake, USER).get("tags/list").status == 200
    assert fake.seen.credentials == []


def test_basic_credentials_are_sent_when_asked_for(fake: FakeRegistry) -> None:
    ready(fake)
    fake.basic = ("u", "hidden")
    reader = registry(fake, USER)

    assert [reader.get("tags/list").status for _ in range(2)] == [200, 200]
    assert len(fake.seen.paths) == 3


def test_a_token_is_asked_once_and_shared(fake: FakeRegistry) -> None:
    ready(fake)
    fake.basic, fake.bearer = ("u", "hidden"), "abc"
    shared = Registries(timeout_seconds=5)

    for _ in range(2):
        assert registry(fake, USER, shared).get("tags/list").status == 200

    assert [path.partition("?")[0] for path in fake.seen.paths] == ["/v2/acme/web/tags/list", "/token"] + [
        "/v2/acme/web/tags/list"
    ] * 2


def test_a_token_that_is_refused_is_replaced_once(fake: FakeRegistry) -> None:
    ready(fake)
    fake.bearer = "old"
    reader = registry(fake)
    reader.get("tags/list")
    fake.bearer = "new"

    assert reader.get("tags/list").status == 200


def test_a_token_service_of_others_gets_no_password(fake: FakeRegistry) -> None:
    with FakeRegistry() as thief:
        fake.bearer, fake.realm = "abc", f"http://localhost:{thief.port}/token"

        with pytest.raises(SourceError, match="asks for the password at localhost") as caught:
            registry(fake, USER).get("tags/list")

        assert caught.value.reason == "RegistryRefused"
        assert thief.seen == []
        assert fake.seen.credentials == []


def test_wrong_credentials_are_said_without_them(fake: FakeRegistry) -> None:
    fake.basic = ("u", "other")

    with pytest.raises(SourceError, match="does not let these credentials read it") as caught:
        registry(fake, USER).get("tags/list")

    assert caught.value.reason == "AuthenticationFailed"
    assert "hidden" not in str(caught.value)
    with pytest.raises(SourceError, match="does not let requests without credentials read it"):
        registry(fake).get("tags/list")


def test_a_bearer_token_of_the_secret_is_sent_as_it_is(fake: FakeRegistry) -> None:
    ready(fake)
    fake.bearer = "fixed"

    assert registry(fake, Login(bearer_token="fixed")).get("tags/list").status == 200
    with pytest.raises(SourceError) as caught:
        registry(fake, Login(bearer_token="wrong")).get("tags/list")

    assert caught.value.reason == "AuthenticationFailed"


def test_redirects_are_followed_for_blobs_alone(fake: FakeRegistry) -> None:
    path = "/v2/acme/web/tags/list"
    fake.overrides[path] = lambda handler: handler.say(307, Location="/v2/acme/web/tags/other")

    with pytest.raises(SourceError, match="blobs alone"):
        registry(fake).get("tags/list")

    assert fake.seen.paths == [path]


def test_another_host_never_gets_credentials(fake: FakeRegistry) -> None:
    with FakeRegistry() as store:
        fake.basic, fake.redirect = ("u", "hidden"), f"http://localhost:{store.port}"
        store.blobs["b"] = b"data"

        answer = registry(fake, USER).get("blobs/b", redirects=True)

        assert answer.body == b"data"
        assert store.seen == [("GET", "/v2/acme/web/blobs/b", "")]
        assert len(fake.seen.credentials) == 1


def test_another_port_is_another_host(fake: FakeRegistry) -> None:
    with FakeRegistry() as store:
        fake.basic, fake.redirect = ("u", "hidden"), store.url
        store.blobs["b"] = b"data"

        assert registry(fake, USER).get("blobs/b", redirects=True).body == b"data"
        assert store.seen.credentials == []


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "http://10.0.0.1/x", "http://[", "", "//", "file:///etc/passwd"])
def test_a_redirect_leads_to_https_or_nowhere(fake: FakeRegistry, location: str) -> None:
    fake.overrides["/v2/acme/web/blobs/b"] = lambda handler: handler.say(302, Location=location)

    with pytest.raises(SourceError) as caught:
        registry(fake).get("blobs/b", redirects=True)

    assert caught.value.reason == "RegistryRefused"


def test_redirects_end(fake: FakeRegistry) -> None:
    fake.overrides["/v2/acme/web/blobs/b"] = lambda handler: handler.say(302, Location="/v2/acme/web/blobs/b")

    with pytest.raises(SourceError, match="three times at most"):
        registry(fake).get("blobs/b", redirects=True)

    assert len(fake.seen) == 4


def test_a_registry_that_asks_for_patience_is_left_alone(fake: FakeRegistry) -> None:
    ready(fake)
    now = [0.0]
    shared = Registries(timeout_seconds=5, clock=lambda: now[0])
    fake.overrides["/v2/acme/web/tags/list"] = lambda handler: handler.say(429, Retry_After="120")

    with pytest.raises(SourceError) as caught:
        registry(fake, shared=shared).get("tags/list")
    assert (caught.value.transient, caught.value.facts["retry_after"]) == (True, 120.0)
    fake.overrides.clear()
    now[0] = 100.0
    with pytest.raises(SourceError, match="20 s more"):
        registry(fake, shared=shared).get("manifests/1.0.0")
    assert len(fake.seen) == 1

    now[0] = 121.0
    assert registry(fake, shared=shared).get("tags/list").status == 200


@pytest.mark.parametrize(("status", "transient"), [(500, True), (503, True), (400, False), (418, False), (206, False)])
def test_no_other_answer_is_a_success(fake: FakeRegistry, status: int, *, transient: bool) -> None:
    fake.overrides["/v2/acme/web/tags/list"] = lambda handler: handler.say(status)

    with pytest.raises(SourceError) as caught:
        registry(fake).get("tags/list")

    assert caught.value.transient is transient


def test_a_registry_that_is_down_is_transient(fake: FakeRegistry) -> None:
    reference = fake.reference("acme/web")
    fake.shutdown()
    fake.server_close()

    with pytest.raises(SourceError, match="cannot be reached") as caught:
        Registry(reference, shared=Registries(timeout_seconds=2)).get("tags/list")

    assert caught.value.transient


def test_the_administrator_has_the_last_word(fake: FakeRegistry) -> None:
    shared = Registries(hosts=AllowedHosts.setting(("ghcr.io",), name="source.allowed", subject="a request"))

    with pytest.raises(HostRefused):
        registry(fake, shared=shared).get("tags/list")

    assert fake.seen == []
