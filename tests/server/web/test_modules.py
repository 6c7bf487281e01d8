"""Modules become few files, and can be joined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.server.web.modules import joined

SOURCES = Path(__file__).parents[3] / "gitops_agent/server/web/page"


def written(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def test_a_module_comes_after_those_it_imports(tmp_path: Path) -> None:
    written(
        tmp_path,
        main='import { double as twice } from "./double.js";\nconsole.log(twice(2));\n',
        double="// Why.\nexport function double(x) {\n  return 2 * x;\n}\n",
    )
    folder = tmp_path.name.replace("-", "_")

    text = joined({"page.js": tmp_path / "main.js"})["page.js"]

    double, main = text.split("export const ")[1:]
    assert double.startswith(f"${folder}_double=(()=>{{\nfunction double(x) {{\nreturn 2 * x;\n}}\nreturn{{double}};")
    assert main.startswith(f"${folder}_main=(()=>{{\nconst {{double:twice}}=${folder}_double;")
    assert "Why." not in text


def test_minified_exports_keep_their_names(tmp_path: Path) -> None:
    written(
        tmp_path,
        main='import name from "./one.js";import{b as c}from"./two.js";name(c);',
        one="export default function(s){return s}\n",
        two='export{a as b}from"./three.js";',
        three="const z=1;export{z as a};",
    )

    text = joined({"page.js": tmp_path / "main.js"})["page.js"]

    assert "const $default=function(s){return s}" in text
    assert "return{default:$default};" in text
    assert re.search(r"return\{b:\$\w+_three\.a\};", text)
    assert re.search(r"const name=\$\w+_one\.default;const \{b:c\}=\$\w+_two;name\(c\);", text)


def test_a_later_file_takes_from_the_first_what_they_share(tmp_path: Path) -> None:
    written(
        tmp_path,
        main='import { a } from "./shared.js";\na();\n',
        details='import { a } from "./shared.js";\nimport { b } from "./own.js";\nexport const c = [a, b];\n',
        shared="export const a = 1;\n",
        own="export const b = 2;\n",
    )

    files = joined({"page.js": tmp_path / "main.js", "details.js": tmp_path / "details.js"})

    assert re.match(r'import\{\$\w+_shared\}from"\./page\.js";\nconst \$\w+_own=', files["details.js"])
    assert re.search(r"export default \$\w+_details;$", files["details.js"])
    assert "_own" not in files["page.js"]


def test_a_circle_is_named(tmp_path: Path) -> None:
    written(tmp_path, a='import { b } from "./b.js";\n', b='import { a } from "./a.js";\n')

    with pytest.raises(UsageError, match=r"a\.js > b\.js > a\.js"):
        joined({"page.js": tmp_path / "a.js"})


def test_a_module_of_two_later_files_is_refused(tmp_path: Path) -> None:
    own = 'import { x } from "./x.js";\n'
    written(tmp_path, a="", b=own, c=own, x="export const x = 1;\n")

    with pytest.raises(UsageError, match=r"x\.js is part of b\.js and of c\.js"):
        joined({f"{name}.js": tmp_path / f"{name}.js" for name in "abc"})


@pytest.mark.parametrize("module", sorted(SOURCES.glob("*.js")), ids=lambda path: path.name)
def test_a_module_uses_what_it_imports_and_says_what_it_is_for(module: Path) -> None:
    text = module.read_text()
    body = re.sub(r"^import .*$", "", text, flags=re.MULTILINE)
    names = {
        part.rpartition(" as ")[2].strip()
        for group in re.findall(r"^import \{([^}]*)\} from", text, re.MULTILINE)
        for part in group.split(",")
    }

    assert text.startswith("// ")
    assert {name for name in names if name and not re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", body)} == set()


def test_every_export_is_used_by_another_module() -> None:
    texts = {path.name: path.read_text() for path in SOURCES.glob("*.js")}
    exported = [
        (module, name)
        for module, text in texts.items()
        for name in re.findall(r"^export (?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
        if module != "german.js"
    ]

    def used(module: str, name: str) -> bool:
        return any(re.search(rf"\b{name}\b", text) for other, text in texts.items() if other != module)

    assert len(exported) > 50
    assert [(module, name) for module, name in exported if not used(module, name)] == []
