from __future__ import annotations

import pytest
from pydantic import ValidationError

from gitops_agent.api.render_options import HelmOptions, KustomizeOptions, RenderOptions, Variables


def test_a_directory_is_a_chart_or_a_kustomization() -> None:
    with pytest.raises(ValidationError, match="not of both"):
        RenderOptions(helm=HelmOptions(), kustomize=KustomizeOptions())


def test_the_sources_of_variables_are_spelled_from() -> None:
    variables = Variables.model_validate({"from": [{"kind": "Secret", "name": "vars"}]}, by_name=False)

    assert variables.sources[0].name == "vars"


@pytest.mark.parametrize("version", ["1.37", "v1.37.2", "1.37.0-rc.1", "v1.37.2+k3s1"])
def test_a_kubernetes_version_is_taken(version: str) -> None:
    assert HelmOptions(kube_version=version).kube_version == version
