"""Variables on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from tests.agent.cluster_env import ClusterEnv

pytestmark = pytest.mark.cluster

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  annotations: {id: "${ID}"}
data:
  city: "${CITY:-Bonn}"
"""
FROM_SITE: dict[str, Any] = {"from": [{"kind": "ConfigMap", "name": "site"}]}


def put(world: ClusterEnv, kind: str, name: str, **data: str) -> Object:
    """Creates or replaces a ConfigMap or Secret beside the Applications."""
    field = "data" if kind == "ConfigMap" else "stringData"
    return world.objects.apply(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": world.home}, field: data}
    )


def deployed(world: ClusterEnv, manifest: str = MANIFEST, **variables: Any) -> str:
    commit = world.commit({"shop/one.yaml": manifest})
    world.create("shop", render={"variables": variables})
    return commit


def test_a_number_in_an_annotation_is_accepted(world: ClusterEnv) -> None:
    commit = deployed(world, values={"ID": 1})

    world.await_synced("shop", commit)

    live = world.live("one")
    assert live is not None
    assert live["metadata"]["annotations"]["id"] == "1"
    assert world.data("one") == {"city": "Bonn"}


def test_a_number_in_a_field_of_numbers_is_accepted(world: ClusterEnv) -> None:
    put(world, "ConfigMap", "site", PORT="8080")
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: '${PORT}'}]}\n"

    world.await_synced("shop", deployed(world, service, **FROM_SITE))

    live = world.live("web", "Service")
    assert live is not None
    assert live["spec"]["ports"][0]["port"] == 8080


def test_a_changed_value_renders_once_and_one_that_is_not_used_never(world: ClusterEnv) -> None:
    put(world, "ConfigMap", "site", ID="1", CITY="Köln")
    world.await_synced("shop", deployed(world, **FROM_SITE))
    renders = world.components.renders

    before, reconciles = renders.count, world.state("shop")
    assert reconciles.desired is not None
    put(world, "ConfigMap", "site", ID="1", CITY="Köln", UNUSED="x")
    put(world, "ConfigMap", "another", CITY="Kiel")
    put(world, "ConfigMap", "site", ID="1", CITY="Aachen", UNUSED="y")

    world.until(lambda: world.data("one") == {"city": "Aachen"}, "the live object changes")
    assert renders.count == before + 1


def test_a_key_that_no_manifest_uses_renders_nothing(world: ClusterEnv) -> None:
    put(world, "ConfigMap", "site", ID="1")
    commit = deployed(world, **FROM_SITE)
    world.await_synced("shop", commit)
    before = world.components.renders.count
    watched = world.components.stores.config_maps._watched[f"{world.home}/site"]

    put(world, "ConfigMap", "site", ID="1", UNUSED="x")
    world.until(lambda: watched.data is not None and "UNUSED" in watched.data, "the change is seen")
    world.request("shop")
    world.until(lambda: world.status("shop").get("lastHandledRequest") or world.state("shop").answered == "1", "a reconcile")

    assert world.components.renders.count == before
    world.await_synced("shop", commit)


def test_what_is_missing_is_waited_for_and_nothing_is_pruned(world: ClusterEnv) -> None:
    made = put(world, "ConfigMap", "site", ID="1", CITY="Köln")
    world.await_synced("shop", deployed(world, **FROM_SITE))

    world.objects.delete(ObjectKey.of(made), uid=made["metadata"]["uid"])
    assert f"there is no ConfigMap {world.home}/site" in world.await_reason("shop", "VariableSourceMissing")
    assert world.data("one") == {"city": "Köln"}
    assert "Stalled" not in {
        condition["type"] for condition in world.status("shop")["conditions"] if condition["status"] == "True"
    }

    put(world, "ConfigMap", "site", ID="1", CITY="Aachen")
    world.until(lambda: world.data("one") == {"city": "Aachen"}, "it goes on by itself")


def test_undefined_names_are_said_and_a_value_ends_it(world: ClusterEnv) -> None:
    put(world, "ConfigMap", "site", CITY="Köln")
    commit = deployed(world, **FROM_SITE)

    message = world.await_reason("shop", "UndefinedVariable")
    assert "shop/one.yaml ConfigMap one /metadata/annotations/id: ${ID} has no value" in message

    put(world, "ConfigMap", "site", CITY="Köln", ID="7")
    world.await_synced("shop", commit)


def test_the_value_of_a_secret_reaches_a_secret_and_nothing_else(world: ClusterEnv) -> None:
    put(world, "Secret", "vault", PASSWORD="hunter22")
    source: dict[str, Any] = {"from": [{"kind": "Secret", "name": "vault"}]}
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {url: 'postgres://u:${PASSWORD}@db'}\n"
    world.await_synced("shop", deployed(world, secret, **source))
    live = world.live("db", "Secret")
    assert live is not None
    assert live["data"] == {"url": "cG9zdGdyZXM6Ly91Omh1bnRlcjIyQGRi"}

    world.commit({"shop/one.yaml": secret.replace("Secret", "ConfigMap").replace("stringData", "data")})

    message = world.await_reason("shop", "SecretExposed")
    assert "would hold ${PASSWORD} of the Secret vault" in message
    assert "hunter22" not in str(world.application("shop"))
    assert world.live("db") is None
