"""Charts that the real helm packages."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-{{ .Values.suffix | default "chart" }}}
data:
  version: {{ .Chart.Version | quote }}
  color: {{ .Values.color | quote }}
"""


def helm() -> Path:
    """The program."""
    return Installer().ensure(selected(("helm",)))["helm"].path


def package(
    name: str, version: str, templates: Mapping[str, str] | None = None, *, more: str = "", values: str = "color: blue\n"
) -> bytes:
    """A chart as `helm package` makes it.

    Args:
        name: of the chart.
        version: of the chart.
        templates: by file name; one ConfigMap when absent.
        more: further lines of Chart.yaml.
        values: of values.yaml.
    """
    folder = Path(tempfile.mkdtemp(prefix="chart-"))
    try:
        chart = folder / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n{more}")
        (chart / "values.yaml").write_text(values)
        for file, text in (templates or {"config.yaml": TEMPLATE}).items():
            (chart / "templates" / file).write_text(text)
        command = [str(helm()), "package", str(chart), "--destination", str(folder)]
        subprocess.run(command, check=True, capture_output=True, env={"HOME": str(folder)})
        return (folder / f"{name}-{version}.tgz").read_bytes()
    finally:
        shutil.rmtree(folder)
