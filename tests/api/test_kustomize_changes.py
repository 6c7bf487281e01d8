from __future__ import annotations

import pytest
from pydantic import ValidationError

from gitops_agent.api.kustomize_changes import Patch


def test_a_patch_is_in_one_place() -> None:
    assert Patch(path="patch.yaml").patch is None
    with pytest.raises(ValidationError, match="exactly one of patch and path"):
        Patch()
