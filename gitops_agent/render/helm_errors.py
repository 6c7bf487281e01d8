"""Rewrites Helm's errors for the author of a chart.

Helm names files by the chart's own name, not by where they lie in the repository, calls every values file `values.yaml`, and
says "nil pointer" for a value that is not set. Its own words stay, after the path and before the advice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.yaml import read
from gitops_agent.render.chart import Chart
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.render.template_origins import in_dependency

_NIL = re.compile(r"<\$?\.Values\.([\w.]{1,200})>: nil pointer evaluating interface \{\}\.(\w{1,100})")
_NAMED = re.compile(r"(?<![\w./-])([\w.-]{1,100})/(?=charts/|templates/|crds/|values)")
_OUTPUT = re.compile(r"YAML parse error on ([^\s:]{1,500}): error converting YAML to JSON: yaml: (?:line (\d{1,9}): )?")
_CANNOT_LOAD = "cannot load values.yaml: "
_SCHEMA = "values don't meet the specifications of the schema"
_LIMITS = YamlLimits(bytes=4 * 1024 * 1024, documents=100, nodes=200_000)


def located(message: str, chart: Chart, inputs: Inputs, sources: Sequence[str]) -> str:
    """The message with paths of the repository and what to do.

    Args:
        message: Helm's, on one line.
        chart: which was rendered.
        inputs: what Helm read.
        sources: where its values came from, in the order of their weight.
    """
    if message.startswith(_CANNOT_LOAD):
        return _broken_values(inputs) or f"{join(chart.path, 'values.yaml')}: {message.removeprefix(_CANNOT_LOAD)}"
    message = in_dependency(_OUTPUT.sub(_about_output, _with_paths(message, chart)), chart)
    values = " and ".join(sources)
    if message.startswith(_SCHEMA) and values:
        return f"{message} (the values come from {values})"
    if unset := _unset(message):
        return f"{message}: {unset} is set neither in {values or 'a values file'} nor in spec.render.helm.values"
    return message


def _with_paths(message: str, chart: Chart) -> str:
    folder = f"{chart.path}/" if chart.path else ""
    return _NAMED.sub(lambda match: folder if match[1] == chart.name else match[0], message)


def _about_output(match: re.Match[str]) -> str:
    line = f"line {match[2]} of " if match[2] else ""
    return f"{match[1]}: {line}what it renders is not valid YAML: "


def _unset(message: str) -> str:
    """The value that is not set, as `.Values.image`; empty for another error."""
    match = _NIL.search(message)
    if match is None:
        return ""
    steps = match[1].split(".")
    return ".Values." + ".".join(steps[: steps.index(match[2])]) if match[2] in steps[1:] else ""


def _broken_values(inputs: Inputs) -> str:
    """What is wrong in the first values file that is no YAML."""
    for file in inputs.files:
        if file.endswith("values.yaml"):
            try:
                read(inputs.read(file), file=file, limits=_LIMITS, last_key_wins=True)
            except (RenderError, SourceError) as error:
                return str(error)
    return ""
