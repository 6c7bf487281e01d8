from __future__ import annotations

import pytest

from gitops_agent.api.problems import SpecInvalid
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.preview.rollout_projection import rest
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Stage, Version
from gitops_agent.rollout.version_hash import version_hash
from gitops_agent.sync.desired import Desired, build
from tests.cli.policies import START, at, policy, spec

WEB, SERVICE = ObjectKey("apps", "Deployment", "shop", "web"), ObjectKey("", "Service", "shop", "web")
SETTINGS = ObjectKey("", "ConfigMap", "shop", "settings")
POLICY = ObjectKey("gitops-agent.dev", "RolloutPolicy", "shop", "web")
COMMIT = "d" * 40
NOBODY: frozenset[ObjectKey] = frozenset()


def deployment(image: str = "web:1") -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec_ = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec_}


def declared(image: str = "web:1", *, rollouts: bool = True, **wanted: object) -> Desired:
    """What a commit with these files declares."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    attached = {**policy(None), "metadata": {"name": "web", "namespace": "shop"}, "spec": spec() | wanted}
    attached.pop("status")
    objects = [deployment(image), service, *([attached] if rollouts else [])]
    return build(
        [Manifest.of(obj, file=f"{number}.yaml") for number, obj in enumerate(objects)],
        application=AppKey("gitops-system", "shop"),
        revision=Revision(repository="r", ref="main", commit=COMMIT),
        namespace="shop",
        scope=lambda _: True,
    )


def version(image: str, commit: str = "e" * 40) -> Version:
    return Version(commit=commit, hash=version_hash(deployment(image), {}))


def live(state: RolloutState) -> dict[ObjectKey, Object]:
    """The live policy, its workload and a canary that it made."""
    web = deployment("web:1")
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    made = {"kind": "Deployment", "metadata": {"name": "web-c", "annotations": {"gitops-agent.dev/rollout": "web"}}}
    return {POLICY: policy(state), WEB: web, SETTINGS: {}, ObjectKey("apps", "Deployment", "shop", "web-c"): made}


def found(desired: Desired, key: ObjectKey) -> Object:
    return next(manifest.obj for manifest in desired.manifests if manifest.key == key)


def test_without_rollouts_a_commit_means_what_it_declares() -> None:
    plain = declared(rollouts=False)

    assert rest(plain, {}, NOBODY).desired == plain


def test_a_policy_that_names_nothing_is_said_with_what_it_holds() -> None:
    projection = rest(declared("web:2", targetRef={"name": "wbe"}), {}, NOBODY)

    (note,) = projection.notes
    assert "did you mean Deployment web?" in note
    assert projection.aside(WEB) == "a new version is held while RolloutPolicy shop/web names no workload"


def test_what_refuses_the_next_rollout_is_said_before_it_is_pushed() -> None:
    (note,) = rest(declared(service="weeb"), {}, NOBODY).notes

    assert "no rollout can begin: Service:shop/weeb is not declared by this application; did you mean Service web?" in note


def test_what_rollouts_write_on_a_workload_and_its_service_is_no_difference() -> None:
    stable = version("web:1")
    rested = rest(declared(), live(at(Phase.IDLE, stable=stable)), NOBODY)
    web = found(rested.desired, WEB)

    assert web["metadata"]["annotations"][canary_objects.COMMIT] == stable.commit
    assert web["spec"]["template"]["metadata"]["labels"][canary_objects.VARIANT] == "primary"
    assert found(rested.desired, SERVICE)["spec"]["selector"][canary_objects.VARIANT] == "primary"
    assert (rested.aside(WEB), rested.notes) == ("", ())
    assert rested.desired.content == declared().content, "the plan's hash is that of what Git declares"


def test_objects_of_a_run_under_way_are_kept_and_what_waits_for_it_says_so() -> None:
    state = at(Phase.STEP, Stage.HOLD, step=1, stable=version("web:1"), target=version("web:2"))
    rested = rest(declared("web:2"), live(state), NOBODY)

    assert ObjectKey("apps", "Deployment", "shop", "web-c") in rested.desired.kept
    assert rested.aside(WEB) == "waits for the rollout of shop/web"
    assert rested.aside(SETTINGS) == rested.aside(SERVICE) == "waits for the rollout of shop/web"
    assert rested.aside(ObjectKey("", "ConfigMap", "shop", "other")) == "", "what belongs to no rollout follows Git"
    assert rested.aside(POLICY) == "", "a policy is followed at once"
    assert rested.notes[0].startswith("rollout shop/web: ")


def test_what_is_left_of_a_run_that_is_over_is_a_difference() -> None:
    rested = rest(declared(), live(at(Phase.IDLE, stable=version("web:1"))), NOBODY)

    assert rested.desired.kept == frozenset()


def test_another_version_says_that_it_comes_by_a_rollout() -> None:
    rested = rest(declared("web:2"), live(at(Phase.IDLE, stable=version("web:1"))), NOBODY)

    assert rested.aside(WEB) == "by a rollout of shop/web"
    assert found(rested.desired, WEB)["metadata"]["annotations"][canary_objects.COMMIT] == COMMIT


def test_a_version_that_was_rolled_back_says_that_it_is_not_tried_again() -> None:
    bad = version("web:2")
    state = at(
        Phase.HELD,
        stable=version("web:1"),
        target=bad,
        rejected=(Rejected(hash=bad.hash, commit=bad.commit, reason="slow", at=START),),
    )
    rested = rest(declared("web:2"), live(state), NOBODY)

    assert rested.aside(WEB) == f"{bad.hash} was rolled back and is not tried again: `gitops-agent rollout retry shop/web`"
    assert rested.aside(SERVICE) == "held back, since a rollout of shop/web was rolled back"


def test_a_rolling_update_lays_nothing_over_the_pods() -> None:
    rested = rest(declared(strategy={"rolling": {}}), {}, NOBODY)

    assert canary_objects.VARIANT not in found(rested.desired, WEB)["spec"]["template"]["metadata"]["labels"]


def test_the_replicas_of_a_workload_that_is_scaled_are_no_difference() -> None:
    rested = rest(declared(), {}, frozenset({WEB}))

    assert "replicas" not in found(rested.desired, WEB)["spec"]


def test_a_policy_that_is_wrong_names_itself_and_the_field() -> None:
    with pytest.raises(SpecInvalid, match=r"RolloutPolicy:shop/web spec\.drain"):
        rest(declared(drain="soon"), {}, NOBODY)
