from __future__ import annotations

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.sync.cluster_pin import refuse_foreign
from tests.agent.samples import application_object


def declared(*pins: str) -> list[Manifest]:
    """An Application for each pin; without one where it is empty."""
    return [
        Manifest.of(
            application_object(f"app-{number}", destination={"clusterUID": pin} if pin else {}),
            file="clusters/a/root.yaml",
            document=number,
        )
        for number, pin in enumerate(pins)
    ]


def test_a_directory_of_another_cluster_is_refused_with_the_file_that_says_so() -> None:
    with pytest.raises(RenderError, match=r"clusters/a/root\.yaml \(document 2\) declares the Application app-1") as refused:
        refuse_foreign(declared("", "a1"), "b2")

    assert refused.value.reason == "WrongCluster"
    assert "for the cluster a1, and this one is b2" in str(refused.value)


def test_a_directory_of_this_cluster_and_one_without_pins_are_taken() -> None:
    refuse_foreign(declared("a1", ""), "a1")
    refuse_foreign(declared("a1"), "")


def test_a_destination_that_is_no_map_names_no_cluster() -> None:
    obj = {**application_object(), "spec": {"destination": ["a1"]}}

    refuse_foreign([Manifest.of(obj)], "b2")
