from __future__ import annotations

import re
from pathlib import Path

from gitops_agent.manifest import kinds
from gitops_agent.manifest.key import GroupKind, ObjectKey

PACKAGE = Path(kinds.__file__).parent.parent
KNOWN = {value for value in vars(kinds).values() if isinstance(value, GroupKind)}


def test_a_kind_names_its_objects() -> None:
    assert kinds.DEPLOYMENT.named("shop", "web") == ObjectKey("apps", "Deployment", "shop", "web")


def test_a_kind_with_a_constant_is_spelled_nowhere_else() -> None:
    literal = re.compile(r'(?:GroupKind|ObjectKey)\("([^"]*)", "([^"]*)"')
    spellings = {
        f"{file.relative_to(PACKAGE)}: {match.group(0)}"
        for file in PACKAGE.rglob("*.py")
        if file != Path(kinds.__file__)
        for match in literal.finditer(file.read_text())
        if GroupKind(*match.groups()) in KNOWN
    }

    assert spellings == set()


def test_our_api_group_is_spelled_once() -> None:
    literal = re.compile(rf'"{re.escape(kinds.GROUP)}')
    files = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if literal.search(file.read_text())}

    assert files == {"manifest/kinds.py"}
