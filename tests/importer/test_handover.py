from __future__ import annotations

from gitops_agent.importer.handover import in_order, parent_of, steps
from tests.importer.peers import argo, conversion, flux, objects
from tests.importer.test_argo import application
from tests.importer.test_flux import RELEASE, REPOSITORY, kustomizations


def test_flux_is_suspended_before_the_agent_acts_and_removed_last() -> None:
    commands = [step.command for step in steps(conversion(flux(kustomizations()), "shop"))]

    target = "kustomizations.kustomize.toolkit.fluxcd.io shop -n flux-system"
    ours = "applications.gitops-agent.dev shop -n gitops-system"
    assert commands == [
        f'kubectl patch {target} --type merge -p \'{{"spec":{{"suspend":true}}}}\'',
        f"kubectl wait {target} --for=jsonpath='{{.spec.suspend}}'=true --timeout=30s",
        f'kubectl patch {ours} --type merge -p \'{{"spec":{{"sync":{{"mode":"auto"}}}}}}\'',
        "gitops-agent wait shop -n gitops-system",
        f'kubectl patch {target} --type merge -p \'{{"metadata":{{"finalizers":null}}}}\'',
        f"test -z \"$(kubectl get {target} -o jsonpath='{{.metadata.finalizers}}')\"",
        f"kubectl delete {target}",
    ]


def test_a_release_that_runs_is_not_installed_again() -> None:
    (release,) = objects(RELEASE)
    new = steps(conversion(flux([release, *objects(REPOSITORY)]), "podinfo"))
    release["status"] = {"history": [{"name": "podinfo", "status": "deployed"}]}
    running = steps(conversion(flux([release, *objects(REPOSITORY)]), "podinfo"))

    assert not any("taken-over" in step.command for step in new)
    (start,) = [step.command for step in running if "taken-over" in step.command]
    assert '{"metadata":{"annotations":{"gitops-agent.dev/taken-over":"true"}},"spec":{"sync":{"mode":"auto"}}}' in start


def test_automated_sync_of_argo_is_turned_off_where_it_is_on() -> None:
    result = argo([application("a", syncPolicy={"automated": {}}), application("b")])

    automatic, manual = steps(conversion(result, "a")), steps(conversion(result, "b"))

    assert '"automated":null' in automatic[0].command
    assert '"mode":"auto"' in automatic[2].command
    assert not any('"automated":null' in step.command for step in manual)
    assert any('"mode":"manual"' in step.command for step in manual)


def test_what_declares_an_object_is_stopped_first() -> None:
    (_, child) = kustomizations(
        **{
            "metadata.labels": {
                "kustomize.toolkit.fluxcd.io/name": "root",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            }
        }
    )
    of_set, of_parent = application(), application()
    of_set["metadata"]["ownerReferences"] = [{"kind": "ApplicationSet", "name": "shops"}]
    of_parent["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/shop"}

    assert "kustomizations.kustomize.toolkit.fluxcd.io root -n flux-system" in parent_of(child)
    assert parent_of(of_set) == "kubectl delete applicationsets.argoproj.io shops -n argocd --cascade=orphan"
    assert "applications.argoproj.io root -n argocd" in parent_of(of_parent)
    assert parent_of(application()) == ""


def test_what_others_wait_for_is_handed_over_first() -> None:
    peers = [application(name) for name in ("a", "b", "c")]
    for obj, wave in zip(peers, ("2", "1", "0"), strict=True):
        obj["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": wave}

    conversions = in_order(argo(peers).conversions)

    assert [entry.source["metadata"]["name"] for entry in conversions] == ["c", "b", "a"]


def test_an_object_that_became_nothing_is_not_handed_over() -> None:
    assert steps(conversion(flux(kustomizations(**{"spec.kubeConfig": {"secretRef": {"name": "x"}}})), "shop")) == ()
