"""What is deleted and, above all, what is not."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPLICATION, ID
from gitops_agent.manifest.yaml import dump_all
from tests.acceptance.objects import config_map, config_maps, crd, files, namespace, widget
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


def test_two_objects_of_one_identity_in_one_render_are_refused_naming_both_places(team: Tenant) -> None:
    first = team.commit(files(config_map("a"), config_map("b")))
    team.declare()
    team.settled(first)

    team.commit({"again.yaml": files(config_map("b", key="other"))["configmap-b.yaml"], "configmap-a.yaml": None})

    message = team.says("DuplicateObject", "again.yaml")
    assert "configmap-b.yaml" in message
    assert team.configs() == {"a", "b"}
    assert (team.config("b") or {})["data"] == {"key": "value"}


def test_an_object_of_another_application_is_left_out_and_stays_with_its_owner(team: Tenant) -> None:
    commit = team.commit({f"one/{name}": text for name, text in files(config_map("a")).items()})
    team.declare("one", source={"path": "one"})
    team.settled(commit, "one")
    uid = (team.config("a") or {})["metadata"]["uid"]

    team.commit({f"two/{n}": text for n, text in files(config_map("a", key="stolen"), config_map("mine")).items()})
    team.declare("two", source={"path": "two"})

    message = team.says("OwnedByAnother", short="two")
    assert team.name("one") in message
    live = team.config("a") or {}
    assert (live["metadata"]["uid"], live["data"]) == (uid, {"key": "value"})
    team.until(lambda: team.config("mine") is not None, "the other object of the commit is applied")


def test_a_mass_deletion_is_held_until_its_plan_is_approved(team: Tenant) -> None:
    first = team.commit(files(config_map("stays"), *config_maps(7)))
    team.declare()
    team.settled(first)

    second = team.replace(files(config_map("stays")))
    plan, message = team.held("7 objects")
    assert "item-0" in message
    assert len(team.configs()) == 8

    team.approve(plan[:12])
    team.settled(second)
    assert team.configs() == {"stays"}


def test_an_approval_is_void_once_the_plan_changes(team: Tenant) -> None:
    first = team.commit(files(config_map("stays"), *config_maps(8)))
    team.declare()
    team.settled(first)
    team.replace(files(config_map("stays"), config_map("item-0")))
    plan, _ = team.held("7 objects")

    team.replace(files(config_map("stays")))
    team.held("8 objects")
    team.approve(plan)
    team.looked()

    assert len(team.configs()) == 9
    assert team.condition()["reason"] == "HeldForApproval"


def test_an_empty_render_is_held(team: Tenant) -> None:
    first = team.commit(files(config_map("one")))
    team.declare()
    team.settled(first)

    team.replace({"kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"})

    plan, message = team.held()
    assert "declares nothing" in message
    assert team.configs() == {"one"}
    assert plan


def test_a_few_deletions_within_the_budget_need_no_approval(team: Tenant) -> None:
    first = team.commit(files(*config_maps(4)))
    team.declare()
    team.settled(first)

    second = team.replace(files(*config_maps(2)))

    team.settled(second)
    assert team.configs() == {"item-0", "item-1"}


def test_a_namespace_with_undeclared_objects_is_held_with_their_number(team: Tenant) -> None:
    inner = f"{team.namespace}-inner"
    first = team.commit(files(namespace(inner), config_map("stays")))
    team.declare()
    team.settled(first)
    for number in range(3):
        team.apply(config_map(f"foreign-{number}"), namespace=inner)

    team.replace(files(config_map("stays")))

    _, message = team.held("Namespace")
    assert "foreign" in message
    assert "3 " in message
    live = team.get("Namespace", inner, namespace="") or {}
    assert "deletionTimestamp" not in live["metadata"]
    assert team.config("foreign-2", namespace=inner) is not None
    team.delete("Namespace", inner, namespace="")


def test_a_namespace_that_still_holds_declared_objects_stays(team: Tenant) -> None:
    inner = f"{team.namespace}-inner"
    content = config_map("inside", namespace=inner)
    first = team.commit(files(namespace(inner), content))
    team.declare()
    team.settled(first)
    uid = (team.get("Namespace", inner, namespace="") or {})["metadata"]["uid"]

    second = team.replace(files(content))

    team.settled(second)
    live = team.get("Namespace", inner, namespace="") or {}
    assert live["metadata"]["uid"] == uid
    assert "deletionTimestamp" not in live["metadata"]
    assert team.config("inside", namespace=inner) is not None
    team.delete("Namespace", inner, namespace="")


def test_the_agent_never_prunes_its_own_namespace(team: Tenant) -> None:
    home = team.installed.namespace
    first = team.commit(files(namespace(home), config_map("stays")))
    team.declare(sync={"deletionGuard": {"protectedKinds": [], "maxObjects": 100}})
    team.settled(first)

    second = team.replace(files(config_map("stays")))

    team.settled(second)
    assert "deletionTimestamp" not in (team.get("Namespace", home, namespace="") or {})["metadata"]


def test_a_crd_with_custom_resources_is_held_with_their_number(team: Tenant) -> None:
    group = f"{team.namespace}.example.com"
    first = team.commit(files(crd(group), config_map("stays")))
    team.declare()
    team.settled(first)
    for number in range(4):
        team.apply(widget(group, f"w-{number}"))

    team.replace(files(config_map("stays")))

    _, message = team.held("CustomResourceDefinition")
    assert "4 " in message
    definition = team.get("CustomResourceDefinition", f"widgets.{group}", namespace="", api="apiextensions.k8s.io/v1") or {}
    assert "deletionTimestamp" not in definition["metadata"]
    team.delete("CustomResourceDefinition", f"widgets.{group}", namespace="", api="apiextensions.k8s.io/v1")


def test_a_crd_that_went_by_itself_does_not_keep_the_rest_from_being_pruned(team: Tenant) -> None:
    group = f"{team.namespace}.example.com"
    first = team.commit(files(crd(group), widget(group, "w"), config_map("stays"), config_map("goes")))
    team.declare()
    team.settled(first)

    team.patch({"spec": {"suspend": {"reason": "the CRD is taken away by hand"}}})
    team.says("Suspended")
    team.delete("CustomResourceDefinition", f"widgets.{group}", namespace="", api="apiextensions.k8s.io/v1")
    team.until(lambda: team.get("Widget", "w", api=f"{group}/v1") is None, "the CRD is gone with what it defined")
    commit = team.replace(files(config_map("stays")))
    team.until(lambda: team.application()["status"]["source"]["revision"] == commit, "the commit is seen")
    team.until(lambda: team.application()["status"]["resources"]["total"] == 1, "it is rendered, so nothing else is repaired")
    team.patch({"spec": {"suspend": None}})

    team.until(lambda: team.configs() == {"stays"}, "the rest is pruned")
    team.says("Synced")


def test_a_copied_label_never_leads_to_a_deletion(team: Tenant) -> None:
    first = team.commit(files(config_map("original"), config_map("second")))
    team.declare()
    team.settled(first)
    marks = (team.config("original") or {})["metadata"]
    copied = config_map("copy")
    copied["metadata"] |= {
        "labels": {APPLICATION: marks["labels"][APPLICATION]},
        "annotations": {ID: marks["annotations"][ID]},
    }
    uid = team.apply(copied)["metadata"]["uid"]

    second = team.replace(files(config_map("second")))
    team.settled(second)
    team.looked()

    assert team.configs() == {"second", "copy"}
    assert (team.config("copy") or {})["metadata"]["uid"] == uid


def test_an_object_whose_mark_was_damaged_before_git_dropped_it_stays_and_is_named(team: Tenant) -> None:
    first = team.commit(files(config_map("torn"), config_map("stays")))
    team.declare()
    team.settled(first)
    uid = (team.config("torn") or {})["metadata"]["uid"]
    team.patch({"spec": {"suspend": {"reason": "drift is not repaired meanwhile"}}})
    team.says("Suspended")
    team.edit("ConfigMap", "torn", {"metadata": {"annotations": {ID: "damaged"}}})
    second = team.replace(files(config_map("stays")))
    team.until(lambda: team.application()["status"]["source"]["revision"] == second, "the commit is seen")

    team.patch({"spec": {"suspend": None}})
    team.settled(second)
    team.says("Synced", "1 left behind")

    status = team.application()["status"]
    problem = next(entry for entry in status["resources"]["problems"] if entry["reason"] == "MarkBroken")
    assert problem["object"] == f"ConfigMap:{team.namespace}/torn"
    assert f"ConfigMap:{team.namespace}/torn" in " ".join(status["warnings"])
    assert (team.config("torn") or {})["metadata"]["uid"] == uid

    team.edit("ConfigMap", "torn", {"metadata": {"labels": {APPLICATION: None}}})
    team.until(lambda: not team.application()["status"].get("warnings"), "an object without the label is nobody's")
    assert team.configs() == {"torn", "stays"}


def test_a_deleted_application_deletes_its_objects_and_no_others(team: Tenant) -> None:
    first = team.commit(files(*config_maps(3)))
    team.declare()
    team.settled(first)
    uid = team.foreign()

    team.remove()

    team.until(lambda: team.configs() == {"foreign"}, "the objects are gone")
    team.until(lambda: not _exists(team), "the Application is gone")
    assert (team.config("foreign") or {})["metadata"]["uid"] == uid


def test_the_deletion_of_a_large_application_is_held_and_approved(team: Tenant) -> None:
    first = team.commit(files(*config_maps(8)))
    team.declare()
    team.settled(first)

    team.remove()
    plan, _ = team.held("8 objects")
    assert len(team.configs()) == 8

    team.approve(plan)
    team.until(lambda: not _exists(team), "the Application is gone")
    assert team.configs() == set()


def test_an_orphaning_application_leaves_everything(team: Tenant) -> None:
    first = team.commit(files(*config_maps(3)))
    team.declare(deletionPolicy="orphan")
    team.settled(first)

    team.remove()

    team.until(lambda: not _exists(team), "the Application is gone")
    assert len(team.configs()) == 3


def test_an_object_that_asks_to_be_kept_is_kept(team: Tenant) -> None:
    keep = {"gitops-agent.dev/prune": "disabled"}
    first = team.commit(files(config_map("kept", annotations=keep), config_map("stays")))
    team.declare()
    team.settled(first)

    second = team.replace(files(config_map("stays")))

    team.settled(second)
    assert team.configs() == {"kept", "stays"}


def test_a_move_between_applications_is_a_handover_of_the_same_object(team: Tenant) -> None:
    first = team.commit(
        {
            "one/moving.yaml": files(config_map("moving"))["configmap-moving.yaml"],
            "one/first.yaml": files(config_map("first"))["configmap-first.yaml"],
            "two/second.yaml": files(config_map("second"))["configmap-second.yaml"],
        }
    )
    team.declare("one", source={"path": "one"})
    team.declare("two", source={"path": "two"})
    team.settled(first, "one")
    team.settled(first, "two")
    uid = (team.config("moving") or {})["metadata"]["uid"]

    team.repository.commit({"two/moving.yaml": files(config_map("moving"))["configmap-moving.yaml"], "one/moving.yaml": None})
    team.ask()

    def moved() -> bool:
        labels = (team.config("moving") or {"metadata": {}})["metadata"].get("labels") or {}
        return labels.get(APPLICATION) == f"{team.installed.namespace}_{team.name('two')}"

    team.until(moved, "the object belongs to the other application")
    team.says("Synced", short="one")
    team.says("Synced", short="two")
    assert (team.config("moving") or {})["metadata"]["uid"] == uid


def test_a_renamed_application_keeps_its_objects(team: Tenant) -> None:
    first = team.commit(files(config_map("a"), config_map("b")))
    team.declare("before")
    team.settled(first, "before")
    uid = (team.config("a") or {})["metadata"]["uid"]

    team.declare("after")
    team.says("OwnedByAnother", short="after")
    team.remove("before")

    team.settled(first, "after")
    assert team.configs() == {"a", "b"}
    assert (team.config("a") or {})["metadata"]["uid"] == uid


def test_a_parent_that_drops_an_application_is_held_with_everything_under_it(team: Tenant) -> None:
    child = team.name("child")
    spec = {
        "source": {"repoURL": team.repository.url, "ref": {"branch": "main"}, "path": "child"},
        "destination": {"namespace": team.namespace},
    }
    application: Object = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": child, "namespace": team.installed.namespace},
        "spec": spec,
    }
    parts = {"parent/child.yaml": dump_all([application]), "parent/stays.yaml": dump_all([config_map("stays")])}
    parts |= {f"child/{name}": text for name, text in files(*config_maps(8)).items()}
    first = team.commit(parts)
    team.declare("parent", source={"path": "parent"})
    team.settled(first, "parent")
    team.settled(first, "child")

    team.commit({"parent/child.yaml": None})
    plan, message = team.held("9 objects", short="parent")
    assert child in message
    assert len(team.configs()) == 9

    team.approve(plan, "parent")  # which names the objects of the child, and so covers its deletion
    # The garbage collector may take half a minute to notice a kind that has just been defined.
    team.until(lambda: team.configs() == {"stays"}, "the objects of the child are gone")


def _exists(team: Tenant) -> bool:
    name = team.name("app")
    items = team.plane.request("GET", team.installed.path("applications"))["items"]
    return any(item["metadata"]["name"] == name for item in items)
