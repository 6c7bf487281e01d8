from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from gitops_agent.agent.desired.render_inputs import RenderInputs
from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.api.render_options import RenderOptions
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.render.variables.variable import Variable
from tests.agent.accounts import user
from tests.agent.samples import application
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


class Desk:
    """A resolver over the real cluster, and who was woken."""

    def __init__(self, objects: Objects, namespace: str) -> None:
        self.objects, self.namespace = objects, namespace
        self.stores = build_stores(objects, WorkQueue())
        self.woken: list[AppKey] = []
        self.inputs = RenderInputs(self.stores, self.wake)

    def wake(self, key: AppKey, _reason: str, _priority: Priority, /) -> None:
        self.woken.append(key)

    def put(self, kind: str, name: str, **data: str) -> Object:
        metadata = {"name": name, "namespace": self.namespace}
        field = "data" if kind == "ConfigMap" else "stringData"
        return self.objects.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, field: data})

    def application(
        self, name: str = "shop", *, account: str = "", sources: Sequence[dict[str, Any]] = (), **variables: Any
    ) -> Application:
        options: dict[str, Any] = {"serviceAccountName": account} if account else {}
        app = application(name, namespace=self.namespace, **options)
        render = RenderOptions.model_validate({"variables": {"from": list(sources), **variables}})
        return replace(app, spec=app.spec.model_copy(update={"render": render}))

    def resolved(self, app: Application) -> dict[str, Variable]:
        inputs = eventually(lambda: self.inputs.resolve(app))
        assert inputs is not None
        return {variable.name: variable for variable in inputs.variables}

    def refused(self, app: Application) -> RenderError:
        def error() -> RenderError | None:
            try:
                self.inputs.resolve(app)
            except RenderError as refusal:
                return refusal
            return None

        refusal = eventually(error)
        assert refusal is not None
        return refusal


@pytest.fixture
def desk(objects: Objects, namespace: str) -> Iterator[Desk]:
    desk = Desk(objects, namespace)
    yield desk
    desk.stores.secrets.stop()
    desk.stores.config_maps.stop()


def source(name: str, kind: str = "ConfigMap", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, **more}


def streams(informer: Informer) -> bool:
    return informer.watch is not None and bool(informer.watch.streams)


def test_an_application_without_variables_has_none(desk: Desk) -> None:
    inputs = desk.inputs.resolve(application("shop", namespace=desk.namespace))

    assert inputs is not None
    assert inputs.variables == ()


def test_later_sources_and_the_spec_win(desk: Desk) -> None:
    desk.put("ConfigMap", "base", city="Bonn", size="1", colour="red")
    desk.put("Secret", "more", size="2", colour="green")

    resolved = desk.resolved(desk.application(values={"colour": "blue"}, sources=[source("base"), source("more", "Secret")]))

    assert {name: variable.value for name, variable in resolved.items()} == {"city": "Bonn", "size": "2", "colour": "blue"}
    assert (resolved["size"].source, resolved["size"].secret) == ("Secret more", True)
    assert (resolved["city"].source, resolved["city"].secret, resolved["city"].literal) == ("ConfigMap base", False, False)
    assert (resolved["colour"].literal, resolved["colour"].secret) == (True, False)


def test_keys_that_are_no_names_of_variables_are_left_out(desk: Desk) -> None:
    desk.put("ConfigMap", "base", **{"city": "Bonn", "tls.crt": "x", "a-b": "y"})

    assert set(desk.resolved(desk.application(sources=[source("base")]))) == {"city"}


def test_a_missing_object_is_waited_for(desk: Desk) -> None:
    app = desk.application(sources=[source("absent")])

    error = desk.refused(app)

    assert error.reason == "VariableSourceMissing"
    assert error.transient
    assert f"there is no ConfigMap {desk.namespace}/absent" in str(error)

    desk.woken.clear()
    desk.put("ConfigMap", "absent", city="Bonn")
    eventually(lambda: desk.woken == [app.key])
    assert desk.resolved(app)["city"].value == "Bonn"


def test_an_optional_object_may_be_missing(desk: Desk) -> None:
    assert desk.resolved(desk.application(values={"a": 1}, sources=[source("absent", optional=True)]))["a"].value == 1


def test_a_change_wakes_those_who_name_the_object(desk: Desk) -> None:
    desk.put("ConfigMap", "base", city="Bonn")
    desk.put("ConfigMap", "other", city="Kiel")
    shop, desk_app = (
        desk.application("shop", sources=[source("base")]),
        desk.application("desk", sources=[source("other")]),
    )
    desk.resolved(shop)
    desk.resolved(desk_app)
    desk.woken.clear()

    desk.put("ConfigMap", "base", city="Köln")

    eventually(lambda: desk.resolved(shop)["city"].value == "Köln")
    eventually(lambda: desk.woken == [shop.key])


def test_a_second_resolution_costs_no_request(desk: Desk) -> None:
    desk.put("ConfigMap", "base", city="Bonn")
    desk.put("Secret", "more", size="2")
    app = desk.application(sources=[source("base"), source("more", "Secret")])
    desk.resolved(app)
    for watched in (
        desk.stores.config_maps._watched[f"{desk.namespace}/base"],
        desk.stores.secrets._watched[f"{desk.namespace}/more"],
    ):
        informer = watched.informer
        assert informer is not None
        eventually(partial(streams, informer))
    before = dict(desk.objects.transport.count)

    for _ in range(20):
        desk.resolved(app)

    assert dict(desk.objects.transport.count) == before


def test_what_no_application_names_any_more_is_released(desk: Desk) -> None:
    desk.put("ConfigMap", "base", city="Bonn")
    shop, other = (desk.application(name, sources=[source("base")]) for name in ("shop", "desk"))
    desk.resolved(shop)
    desk.resolved(other)
    watched = desk.stores.config_maps._watched[f"{desk.namespace}/base"]

    desk.inputs.forget(shop.key)
    assert watched.held
    desk.inputs.resolve(desk.application("desk", values={"a": 1}))
    assert not watched.held


def test_the_key_of_the_marks_is_no_source(desk: Desk) -> None:
    error = desk.refused(desk.application(sources=[source("gitops-agent-marks", "Secret")]))

    assert error.reason == "VariableSourceRefused"
    assert not error.transient


def test_an_account_gets_the_secrets_it_may_read(desk: Desk) -> None:
    desk.put("Secret", "more", size="2")
    desk.put("ConfigMap", "base", city="Bonn")
    app = desk.application(account="team", sources=[source("base"), source("more", "Secret")])

    error = desk.refused(app)
    assert error.reason == "VariableSourceRefused"
    assert f"{user(desk.namespace, 'team')} may not get the Secret {desk.namespace}/more" in str(error)

    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "reader", "namespace": desk.namespace}}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["more"], "verbs": ["get"]}]
    desk.objects.apply({**rbac, "kind": "Role", "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "team", "namespace": desk.namespace}
    desk.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]})
    desk.stores.access._answers.clear()

    def allowed() -> bool:
        desk.stores.access._answers.clear()
        try:
            return desk.inputs.resolve(app) is not None
        except RenderError:
            return False

    eventually(allowed)
    assert desk.resolved(app)["size"].value == "2"


def test_a_secret_that_goes_is_missing(desk: Desk) -> None:
    made = desk.put("Secret", "more", size="2")
    app = desk.application(sources=[source("more", "Secret")])
    desk.resolved(app)

    desk.objects.delete(ObjectKey.of(made), uid=made["metadata"]["uid"])

    assert desk.refused(app).reason == "VariableSourceMissing"


def test_values_of_a_chart_come_from_objects_and_wake_their_application(desk: Desk) -> None:
    desk.put("ConfigMap", "cluster", **{"values.yaml": "a: 1"})
    desk.put("Secret", "db", password="hunter22")
    rows = [source("cluster"), source("db", "Secret", key="password", targetPath="/p"), source("absent", optional=True)]
    app = desk.application("shop")
    app = replace(
        app, spec=app.spec.model_copy(update={"render": RenderOptions.model_validate({"helm": {"valuesFrom": rows}})})
    )
    entries = desk.resolved(app)
    assert {name[-3:]: (entry.value, entry.secret) for name, entry in entries.items()} == {
        "[0]": ("a: 1", False),
        "[1]": ("hunter22", True),
    }
    desk.woken.clear()
    desk.put("Secret", "db", password="hunter23")
    eventually(lambda: app.key in desk.woken)
    assert desk.resolved(app)["spec.render.helm.valuesFrom[1]"].value == "hunter23"


def decrypted(desk: Desk, *, account: str = "") -> Application:
    app = desk.application(account=account)
    render = RenderOptions.model_validate({"decryption": {"serviceAccountName": "sops"}})
    return replace(app, spec=app.spec.model_copy(update={"render": render}))


def test_an_account_stands_in_for_the_keys(desk: Desk) -> None:
    inputs = desk.inputs.resolve(decrypted(desk))

    assert inputs is not None
    assert str(inputs.keys.account) == f"ServiceAccount {desk.namespace}/sops"


def test_an_application_with_an_account_of_its_own_uses_no_other(desk: Desk) -> None:
    error = desk.refused(decrypted(desk, account="team"))

    assert error.reason == "DecryptionKeysRefused"
    assert "spec.render.decryption.serviceAccountName: an Application with an account of its own may use no other" in str(error)


def by_secret(desk: Desk, *, account: str = "") -> Application:
    app = desk.application(account=account)
    render = RenderOptions.model_validate({"decryption": {"secretRef": {"name": "keys"}}})
    return replace(app, spec=app.spec.model_copy(update={"render": render}))


def test_keys_of_another_namespace_are_not_used(desk: Desk, home: str) -> None:
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": home}}
    desk.objects.apply({**key, "stringData": {"identity.agekey": "AGE-SECRET-KEY-OF-ANOTHER"}})

    error = desk.refused(by_secret(desk))

    assert error.reason == "DecryptionKeysMissing"
    assert f"there is no Secret {desk.namespace}/keys" in str(error)


def test_keys_that_its_account_may_not_read_are_refused(desk: Desk) -> None:
    desk.put("Secret", "keys", **{"identity.agekey": "AGE-SECRET-KEY-OF-ANOTHER"})

    error = desk.refused(by_secret(desk, account="team"))

    assert error.reason == "DecryptionKeysRefused"
    assert f"{user(desk.namespace, 'team')} may not get the Secret {desk.namespace}/keys" in str(error)
    assert desk.resolved(by_secret(desk)) == {}
