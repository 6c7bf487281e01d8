"""The texts of the dashboard keep what a held plan would delete."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import yaml

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.yaml import dump, dump_all
from gitops_agent.render.request import Format
from gitops_agent.server.answers.call import Call, Service
from gitops_agent.server.answers.changes import plan as plan_of
from gitops_agent.server.answers.keep_changes import MOST_PATCHES, keep_changes
from gitops_agent.server.plan_cache import PlanCache
from gitops_agent.server.rights import Rights
from gitops_agent.server.rows import Rows
from gitops_agent.server.source import ClusterSource
from gitops_agent.server.viewer import Viewer
from gitops_agent.sync.planning.plan import Plan
from tests.cli.cluster_env import ClusterEnv, configmap, healthy
from tests.sync.planning.test_plan import OLD, planned
from tests.sync.samples import crd, live, thing

APPLIED = "a" * 40


def shop(path: str = "apps/shop", **spec: Any) -> Application:
    return parse(
        {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Application",
            "metadata": {"namespace": "gitops-system", "name": "shop", "uid": "1", "generation": 1, "resourceVersion": "1"},
            "spec": {
                "source": {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}, "path": path},
                "destination": {"namespace": "shop"},
                **spec,
            },
            "status": {"sync": {"revision": APPLIED}},
        }
    )


def held(*names: str) -> Plan:
    removed = [live(thing("ConfigMap", name)) for name in names]
    plan = planned(thing("ConfigMap", "web"), there=[live(crd()), *removed, *OLD])
    assert plan.verdict.held
    return plan


def ways(plan: Plan, form: Format, application: Application | None = None) -> dict[str, str]:
    return {each.way: each.text for each in keep_changes(application or shop(), plan, form)}


def test_a_plan_that_waits_for_nothing_needs_no_way_to_keep_what_goes() -> None:
    assert keep_changes(shop(), planned(there=[]), Format.PLAIN) == ()
    assert keep_changes(shop(), planned(thing("ConfigMap", "web"), there=[OLD[0]]), Format.PLAIN) == ()


def test_an_application_that_is_being_deleted_cannot_be_kept_by_git() -> None:
    assert keep_changes(replace(shop(), deleting=True), held(), Format.PLAIN) == ()


def test_plain_files_get_lines_that_are_no_object_of_their_own() -> None:
    text = ways(held(), Format.PLAIN)["annotation"]

    assert yaml.safe_load(text) == {"metadata": {"annotations": {"gitops-agent.dev/prune": "disabled"}}}
    assert "# ConfigMap:shop/old3\n" in text.replace("v1/", "")


def test_the_path_of_the_commands_is_one_word_for_a_shell() -> None:
    command = ways(held(), Format.PLAIN, shop(path="apps/a; rm -rf $HOME"))["restore"].splitlines()[0]

    words = ["git", "restore", f"--source={APPLIED}", "--staged", "--worktree", "--", "apps/a; rm -rf $HOME"]
    assert shlex.split(command) == words


@pytest.mark.parametrize("form", [Format.KUSTOMIZE, Format.HELM])
def test_the_fields_are_those_of_an_application(form: Format) -> None:
    texts = ways(held(), form)
    specs = [yaml.safe_load(texts[way])["spec"] for way in ("patch", "prune")]

    assert [shop(**spec).spec.sync.prune for spec in specs] == [True, False]


def test_many_objects_are_kept_together_and_not_one_by_one() -> None:
    many = held(*(f"more{number}" for number in range(MOST_PATCHES)))

    assert list(ways(many, Format.KUSTOMIZE)) == ["restore", "prune"]


def test_without_an_earlier_commit_there_is_nothing_to_bring_back() -> None:
    assert "restore" not in ways(held(), Format.PLAIN, replace(shop(), status={}))


@pytest.mark.cluster
@pytest.mark.slow
def test_each_way_keeps_the_objects(stage: ClusterEnv, access: ClusterClient) -> None:
    def listed(*files: str) -> str:
        return dump({"resources": list(files)})

    url = stage.repository(
        {
            "kustomization.yaml": listed("web.yaml", "kept.yaml"),
            "web.yaml": dump_all([configmap("web", a="1")]),
            "kept.yaml": dump_all([configmap("kept.by-hand", a="1")]),
        }
    )
    first = stage.git("rev-parse", "HEAD")
    guard = {"deletionGuard": {"maxObjects": 0, "maxPercent": 0}}
    source = {"repoURL": url, "ref": {"branch": "main"}, "path": "."}
    stage.application("shop", healthy(first), source=source, sync=guard)
    stage.owned("shop", configmap("web", a="1"))
    stage.owned("shop", configmap("kept.by-hand", a="1"))

    def remove() -> None:
        stage.write({"kustomization.yaml": listed("web.yaml")})
        stage.git("rm", "--quiet", "kept.yaml")
        stage.commit("Clean up")

    def change(spec: dict[str, Any]) -> None:
        stage.plane.request(
            "PATCH", stage.path("applications", "shop"), {"spec": spec}, content_type="application/merge-patch+json"
        )

    def seen() -> Any:
        return answer(stage, access)

    remove()
    waiting = seen()
    texts = {each.way: each.text for each in waiting.keep}
    assert (waiting.verdict.held, list(texts)) == (True, ["restore", "patch", "prune"])

    change(yaml.safe_load(texts["prune"])["spec"])
    assert (seen().counts.delete, seen().verdict.held) == (0, False)
    change({"sync": {"prune": True}})
    assert seen().counts.delete == 1

    for line in texts["restore"].splitlines():
        stage.git(*shlex.split(line)[1:])
    assert (seen().counts.delete, seen().keep) == (0, ())

    change(yaml.safe_load(texts["patch"])["spec"])
    (changed,) = [each for each in seen().objects if each.object.name == "kept.by-hand"]
    assert "'gitops-agent.dev/prune': 'disabled'" in str([row.new for hunk in changed.hunks for row in hunk.rows])
    asked = configmap("kept.by-hand", a="1")
    asked["metadata"]["annotations"] = {"gitops-agent.dev/prune": "disabled"}
    stage.owned("shop", asked)
    remove()
    assert (seen().counts.delete, seen().verdict.held) == (0, False)


def answer(stage: ClusterEnv, access: ClusterClient) -> Any:
    """The plan as the dashboard of the administrator answers it, computed anew."""
    source = ClusterSource(access)
    source.replace("Application", [stage.get("shop")])
    service = Service(
        source=source, rows=Rows(source.application, source.policy), plans=PlanCache(), mode="laptop", cluster="test"
    )
    viewer = Viewer(user="admin", groups=(), mode="token", access=access, digest="admin")
    viewer._rights[stage.namespace] = (
        float("inf"),
        Rights(namespace=stage.namespace, allowed=frozenset({("list", "applications")})),
    )
    names = {"namespace": stage.namespace, "name": "shop"}
    return plan_of(Call(service=service, viewer=viewer, names=names, query={"object": ""}))
