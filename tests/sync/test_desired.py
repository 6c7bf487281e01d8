from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from dataclasses import replace

import pytest

from gitops_agent.api.render_options import HelmHooks
from gitops_agent.api.sync_options import IgnoreFields
from gitops_agent.errors import RenderError
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.sync.desired import marked
from tests.sync.samples import APP, REVISION, crd, key, live, thing, wanted, workload


def bare(kind: str, name: str) -> dict[str, object]:
    obj = thing(kind, name)
    obj["metadata"].pop("namespace", None)
    return obj


def test_objects_that_name_no_namespace_land_in_the_applications() -> None:
    assert wanted(bare("ConfigMap", "web"), namespace="front").manifests[0].key == key("ConfigMap", "web", "front")


def test_objects_that_name_a_namespace_stay_there() -> None:
    assert wanted(thing("ConfigMap", "web", namespace="bank")).manifests[0].key.namespace == "bank"


def test_cluster_scoped_objects_lose_a_namespace() -> None:
    obj = thing("ClusterRole", "reader")
    obj["metadata"]["namespace"] = "shop"
    manifest = wanted(obj).manifests[0]
    assert manifest.key == key("ClusterRole", "reader")
    assert "namespace" not in manifest.obj["metadata"]


def test_the_renders_own_crds_tell_the_scope_first() -> None:
    desired = wanted(crd(namespaced=False), thing("Widget", "one"), scope=lambda _: True)
    assert ObjectKey("example.com", "Widget", "", "one") in {manifest.key for manifest in desired.manifests}
    assert desired.unscoped == frozenset()


def test_kinds_the_cluster_does_not_know_are_remembered_as_guessed() -> None:
    desired = wanted(bare("Widget", "one"))
    assert desired.manifests[0].key.namespace == "shop"
    assert desired.unscoped == {GroupKind("example.com", "Widget")}


def test_what_only_the_server_writes_is_left_out() -> None:
    obj = thing("ConfigMap", "web", data={"a": "1"})
    exported = deepcopy(obj)
    exported["metadata"] |= {
        "uid": "1",
        "resourceVersion": "2",
        "creationTimestamp": None,
        "managedFields": [],
        "generation": 1,
    }
    exported["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    exported["status"] = {"phase": "Active"}
    assert wanted(exported).manifests[0].obj == obj


def test_marks_that_were_exported_with_an_object_do_not_change_its_digest() -> None:
    plain = wanted(thing("ConfigMap", "web", annotations={"team": "shop"})).manifests[0]
    exported = marked(plain, application=APP, revision=REVISION)
    assert wanted(exported).manifests[0].digest == plain.digest


def test_string_data_becomes_data_and_wins() -> None:
    secret = thing("Secret", "key", stringData={"a": "new", "b": "x"}, data={"a": "b2xk", "c": "eA=="})
    obj = wanted(secret).manifests[0].obj
    assert obj["data"] == {"a": b64encode(b"new").decode(), "b": b64encode(b"x").decode(), "c": "eA=="}
    assert "stringData" not in obj


@pytest.mark.parametrize(("plain", "data"), [(None, None), ({}, None), (None, {}), ({"a": None}, None)])
def test_string_data_without_a_text_is_empty(plain: object, data: object) -> None:
    obj = wanted(thing("Secret", "key", stringData=plain, data=data)).manifests[0].obj

    assert obj.get("data", {}) == ({"a": ""} if plain else {})
    assert "stringData" not in obj


def test_a_secret_value_that_is_no_text_is_a_problem_that_does_not_show_it() -> None:
    with pytest.raises(RenderError, match="stringData: the value of pin is not text") as caught:
        wanted(thing("Secret", "key", stringData={"pin": 4711}))
    assert "4711" not in str(caught.value)


def test_data_that_is_no_base64_is_reported_by_its_key_and_not_shown() -> None:
    with pytest.raises(RenderError, match=r"Secret:shop/key in all\.yaml .* the value of pin is not base64") as caught:
        wanted(thing("Secret", "key", data={"pin": "hunter2!", "fine": "eA==", "wrapped": "aGVs\nbG8=\n", "empty": ""}))
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_encrypted_is_reported_as_such() -> None:
    with pytest.raises(RenderError, match="is encrypted with SOPS"):
        wanted(thing("Secret", "key", data={"pin": "ENC[AES256_GCM,data:x]"}, sops={"version": "3.8.1"}))


def test_the_rules_of_an_aggregated_role_belong_to_the_controller_that_gathers_them() -> None:
    rule = {"clusterRoleSelectors": [{"matchLabels": {"part": "true"}}]}
    gathered = wanted(thing("ClusterRole", "all", aggregationRule=rule, rules=[])).manifests[0]
    plain = wanted(thing("ClusterRole", "some", rules=[{"verbs": ["get"]}])).manifests[0]
    assert "rules" not in gathered.obj
    assert plain.obj["rules"] == [{"verbs": ["get"]}]


def test_replicas_are_left_out_where_a_declared_autoscaler_decides() -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = thing("HorizontalPodAutoscaler", "web", spec={"scaleTargetRef": reference})
    by_key = {
        manifest.key: manifest
        for manifest in wanted(workload("Deployment", "web"), workload("Deployment", "db"), scaler).manifests
    }
    assert "replicas" not in by_key[key("Deployment", "web")].obj["spec"]
    assert by_key[key("Deployment", "db")].obj["spec"]["replicas"] == 2


def test_replicas_are_left_out_where_a_live_autoscaler_decides() -> None:
    desired = wanted(workload("Deployment", "web"), autoscaled=frozenset({key("Deployment", "web")}))
    assert "replicas" not in desired.manifests[0].obj["spec"]


def test_ignored_fields_are_not_sent() -> None:
    ignored = (IgnoreFields(kind="Deployment", paths=("/spec/replicas",)),)
    assert "replicas" not in wanted(workload("Deployment", "web"), ignore_fields=ignored).manifests[0].obj["spec"]


def test_hooks_are_no_part_of_what_is_compared() -> None:
    desired = wanted(thing("Job", "migrate", annotations={"argocd.argoproj.io/hook": "PreSync"}), thing("ConfigMap", "web"))
    assert [manifest.key.name for manifest in desired.manifests] == ["web"]
    assert [hook.key.name for hook in desired.hooks] == ["migrate"]
    assert desired.skipped == ()
    assert desired.claimed.keys() == {key("Job", "migrate"), key("ConfigMap", "web")}
    assert desired.kinds == {key("Job", "migrate").group_kind, key("ConfigMap", "web").group_kind}


def test_a_hook_has_the_wave_of_any_spelling_and_may_ask_to_be_kept() -> None:
    marks = {"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-5", "helm.sh/resource-policy": "keep"}
    waved = {**marks, "argocd.argoproj.io/sync-wave": "3"}
    assert [(hook.weight, hook.keep) for hook in wanted(thing("Job", "a", annotations=marks)).hooks] == [(-5, True)]
    assert [hook.weight for hook in wanted(thing("Job", "a", annotations=waved)).hooks] == [3]


def test_hooks_that_are_not_run_are_skipped_and_said_to_be() -> None:
    test = thing("Pod", "smoke", annotations={"helm.sh/hook": "test"})
    desired = wanted(test, thing("Job", "migrate", annotations={"helm.sh/hook": "pre-install"}), helm_hooks=HelmHooks.NONE)
    assert desired.hooks == ()
    assert [(entry.manifest.key.name, entry.message) for entry in desired.skipped] == [
        ("smoke", "helm.sh/hook: test is not run: spec.render.helm.hooks is none"),
        ("migrate", "helm.sh/hook: pre-install is not run: spec.render.helm.hooks is none"),
    ]


def test_a_hook_that_is_not_understood_is_a_problem_with_its_place() -> None:
    with pytest.raises(RenderError, match=r"batch/Job:shop/a in all\.yaml \(document 1\): annotation helm\.sh/hook-weight"):
        wanted(thing("Job", "a", annotations={"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "x"}))


def test_what_is_left_out_is_reported_with_its_file() -> None:
    desired = wanted(thing("Job", "migrate", annotations={"argocd.argoproj.io/hook": "Skip"}))
    text = "batch/Job:shop/migrate in all.yaml: argocd.argoproj.io/hook: Skip is not run: it asks to be skipped"
    assert desired.told == (text,)


def test_objects_that_ask_to_be_ignored_are_skipped() -> None:
    desired = wanted(thing("ConfigMap", "web", annotations={"gitops-agent.dev/apply": "ignore"}))
    assert [skipped.reason for skipped in desired.skipped] == ["Ignored"]


def test_an_object_declared_twice_is_refused_naming_both_places() -> None:
    with pytest.raises(RenderError) as caught:
        wanted(thing("ConfigMap", "web"), thing("ConfigMap", "db"), thing("ConfigMap", "web", data={"a": "1"}))
    assert caught.value.reason == "DuplicateObject"
    assert "ConfigMap:shop/web is declared in all.yaml (document 1) and again in all.yaml (document 3)" in str(caught.value)


def test_an_object_is_also_declared_twice_when_only_the_default_namespace_makes_it_so() -> None:
    with pytest.raises(RenderError, match="is declared in"):
        wanted(bare("ConfigMap", "web"), thing("ConfigMap", "web", namespace="shop"))


def test_all_problems_are_reported_at_once_with_file_object_and_annotation() -> None:
    with pytest.raises(RenderError) as caught:
        wanted(
            thing("ConfigMap", "web", annotations={"gitops-agent.dev/wave": "first"}),
            thing("ConfigMap", "db", annotations={"gitops-agent.dev/hook": "sometime"}),
        )
    assert caught.value.reason == "InvalidManifest"
    first, second = caught.value.facts["problems"]
    assert (
        first == "ConfigMap:shop/web in all.yaml (document 1): annotation gitops-agent.dev/wave: 'first' is not a whole number"
    )
    assert second.startswith("ConfigMap:shop/db in all.yaml (document 2): annotation gitops-agent.dev/hook: 'sometime'")


def test_the_namespace_is_declared_on_request_created_only_and_kept() -> None:
    desired = wanted(thing("ConfigMap", "web"), create_namespace=True)
    namespace = next(manifest for manifest in desired.manifests if manifest.key.kind == "Namespace")
    assert namespace.key.name == "shop"
    assert marks.annotation(namespace.obj, marks.APPLY) == "create-only"
    assert marks.annotation(namespace.obj, marks.PRUNE) == "disabled"


def test_a_namespace_that_is_declared_is_not_declared_again() -> None:
    assert len(wanted(thing("Namespace", "shop"), create_namespace=True).manifests) == 1


def test_an_empty_render_stays_empty_even_when_a_namespace_is_requested() -> None:
    assert wanted(create_namespace=True).manifests == ()


def test_what_is_created_only_may_be_shared_between_applications() -> None:
    desired = wanted(thing("ConfigMap", "web"), create_namespace=True)
    assert desired.claimed == {key("ConfigMap", "web"): "all.yaml (document 1)"}


def test_depending_on_what_is_not_declared_is_a_warning() -> None:
    desired = wanted(thing("ConfigMap", "web", annotations={"gitops-agent.dev/depends-on": "apps/Deployment:shop/db"}))
    assert desired.warnings == (
        "ConfigMap:shop/web depends on apps/Deployment:shop/db, which this application does not declare: it is not waited for",
    )


def test_the_order_of_manifests_does_not_matter() -> None:
    objects = [thing("ConfigMap", name) for name in "abc"]
    first, second = wanted(*objects), wanted(*reversed(objects))
    assert [(manifest.key, manifest.digest) for manifest in first.manifests] == [
        (manifest.key, manifest.digest) for manifest in second.manifests
    ]


def test_a_new_object_is_marked_with_the_commit() -> None:
    manifest = wanted(thing("ConfigMap", "web")).manifests[0]
    sent = marked(manifest, application=APP, revision=REVISION)
    assert marks.owner(sent) == APP
    assert marks.annotation(sent, marks.REVISION) == REVISION.commit
    assert marks.annotation(sent, marks.DIGEST) == manifest.digest


def test_an_object_whose_content_did_not_change_keeps_the_commit_that_did() -> None:
    obj = thing("ConfigMap", "web")
    sent = marked(wanted(obj).manifests[0], application=APP, revision=REVISION, live=live(obj, revision="a" * 40))
    assert marks.annotation(sent, marks.REVISION) == "a" * 40


def test_an_object_whose_content_changed_gets_the_new_commit() -> None:
    manifest = wanted(thing("ConfigMap", "web", data={"a": "1"})).manifests[0]
    sent = marked(manifest, application=APP, revision=REVISION, live=live(thing("ConfigMap", "web"), revision="a" * 40))
    assert marks.annotation(sent, marks.REVISION) == REVISION.commit


def test_an_object_of_another_commit_is_marked_with_that_one() -> None:
    manifest = replace(wanted(thing("ConfigMap", "web")).manifests[0], commit="b" * 40)
    sent = marked(manifest, application=APP, revision=REVISION)

    assert sent["metadata"]["annotations"]["gitops-agent.dev/revision"] == "b" * 40


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_secret_whose_content_is_no_map_is_refused(field: str) -> None:
    secret = {**thing("Secret", "login"), "stringData": {"a": "1"}, field: ["a"]}

    with pytest.raises(RenderError, match="data and stringData must be maps"):
        wanted(secret)
