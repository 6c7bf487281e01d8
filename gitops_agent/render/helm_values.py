"""Values of a chart from objects and repositories, as documents for Helm.

Helm merges values files by itself, so each source becomes one more file between those of the repository and the values of the
spec. A value with a `targetPath` becomes a file that holds nothing else. Only where the path leads into a list is the list
copied from what the other files say, because Helm replaces lists as a whole.

An entry travels as a variable: a render stays valid while its value stays, and that of a Secret is fingerprinted, never stored.
A file of another repository is read from the tree of the render instead, so the closure covers it like the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitops_agent.api.helm_values import Exposure, ValuesKind, ValuesSource
from gitops_agent.api.render_options import VariableKind, VariableSource
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.leaves import dotted, leaves
from gitops_agent.manifest.pointer import parse
from gitops_agent.manifest.yaml import dump, read
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.render.secret_exposure import RenderSecrets
from gitops_agent.render.variables.variable import Value, Variable
from gitops_agent.revision.mounted_tree import readable, values_folder
from gitops_agent.revision.tree import EntryType

FIELD = "spec.render.helm.valuesFrom"
_LIMITS = YamlLimits(bytes=1024 * 1024, documents=1, nodes=100_000)
_LONGEST_LIST = 1000
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_WORDS: Mapping[str, Value] = {"true": True, "false": False}


def name_of(index: int) -> str:
    """The name of the variable that holds the entry of a source."""
    return f"{FIELD}[{index}]"


def holder(source: ValuesSource) -> VariableSource:
    """The object that holds the entry, as one that holds variables."""
    return VariableSource(kind=VariableKind(source.kind.value), name=source.name or "", optional=source.optional)


def of_objects(sources: Sequence[ValuesSource]) -> list[ValuesSource]:
    """The sources that are objects of the cluster, in their order."""
    return [source for source in sources if source.kind is not ValuesKind.GIT]


def git_files(sources: Sequence[ValuesSource]) -> list[str]:
    """The files of other repositories, where a tree shows them."""
    return [_git_path(index, source) for index, source in enumerate(sources) if source.kind is ValuesKind.GIT]


def _git_path(index: int, source: ValuesSource) -> str:
    return join(values_folder(index), source.path or "", named_in=name_of(index))


def located(sources: Sequence[ValuesSource], inputs: Inputs) -> dict[int, str]:
    """The files of other repositories, requested for the tool, by index.

    Raises:
        RenderError: one is missing, or is no file.
    """
    result = {}
    for index, source in enumerate(sources):
        if source.kind is not ValuesKind.GIT:
            continue
        try:
            entry = inputs.file(_git_path(index, source))
        except (SourceError, RenderError) as error:
            text = f"{_place(index, source)}: {readable(error.message)}"
            raise type(error)(text, reason=error.reason, transient=error.transient, **error.facts) from None
        if entry is None and source.optional:
            continue
        if entry is None or entry.type is not EntryType.FILE:
            what = "does not exist; correct `path`, or set `optional: true`" if entry is None else "is a directory"
            raise RenderError(f"{_place(index, source)} {what}", reason="FileNotFound", field=name_of(index))
        result[index] = entry.path
    return result


def of_files(sources: Sequence[ValuesSource], files: Mapping[int, bytes]) -> tuple[Variable, ...]:
    """The contents of files of other repositories, as entries.

    Raises:
        RenderError: one is no text or no YAML.
    """
    return tuple(_entry(index, sources[index], data) for index, data in files.items())


def entries(sources: Sequence[ValuesSource], contents: Sequence[Mapping[str, bytes]]) -> tuple[Variable, ...]:
    """The entries of objects that the sources name.

    Args:
        sources: in their order.
        contents: of each object among them; empty for an optional one that is missing.

    Raises:
        RenderError: an entry is missing, is no text or no YAML; nothing of it is quoted.
    """
    result = []
    indices = [index for index, source in enumerate(sources) if source.kind is not ValuesKind.GIT]
    for index, content in zip(indices, contents, strict=True):
        source = sources[index]
        data = content.get(source.key)
        if data is None:
            if source.optional:
                continue
            text = f"{_place(index, source)} is not there; add it, or set `optional: true`"
            raise RenderError(text, reason="VariableSourceMissing", transient=True, field=name_of(index))
        result.append(_entry(index, source, data))
    return tuple(result)


def _entry(index: int, source: ValuesSource, data: bytes) -> Variable:
    """An entry or file as a variable."""
    try:
        value = data.decode()
    except UnicodeDecodeError:
        raise RenderError(f"{_place(index, source)} is not text", reason="RenderFailed", field=name_of(index)) from None
    secret = source.kind is ValuesKind.SECRET
    variable = Variable(name=name_of(index), value=value, source=_described(source), literal=True, secret=secret)
    if source.target_path is None:
        _mapping(variable, _place(index, source))
    return variable


def documents(
    sources: Sequence[ValuesSource], variables: Sequence[Variable], others: Callable[[], Sequence[Object]]
) -> list[tuple[str, str, bool]]:
    """Each source as YAML, with its description and whether it is secret.

    Args:
        sources: in their order.
        variables: hold the entries.
        others: the chart's own values and those of files; called when a path leads into a list.

    Raises:
        RenderError: an entry does not fit where it is to go.
    """
    by_name = {variable.name: variable for variable in variables}
    result: list[tuple[str, str, bool]] = []
    earlier: list[Object] = []
    for index, source in enumerate(sources):
        variable = by_name.get(name_of(index))
        if variable is None:
            continue
        text = variable.text
        if source.target_path is not None:
            steps = parse(source.target_path)
            into_list = any(step.isdecimal() or step == "-" for step in steps)
            base = _merged([*others(), *earlier]) if into_list else {}
            value = _typed(text) if source.kind is ValuesKind.CONFIG_MAP else text
            try:
                text = dump(_put(steps, value, base))
            except ValueError as error:
                problem = f"{name_of(index)}: {source.target_path} {error}"
                raise RenderError(problem, reason="RenderFailed", field=name_of(index)) from None
        earlier.append(_mapping(variable, _place(index, source), text))
        result.append((_place(index, source), text, variable.secret))
    return result


def collect_secrets(
    sources: Sequence[ValuesSource], variables: Sequence[Variable], into: RenderSecrets, exposure: Exposure
) -> None:
    """Remembers the values of Secrets that have this exposure."""
    by_name = {variable.name: variable for variable in variables}
    for index, source in enumerate(sources):
        variable = by_name.get(name_of(index))
        if variable is None or not variable.secret or source.exposure is not exposure:
            continue
        if source.target_path is not None:
            into.add(variable.text, variable.source)
            continue
        for steps, value in leaves(_mapping(variable, _place(index, source))):
            if isinstance(value, str):
                into.add(value, f"{variable.source} {dotted(steps)}")


def _described(source: ValuesSource) -> str:
    if source.kind is ValuesKind.GIT:
        return f"{source.path} of {source.repo_url}"
    return f"{source.kind.value} {source.name}, key {source.key}"


def _place(index: int, source: ValuesSource) -> str:
    return f"{name_of(index)}: {_described(source)}"


def _mapping(variable: Variable, place: str, text: str | None = None) -> Object:
    """The parsed values.

    Raises:
        RenderError: they are none; its words are ours, because the parser's may quote a secret.
    """
    try:
        parsed = read((variable.text if text is None else text).encode(), file=place, limits=_LIMITS, last_key_wins=True)
    except RenderError as error:
        line = f" (line {error.facts['line']})" if error.facts.get("line") else ""
        raise RenderError(f"{place} is not valid YAML{line}", reason="RenderFailed", field=FIELD) from None
    value = parsed.documents[0].value if parsed.documents else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        text = (
            f"{place} holds {'a list' if isinstance(value, list) else 'a single value'}, not a map of values; set `targetPath`"
        )
        raise RenderError(text, reason="RenderFailed", field=FIELD)
    return value


def _typed(text: str) -> Value:
    """A boolean or whole number; other text without its quotes."""
    word = text.strip()
    if word in _WORDS:
        return _WORDS[word]
    if _WHOLE_NUMBER.fullmatch(word):
        return int(word)
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    return word[1:-1] if quoted else text


def _merged(values: Sequence[Object]) -> Object:
    """Values merged as Helm does: maps by key, lists replaced."""
    result: Object = {}
    for layer in values:
        result = _over(result, layer)
    return result


def _over(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {name: _over(below.get(name), value) for name, value in above.items()}


def _put(steps: Sequence[str], value: Value, base: Any) -> Any:
    """A document that holds a value at a path, and whole lists.

    Raises:
        ValueError: the path does not fit the values; the message goes on after it.
    """
    if not steps:
        return value
    name, *rest = steps
    if isinstance(base, list) or (base is None and name in ("0", "-")):
        return _put_item(name, rest, value, base or [])
    return {name: _put(rest, value, base.get(name) if isinstance(base, dict) else None)}


def _put_item(name: str, rest: Sequence[str], value: Value, items: Sequence[Any]) -> list[Any]:
    if not name.isdecimal() and name != "-":
        raise ValueError(f"leads through a list, where {name!r} is no position")
    index = len(items) if name == "-" else int(name)
    if index > len(items) or index > _LONGEST_LIST:
        raise ValueError(f"is beyond the end of a list of {len(items)}")
    before = items[index] if index < len(items) else None
    return [*items[:index], _over(before, _put(rest, value, before)), *items[index + 1 :]]
