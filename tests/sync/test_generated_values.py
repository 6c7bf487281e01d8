from __future__ import annotations

import base64
from copy import deepcopy
from dataclasses import replace
from typing import Any

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import CONFIGURATION, FIELD_MANAGER
from gitops_agent.sync.desired import Desired, build
from gitops_agent.sync.generated_values import compared, with_live_values
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.samples import APP, REVISION, live_of, scope, thing, workload

CHECKSUM = "/spec/template/metadata/annotations/checksum~1secret"


def declared(*rows: tuple[Object, tuple[str, ...]]) -> Desired:
    manifests = [Manifest.of(obj, generated=paths) for obj, paths in rows]
    return build(manifests, application=APP, revision=REVISION, namespace="shop", scope=scope)


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def secret(name: str = "db", **data: str) -> Object:
    return thing("Secret", name, data={key: text(value) for key, value in data.items()})


def live(obj: Object, *, owner: AppKey | None = APP) -> LiveObject:
    return replace(live_of(Manifest.of(obj)), raw=obj, owner=owner)


def after(desired: Desired, *objects: LiveObject) -> dict[str, Any]:
    """What is sent, by name."""
    manifests = with_live_values(desired.manifests, {live_object.key: live_object for live_object in objects}, APP)
    assert [manifest.digest for manifest in manifests] == [manifest.digest for manifest in desired.manifests]
    return {manifest.key.name: manifest.obj for manifest in manifests}


def pods(checksum: str) -> Object:
    obj = workload("Deployment", "web", volumes=[{"name": "s", "secret": {"secretName": "db"}}])
    obj["spec"]["template"]["metadata"]["annotations"] = {"checksum/secret": checksum}
    return obj


def test_the_live_value_is_sent_and_the_first_one_where_nothing_is_live() -> None:
    desired = declared((secret(password="made-now", user="shop"), ("/data/password",)))
    assert after(desired)["db"]["data"]["password"] == text("made-now")
    sent = after(desired, live(secret(password="made-before", user="other")))
    assert sent["db"]["data"] == {"password": text("made-before"), "user": text("shop")}


def test_plain_data_of_a_secret_is_kept_as_well() -> None:
    obj = thing("Secret", "db", stringData={"password": "made-now"})
    desired = declared((obj, ("/stringData/password",)))
    assert after(desired, live(secret(password="made-before")))["db"]["data"] == {"password": text("made-before")}


def test_a_later_object_shares_the_value_of_an_earlier_one() -> None:
    url = thing("ConfigMap", "url", data={"url": "pg://made-now-and-long@db"})
    desired = declared((secret(password="made-now-and-long"), ("/data/password",)), (url, ("/data/url",)))
    assert after(desired, live(secret(password="made-before")))["url"]["data"] == {"url": "pg://made-before@db"}


def test_no_value_of_an_object_of_others_is_shared() -> None:
    copy = thing("ConfigMap", "copy", data={"a": "made-now-and-long"})
    desired = declared((secret(password="made-now-and-long"), ("/data/password",)), (copy, ("/data/a",)))
    sent = after(desired, live(secret(password="of-another-team"), owner=None))
    assert sent["copy"]["data"] == {"a": "made-now-and-long"}
    assert sent["db"]["data"] == {"password": text("of-another-team")}


def test_a_checksum_follows_what_is_declared_and_not_what_is_generated() -> None:
    def checksum(password: str, user: str, made: str) -> Object:
        desired = declared((secret(password=password, user=user), ("/data/password",)), (pods(made), (CHECKSUM,)))
        return desired.manifests[-1].obj

    first, same, other = checksum("a", "shop", "x"), checksum("b", "shop", "y"), checksum("a", "admin", "x")
    assert first == same
    assert first["spec"]["template"] != other["spec"]["template"]
    assert first["metadata"]["annotations"][CONFIGURATION] != other["metadata"]["annotations"][CONFIGURATION]


def test_pods_keep_their_checksum_until_what_they_read_has_changed() -> None:
    def desired(user: str) -> Desired:
        return declared((secret(password="a", user=user), ("/data/password",)), (pods("made"), (CHECKSUM,)))

    def annotation(sent: dict[str, Any]) -> str:
        return str(sent["web"]["spec"]["template"]["metadata"]["annotations"]["checksum/secret"])

    adopted = after(desired("shop"), live(pods("by-helm"), owner=None))
    assert annotation(adopted) == "by-helm"
    assert annotation(after(desired("shop"), live(adopted["web"]))) == "by-helm"
    assert annotation(after(desired("admin"), live(adopted["web"]))) not in ("by-helm", "made")


def test_a_field_that_another_writer_owns_is_not_compared() -> None:
    obj = secret(password="a", user="shop")
    manifest = Manifest.of(obj, generated=("/data/password",))
    fields: Object = {"f:data": {"f:password": {}, "f:user": {}}}
    ours = deepcopy(obj)
    ours["metadata"]["managedFields"] = [{"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}]
    assert compared(manifest, ours) == obj
    theirs = deepcopy(ours)
    del theirs["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]["f:password"]
    assert compared(manifest, theirs) == {**obj, "data": {"user": text("shop")}}
    alone = replace(manifest, obj=secret(password="a"))
    assert "data" not in compared(alone, {**theirs, "metadata": {**theirs["metadata"], "managedFields": []}})
