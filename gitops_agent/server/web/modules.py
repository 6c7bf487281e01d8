"""Joins JavaScript modules into few files.

Problem: the page is written in small modules, and a browser would fetch each of forty in a request of its own, a level of
imports after the other. A bundler would be a build step with hundreds of packages. Decision: the modules keep to a small part
of the language (named imports from relative paths at the top, exports at declarations or in one list), so that joining them is
text work: each becomes a function that returns its exports, in the order of their imports. The first file holds what the first
screen needs; the others are imported by it when they are needed, and take what they share from it. Comments stay in the
sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.errors import UsageError

_IMPORT = re.compile(
    r'(?:^|(?<=;))import\s*(?:\{(?P<names>[^}]*)\}|(?P<default>\w+))\s*from\s*"(?P<path>[^"]+)";?', re.MULTILINE
)
_RE_EXPORT = re.compile(r'export\s*\{(?P<names>[^}]*)\}\s*from\s*"(?P<path>[^"]+)";?')
_LIST = re.compile(r"export\s*\{(?P<names>[^}]*)\};?")
_DEFAULT = re.compile(r"\bexport default ")
_DECLARATION = re.compile(r"^export (?P<declaration>(?:async )?function\*?|const|let|class) (?P<name>[\w$]+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?://[^\n]*|/\*\*?.*?\*/)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


def joined(entries: Mapping[str, Path]) -> dict[str, str]:
    """Files by name, each joined from the module it is entered by.

    The first file loads the others when they are needed.

    Raises:
        UsageError: modules import each other in a circle, or two of the later files hold the same module.
    """
    files: dict[str, str] = {}
    first: dict[Path, str] = {}
    placed: dict[Path, str] = {}
    for name, entry in entries.items():
        own: dict[Path, str] = {}
        _visit(entry.resolve(), own, (), frozenset(first))
        for path in own:
            if placed.setdefault(path, name) != name:
                raise UsageError(f"{path.name} is part of {placed[path]} and of {name}: import it in the first file as well")
        if not first:
            first = own
            files[name] = "\n".join(f"export {text}" for text in own.values())
        else:
            exported = ",".join(symbol for symbol in map(_name, first) if any(f"={symbol}" in text for text in own.values()))
            shared = f'import{{{exported}}}from"./{next(iter(entries))}";' if exported else ""
            outside = _name(entry.resolve())
            files[name] = "\n".join([shared, *own.values(), f"export default {outside};"])
    return files


def _visit(path: Path, modules: dict[Path, str], above: tuple[Path, ...], given: frozenset[Path]) -> None:
    if path in modules or path in given:
        return
    if path in above:
        raise UsageError(f"modules import each other: {' > '.join(each.name for each in (*above, path))}")
    text = path.read_text()
    for pattern in (_IMPORT, _RE_EXPORT):
        for match in pattern.finditer(text):
            _visit((path.parent / match["path"]).resolve(), modules, (*above, path), given)
    modules[path] = _function(path, text)


def _function(path: Path, text: str) -> str:
    """A module as a called function that returns its exports."""
    exports: list[str] = []

    def imported(match: re.Match[str]) -> str:
        source = _name((path.parent / match["path"]).resolve())
        names = match["names"]
        return f"const {match['default']}={source}.default;" if names is None else f"const {{{_destructured(names)}}}={source};"

    def passed_on(match: re.Match[str]) -> str:
        source = _name((path.parent / match["path"]).resolve())
        exports.extend(f"{exported}:{source}.{local}" for local, exported in _pairs(match["names"]))
        return ""

    def listed(match: re.Match[str]) -> str:
        exports.extend(f"{exported}:{local}" for local, exported in _pairs(match["names"]))
        return ""

    def declared(match: re.Match[str]) -> str:
        exports.append(match["name"])
        return f"{match['declaration']} {match['name']}"

    text = _COMMENT.sub("", text)
    text = _RE_EXPORT.sub(passed_on, text)
    text = _IMPORT.sub(imported, text)
    text = _LIST.sub(listed, text)
    text = _DECLARATION.sub(declared, text)
    if _DEFAULT.search(text):
        text = _DEFAULT.sub("const $default=", text)
        exports.append("default:$default")
    return f"const {_name(path)}=(()=>{{\n{_INDENT.sub('', text).strip()}\nreturn{{{','.join(exports)}}};}})();"


def _name(path: Path) -> str:
    return "$" + re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")


def _pairs(names: str) -> list[tuple[str, str]]:
    """Pairs of inner and outer names of `a, b as c`."""
    pairs = []
    for part in filter(None, (each.strip() for each in names.split(","))):
        local, _, outside = part.partition(" as ")
        pairs.append((local.strip(), (outside or local).strip()))
    return pairs


def _destructured(names: str) -> str:
    return ",".join(name if name == local else f"{name}:{local}" for name, local in _pairs(names))
