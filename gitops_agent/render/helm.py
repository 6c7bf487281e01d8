"""Renders a Helm chart with `helm template`, without cluster, network or release.

Hooks are objects like others here and are distinguished later by their annotation; tests (`helm.sh/hook: test`) are left out,
unless the spec has them run after a sync, as hooks of ours.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitops_agent.api.helm_values import ChartTests, CRDPolicy, GeneratedValues
from gitops_agent.api.render_options import HelmOptions
from gitops_agent.errors import RenderError
from gitops_agent.manifest import marks
from gitops_agent.manifest.document import Document, NodeBudget, YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump, read
from gitops_agent.process import Completed
from gitops_agent.render import generated_values, helm_values
from gitops_agent.render.chart import Chart, read_chart
from gitops_agent.render.chart_dependencies import pack
from gitops_agent.render.decryption.scope import MARK
from gitops_agent.render.helm_errors import located
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.memory import in_memory
from gitops_agent.render.objects import Objects
from gitops_agent.render.paths import join
from gitops_agent.render.post_render import post_render
from gitops_agent.render.request import RenderRequest
from gitops_agent.render.template_origins import OUTPUT, TemplateOrigins
from gitops_agent.render.tool import Job, Workspace
from gitops_agent.render.variables.variable import Variable
from gitops_agent.revision.mounted_tree import CHART
from gitops_agent.revision.tree import EntryType

_TESTS = frozenset({"test", "test-success", "test-failure"})
_CREATED_ONCE = {marks.APPLY: "create-only", marks.PRUNE: "disabled"}
"""Definitions as Helm treats them: created, never changed or deleted."""
_AFTER_SYNC = {marks.HOOK: "post-sync"}
_WARNINGS = 10
_VALUES = YamlLimits(bytes=4 * 1024 * 1024, documents=1, nodes=200_000)


def render_helm(job: Job) -> None:
    """Adds the objects of the chart in a directory.

    Raises:
        RenderError: the chart is incomplete, its values do not fit its schema, or a template fails.
    """
    workspace, objects = job.workspace, job.objects
    options = (job.request.options.helm if job.request.options else None) or HelmOptions()
    chart = read_chart(job.inputs, job.path if options.chart is None else CHART)
    decrypts = job.request.options is not None and job.request.options.decryption is not None
    values = _values_files(options, job.inputs, job.path, decrypts=decrypts)
    from_git = helm_values.located(options.values_from, job.inputs)
    job.inputs.materialise(workspace.tree)
    pack(chart.fetched, workspace.tree)
    _copy_dependencies(chart, workspace)
    contents = {index: workspace.at(file).read_bytes() for index, file in from_git.items()}
    variables = (*job.request.variables, *helm_values.of_files(options.values_from, contents))
    given = _copy_values(values, workspace) | _write_values(job, options, [*_own_values(job, chart), *values], variables)
    arguments = _arguments(options, job.request, chart, [*given], workspace)
    sources = [*_own_values(job, chart), *given.values(), *(["spec.render.helm.values"] if options.values else [])]
    done = _run(job, arguments, chart, given, sources)
    keeps = options.generated is GeneratedValues.KEEP
    objects.warnings += [warning for warning in chart.warnings if not keeps or warning != chart.changing]
    warnings = [_without_values(line.strip()) for line in done.stderr.splitlines() if "warning" in line.lower()]
    objects.warnings += job.masked(warnings[:_WARNINGS])
    _gather(done.stdout, chart, options, objects, job.inputs.bounded(YamlLimits(bytes=job.limits.output_bytes)))
    if options.post_render is not None:
        post_render(job, options.post_render, objects, folder="post-render")
    if chart.changing and keeps:
        if chart.clock:
            _await_next_second(job.cancel)
        again = Objects(limit=objects.limit, replaces=objects.replaces, renames=objects.renames)
        limits = YamlLimits(bytes=job.limits.output_bytes, budget=NodeBudget(job.limits.nodes))
        _gather(_run(job, arguments, chart, given, sources).stdout, chart, options, again, limits)
        if options.post_render is not None:
            post_render(job, options.post_render, again, folder="post-render-again")
        objects.manifests, warnings = generated_values.marked(objects.manifests, again.manifests)
        objects.warnings += warnings


def _run(job: Job, arguments: Sequence[str], chart: Chart, given: Mapping[str, str], sources: Sequence[str]) -> Completed:
    """Runs helm; its errors name files of the repository."""
    try:
        return job.run(*arguments)
    except RenderError as error:
        message = error.message
        for name, file in given.items():
            message = message.replace(name, file)
        message = located(message, chart, job.inputs, sources)
        raise RenderError(message, reason=error.reason, **error.facts) from None


def _gather(output: bytes, chart: Chart, options: HelmOptions, objects: Objects, limits: YamlLimits) -> None:
    """Adds the objects that helm has printed."""
    origins = TemplateOrigins(output, chart)
    try:
        # Charts often write a key twice, and both Helm and kubectl take the last one.
        documents = read(output, file=OUTPUT, limits=limits, last_key_wins=True)
    except RenderError as error:
        raise RenderError(
            origins.located(error.message), reason=error.reason, file=origins.readable(origins.at(error.facts.get("line")))
        ) from None
    objects.warnings += [origins.located(warning) for warning in documents.warnings]
    for document in documents.documents:
        template = origins.at(document.line)
        file = origins.readable(template)
        if _is_test(document):
            if options.tests is ChartTests.AFTER_SYNC:
                objects.add(_annotated(document, _AFTER_SYNC), file=file)
            continue
        once = options.crd_policy is CRDPolicy.CREATE_ONLY and _is_crd_file(template, chart.path)
        objects.add(_annotated(document, _CREATED_ONCE) if once else document, file=file)


def _await_next_second(cancel: threading.Event | None) -> None:
    """Waits until the time that most templates print is another one."""
    (cancel or threading.Event()).wait(1.0 - time.time() % 1.0)


def _values_files(options: HelmOptions, inputs: Inputs, path: str, *, decrypts: bool) -> list[str]:
    """The values files in the order given; later ones win."""
    field = "spec.render.helm.valuesFiles"
    documents = []
    for written in options.values_files:
        name = written.removeprefix(MARK)
        if name != written and not decrypts:
            text = f"{field}: {written} is to be decrypted: set spec.render.decryption"
            raise RenderError(text, field=field)
        if "://" in name:
            raise RenderError(f"{field}: {name.split('@')[-1]} is an address; values files lie in the repository", field=field)
        entry = inputs.file(join(path, name, named_in=field))
        if entry is None and options.ignore_missing_values_files:
            continue
        if entry is None or entry.type is not EntryType.FILE:
            what = "is a directory" if entry is not None else f"does not exist{inputs.hint(join(path, name))}"
            if entry is None and any(sign in name for sign in "*?["):
                what = "does not exist; patterns are not expanded, so name each file"
            raise RenderError(f"{field}: {join(path, name)} {what}", reason="FileNotFound", field=field)
        documents.append(entry.path)
    return documents


def _own_values(job: Job, chart: Chart) -> list[str]:
    """The values file of the chart itself, if it has one."""
    path = join(chart.path, "values.yaml")
    return [path] if path in job.inputs.files else []


def _copy_values(values: list[str], workspace: Workspace) -> dict[str, str]:
    """Copies values files to names that Helm does not split at commas.

    Returns the new names, which lie where Helm runs, and the files they are copies of.
    """
    given = {f"values-{number}.yaml": file for number, file in enumerate(values)}
    for name, file in given.items():
        shutil.copyfile(workspace.at(file), workspace.root / name)
    return given


def _write_values(job: Job, options: HelmOptions, files: list[str], variables: Sequence[Variable]) -> dict[str, str]:
    """Writes values of objects and repositories beside those of files.

    Returns the names of these files, and what they hold for people.

    Raises:
        RenderError: a value does not fit, or that of a Secret would be written to a disk.
    """
    root = job.workspace.root
    written: dict[str, str] = {}

    def others() -> list[Object]:
        texts = ((file, job.workspace.at(file).read_bytes()) for file in files)
        parsed = (read(text, file=file, limits=job.inputs.bounded(_VALUES), last_key_wins=True) for file, text in texts)
        values = (document.value for parsed_file in parsed for document in parsed_file.documents[:1])
        return [value for value in values if isinstance(value, dict)]

    documents = helm_values.documents(options.values_from, variables, others)
    for number, (origin, text, secret) in enumerate(documents):
        if secret and not job.limits.plaintext_on_disk and not in_memory(root):
            problem = (
                f"{origin} is of a Secret, and the scratch folder of renders is on a disk: mount a volume in memory there, or "
                "set render.plaintextOnDisk"
            )
            raise RenderError(problem, reason="PlaintextOnDisk", field=helm_values.FIELD)
        name = f"values-from-{number}.yaml"
        (root / name).touch(mode=0o600)
        (root / name).write_text(text, encoding="utf-8")
        written[name] = origin
    return written


def _is_crd_file(file: str, chart: str) -> bool:
    """Whether a file lies in `crds/` of a chart or dependency."""
    below = file.removeprefix(f"{chart}/").split("/")
    while below[:1] == ["charts"]:
        below = below[2:]
    return below[:1] == ["crds"]


def _annotated(document: Document, more: Mapping[str, str]) -> Document:
    """The object with more annotations, if it is one."""
    obj = document.value
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        return document
    annotations = {**(obj["metadata"].get("annotations") or {}), **more}
    return replace(document, value={**obj, "metadata": {**obj["metadata"], "annotations": annotations}})


def _without_values(warning: str) -> str:
    """A warning without the value that Helm quotes in parentheses."""
    before, opened, _ = warning.partition(" (")
    closed = '"' if warning.endswith('"') else ""
    return f"{before}{closed}" if opened and "table" in before else warning


def _copy_dependencies(chart: Chart, workspace: Workspace) -> None:
    for copied, source in sorted(chart.copies.items(), key=lambda copy: copy[0].count("/")):
        target = workspace.at(join(chart.path, copied))
        if not target.exists():
            shutil.copytree(workspace.at(source), target, symlinks=False)


def _arguments(
    options: HelmOptions, request: RenderRequest, chart: Chart, values: list[str], workspace: Workspace
) -> tuple[str, ...]:
    """The command line; its flags exist in Helm 3.12 and 4.

    Except for skipping schemas (3.16).
    """
    arguments = ["template", options.release_name or request.application.name, str(workspace.at(chart.path))]
    arguments += ["--namespace", request.namespace or "default"]
    arguments += ["--kube-version", (options.kube_version or request.facts.version).removeprefix("v")]
    for api_version in sorted({*request.facts.api_versions, *options.api_versions}):
        arguments += ["--api-versions", api_version]
    if options.crd_policy is not CRDPolicy.SKIP:
        arguments.append("--include-crds")
    if chart.skip_schema or options.skip_schema_validation:
        arguments.append("--skip-schema-validation")
    for file in values:
        arguments += ["--values", file]
    if options.values:
        inline = workspace.root / "values.yaml"
        inline.touch(mode=0o600)
        try:
            inline.write_text(dump(options.values), encoding="utf-8")
        except RecursionError:
            raise RenderError("spec.render.helm.values is nested too deeply", field="spec.render.helm.values") from None
        arguments += ["--values", inline.name]
    return tuple(arguments)


def _is_test(document: Document) -> bool:
    metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    hook = annotations.get("helm.sh/hook") if isinstance(annotations, dict) else None
    return isinstance(hook, str) and any(name.strip() in _TESTS for name in hook.split(","))
