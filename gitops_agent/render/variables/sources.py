"""Merges values of the spec, ConfigMaps and Secrets into variables.

The agent reads the objects by watches and a command reads them once, as its user; what they mean is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gitops_agent.api.render_options import VariableKind, Variables, VariableSource
from gitops_agent.render.variables.variable import NAME, Variable

FIELD = "spec.render.variables"
LONGEST = 256 * 1024
"""Bytes of a value."""


def merged(options: Variables, contents: Sequence[Mapping[str, bytes]]) -> tuple[Variable, ...]:
    """The variables, sorted by name.

    Args:
        options: names the sources, later ones win, and holds values that win over all.
        contents: the entries of each source, in their order; empty for an optional one that is missing.
    """
    result: dict[str, Variable] = {}
    for source, content in zip(options.sources, contents, strict=True):
        result |= {variable.name: variable for variable in _entries(source, content)}
    for name, value in options.values.items():
        result[name] = Variable(name=name, value=value, source=f"{FIELD}.values", literal=True)
    return tuple(result[name] for name in sorted(result))


def _entries(source: VariableSource, content: Mapping[str, bytes]) -> Iterator[Variable]:
    """The entries that can be variables: named like one, and text."""
    for name, data in content.items():
        if NAME.fullmatch(name) and len(data) <= LONGEST:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                continue
            described = f"{source.kind.value} {source.name}"
            yield Variable(name=name, value=text, source=described, secret=source.kind is VariableKind.SECRET)
