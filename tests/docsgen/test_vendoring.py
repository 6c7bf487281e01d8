"""Vendored modules are the published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.docsgen.vendoring import LIST, digest, published, vendored

FOLDER = Path(__file__).parents[2] / "gitops_agent/server/web/vendor"
PACKAGES: list[dict[str, Any]] = json.loads((FOLDER / LIST).read_text())
MODULES = [module for package in PACKAGES for module in package["modules"]]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module["file"])
def test_a_module_is_the_published_one_but_for_its_imports(module: dict[str, Any]) -> None:
    text = (FOLDER / module["file"]).read_text()

    assert digest(text) == module["sha256"]["vendored"]
    assert digest(published(text, module["sourceMap"])) == module["sha256"]["published"]


def test_every_file_of_the_folder_is_in_the_list_and_has_a_license() -> None:
    licenses = {package["licenseFile"] for package in PACKAGES}

    assert {path.name for path in FOLDER.iterdir()} == {module["file"] for module in MODULES} | licenses | {LIST}
    assert {package["license"] for package in PACKAGES} == {"MIT", "Apache-2.0"}


def test_imports_by_package_name_become_relative() -> None:
    text = 'import{options as n}from"preact";import{useRef as r}from"preact/hooks";n(r);\n//# sourceMappingURL=x.mjs.map\n'

    assert vendored(text, "x.mjs") == 'import{options as n}from"./preact.js";import{useRef as r}from"./hooks.js";n(r);\n\n'
