"""The report: every set field, and never a value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.report_text import as_json, as_markdown, summary
from gitops_agent.importer.set_fields import set_fields
from gitops_agent.importer.tables.all_tables import BY_KIND
from gitops_agent.manifest.key import Object, ObjectKey
from tests.importer.peers import argo, flux, objects
from tests.importer.test_argo import application
from tests.importer.test_flux_notifications import alerts

SECRET = "hunter2-never-printed"
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "helm", "chart"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted(
    {
        row.theirs.split(".")[1].removesuffix("[]")
        for table in BY_KIND.values()
        for row in table.rows
        if row.theirs[:5] == "spec."
    }
)


def test_values_are_never_printed() -> None:
    helm = {"values": f"password: {SECRET}\n", "parameters": [{"name": "password", "value": SECRET}]}
    result = argo(
        [application(source={"repoURL": "https://x.example.com/a.git", "path": ".", "targetRevision": "main", "helm": helm})]
    )

    assert SECRET in str(result.resources)
    assert SECRET not in as_markdown(result)
    assert SECRET not in str(as_json(result))


def test_the_report_begins_with_what_is_lost() -> None:
    result = flux(
        [
            *alerts(),
            *objects("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: a}\nspec: {interval: 1m}\n"),
        ]
    )

    text = as_markdown(result)

    assert text.index("## Fields without an equivalent") < text.index("## Every field")
    assert "| `image.toolkit.fluxcd.io/ImagePolicy:a` | `spec` | update image tags in Git by a bot |" in text
    assert "| Secret | `flux-system/chat` | `gitops-system/chat` |" in text
    assert summary(result) == "5 objects of Flux read, 2 resources written, 1 field without an equivalent"


def test_scripts_get_every_field_with_its_meaning() -> None:
    report = as_json(argo([application()]))

    (entry,) = report["objects"]
    assert entry["source"] == "argoproj.io/Application:argocd/shop"
    assert entry["resources"] == ["gitops-agent.dev/Application:gitops-system/shop"]
    row = {"field": "spec.source.path", "ours": "spec.source.path", "meaning": "same", "note": ""}
    assert row in entry["fields"]
    assert report["complete"] is True


@given(spec=st.dictionaries(st.sampled_from(NAMES), ANY, max_size=4), kind=st.sampled_from(sorted(BY_KIND)))
def test_whatever_is_set_is_in_the_report(spec: Object, kind: tuple[str, str]) -> None:
    group, name = kind
    obj: Object = {"apiVersion": f"{group}/v1", "kind": name, "metadata": {"name": "x", "namespace": "argocd"}, "spec": spec}
    if name == "Secret":
        return
    result = argo([obj]) if group == "argoproj.io" else flux([obj])
    reports = [report for report in result.reports if report.source == ObjectKey.of(obj)]
    table = BY_KIND[ObjectKey.of(obj).group_kind]

    for path in set_fields(obj):
        row = table.row_of(path)
        named = row.theirs if row else table.canonical(path)
        covered = table.is_inner(path) and row is None
        assert covered or any(field.theirs == named for report in reports for field in report.fields), path
        if row is None and not covered:
            assert any(field.meaning is Meaning.UNKNOWN for report in reports for field in report.fields)
