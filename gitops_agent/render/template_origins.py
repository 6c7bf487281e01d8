"""Which template of a chart printed which lines.

Helm writes a comment before each template's output. It calls charts by their names, so the path in it is translated to that of
the repository, or for a chart that was fetched to that chart and its repository.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from gitops_agent.render.chart import Chart
from gitops_agent.render.paths import join

OUTPUT = "the rendered chart"
"""What errors call the output."""

_SOURCE = "# Source: "
_PLACE = re.compile(rf"{OUTPUT}(?:, document \d+)?, line (\d+)")

_FILE = re.compile(r"[\w./-]*[\w/-]")
_CONTINUED = re.compile(r"[\w./-]\Z")
"""What a path does not begin after."""


class TemplateOrigins:
    """The template of each line of a render.

    Args:
        output: of helm.
        chart: which was rendered.
    """

    def __init__(self, output: bytes, chart: Chart) -> None:
        self._chart = chart
        self._lines: list[int] = []
        self._files: list[str] = []
        for number, line in enumerate(output.decode("utf-8", "replace").split("\n"), 1):
            if line.startswith(_SOURCE):
                self._lines.append(number)
                name, _, below = line.removeprefix(_SOURCE).strip().partition("/")
                self._files.append(join(chart.path, below) if below and ".." not in below.split("/") else name)

    def at(self, line: int | None) -> str:
        """The template that printed a line, below the chart's directory."""
        index = bisect_right(self._lines, line or 0) - 1
        return self._files[index] if index >= 0 else ""

    def readable(self, template: str) -> str:
        """The file for people."""
        return in_dependency(template, self._chart)

    def located(self, text: str) -> str:
        """A message about the output, as one about the template."""
        match = _PLACE.match(text)
        template = self.readable(self.at(int(match[1]))) if match else ""
        return f"{template}{text[match.end() :]}" if match and template else text


def in_dependency(text: str, chart: Chart) -> str:
    """A text that names fetched charts instead of paths in `charts/`."""
    for fetched_chart in reversed(chart.fetched):  # what is deeper first
        folder = f"{join(chart.path, fetched_chart.prefix)}/"
        result, *parts = text.split(folder)
        for part in parts:
            file = _FILE.match(part)
            named = file is not None and _CONTINUED.search(result) is None
            result += f"{file[0]} of {fetched_chart.dependency}{part[file.end() :]}" if file and named else folder + part
        text = result
    return text
