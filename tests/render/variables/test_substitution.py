"""Variables in objects: types, places, opt-outs, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.render_options import Variables
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.secret_exposure import SecretExposed
from gitops_agent.render.variables.substitution import Substitution
from gitops_agent.render.variables.variable import Value, Variable

LIMIT = 1024 * 1024


def thing(kind: str = "ConfigMap", *, name: str = "site", metadata: Object | None = None, **fields: Any) -> Object:
    version = {"Deployment": "apps/v1", "Widget": "example.com/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **(metadata or {})}, **fields}


def substitution(
    *, literals: Mapping[str, Value] | None = None, secrets: Mapping[str, str] | None = None, options: Any = None, **texts: str
) -> Substitution:
    """Texts are of a ConfigMap, literals are written in the spec."""
    variables = [Variable(name=name, value=value, source="ConfigMap site") for name, value in texts.items()]
    variables += [Variable(name=name, value=value, source="spec", literal=True) for name, value in (literals or {}).items()]
    variables += [Variable(name=name, value=value, source="Secret s", secret=True) for name, value in (secrets or {}).items()]
    return Substitution(Variables.model_validate(options or {}), variables, limit=LIMIT)


def replaced(obj: Object, **values: Any) -> Object:
    (manifest,) = substitution(**values).replaced([Manifest.of(obj, file="apps/web.yaml")])
    return manifest.obj


def refused(*objects: Object, **values: Any) -> RenderError:
    with pytest.raises(RenderError) as caught:
        substitution(**values).replaced([Manifest.of(obj, file="apps/web.yaml") for obj in objects])
    return caught.value


def deployment(**spec: Any) -> Object:
    return thing("Deployment", name="web", spec=spec)


@pytest.mark.parametrize(
    ("written", "values", "value"),
    [
        ("${N}", {"literals": {"N": 3}}, 3),
        ("${N}", {"literals": {"N": True}}, True),
        ("${N}", {"literals": {"N": "3"}}, "3"),
        ("${N}", {"N": "3"}, 3),
        ("${N}", {"N": "-3"}, -3),
        ("${N}", {"N": "true"}, True),
        ("${N}", {"N": "010"}, "010"),
        ("${N}", {"N": "1.20"}, "1.20"),
        ("${N}", {"N": "1.5"}, "1.5"),
        ("${N}", {"N": "yes"}, "yes"),
        ("${N}", {"N": "null"}, "null"),
        ("${N}", {"N": "-0"}, "-0"),
        ("${N}", {"N": "1e3"}, "1e3"),
        ("${N}", {"N": "9" * 19}, "9" * 19),
        ("${N:-3}", {}, 3),
        ("${N:-3}", {"literals": {"N": "5"}}, "5"),
        ("${N:-${M}}", {"literals": {"M": 4}}, 4),
        ("${#N}", {"N": "abc"}, 3),
        (" ${N}", {"N": "3"}, " 3"),
        ("${N}m", {"literals": {"N": 3}}, "3m"),
        ("${N}${M}", {"N": "3", "M": "4"}, "34"),
        ("a ${N} b", {"literals": {"N": True}}, "a true b"),
        ("$${N}", {"N": "3"}, "${N}"),
        ("$N $(N) $$ $$N", {"N": "3"}, "$N $(N) $$ $$N"),
    ],
)
def test_values_have_their_types(written: str, values: Mapping[str, Any], value: Value) -> None:
    result = replaced(thing("Widget", spec={"size": written}), **values)["spec"]["size"]

    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    "obj",
    [
        thing("Widget", metadata={"annotations": {"id": "${N}"}}),
        thing("Widget", metadata={"labels": {"id": "${N}"}}),
        thing(data={"size": "${N}"}),
        thing("Secret", stringData={"size": "${N}"}),
        thing("Service", spec={"selector": {"shard": "${N}"}}),
        deployment(template={"spec": {"containers": [{"env": [{"name": "SIZE", "value": "${N}"}]}]}}),
        deployment(template={"spec": {"containers": [{"args": ["${N}"], "command": ["${N}"]}]}}),
        deployment(template={"spec": {"containers": [{"image": "${N}"}]}}),
        deployment(template={"spec": {"nodeSelector": {"zone": "${N}"}}}),
        deployment(template={"metadata": {"annotations": {"a": "${N}"}}}),
        deployment(template={"spec": {"containers": [{"resources": {"limits": {"cpu": "${N}"}}}]}}),
        deployment(selector={"matchLabels": {"shard": "${N}"}}),
        deployment(selector={"matchExpressions": [{"key": "shard", "operator": "In", "values": ["${N}"]}]}),
        deployment(template={"spec": {"tolerations": [{"value": "${N}"}]}}),
    ],
    ids=str,
)
@pytest.mark.parametrize("value", [1, "1", True])
def test_a_field_that_is_text_stays_text(obj: Object, value: Value) -> None:
    text = replaced(obj, literals={"N": value})

    assert "'true'" in str(text) if value is True else "'1'" in str(text)
    assert "${" not in str(text)


def test_lines_of_a_value_stay() -> None:
    assert replaced(thing(data={"a": "x: ${N}"}), N="1\n2: [\n")["data"] == {"a": "x: 1\n2: [\n"}


SCALARS = st.recursive(
    st.text(max_size=12) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(below) for name, below in value.items()}
    return [shape(below) for below in value] if isinstance(value, list) else None


def with_variable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: with_variable(below) for name, below in value.items()}
    if isinstance(value, list):
        return [with_variable(below) for below in value]
    return value + "${N}" if isinstance(value, str) else value


@given(tree=SCALARS, value=st.text(max_size=40) | st.sampled_from(["a: b", "- x", "]}", "\n---\n", "${M}", "$", "&a *a", "# "]))
def test_no_value_can_change_the_shape_of_an_object(tree: Any, value: str) -> None:
    obj = thing("Widget", spec=with_variable(tree))
    options = {"undefined": "keep"}

    result = replaced(obj, N=value, options=options)

    assert shape(result) == shape(obj)


@given(value=st.text(max_size=60))
def test_a_value_is_not_replaced_again(value: str) -> None:
    assert replaced(thing(data={"a": "<${N}>"}), N=value, M="x")["data"] == {"a": f"<{value}>"}


def test_nothing_replaced_is_the_same_object() -> None:
    obj = thing(data={"a": "$N"})

    assert replaced(obj, N="1") is obj


def test_keys_stay_and_are_reported() -> None:
    work = substitution(N="1")
    (manifest,) = work.replaced([Manifest.of(thing(data={"${N}": "${N}"}), file="a.yaml")])

    assert manifest.obj["data"] == {"${N}": "1"}
    assert work.warnings == ("a.yaml ConfigMap site /data keeps the key '${N}', which is not replaced",)


@pytest.mark.parametrize("mark", ["gitops-agent.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"])
@pytest.mark.parametrize("holder", ["annotations", "labels"])
def test_an_object_that_opts_out_stays(mark: str, holder: str) -> None:
    obj = thing(metadata={holder: {mark: "disabled"}}, data={"run.sh": "${HOSTNAME}"})

    assert replaced(obj) is obj
    assert replaced(thing(metadata={holder: {mark: "enabled"}}, data={"a": "${N}"}), N="1")["data"] == {"a": "1"}


def test_a_definition_of_a_kind_stays() -> None:
    crd = thing("CustomResourceDefinition", spec={"description": "such as ${NAME}"})
    crd["apiVersion"] = "apiextensions.k8s.io/v1"

    assert replaced(crd) is crd


def test_names_are_replaced_where_they_are_listed() -> None:
    obj = thing(name="${N}-site", metadata={"namespace": "${N}"}, data={"a": "${N}"})

    assert replaced(obj, N="one", options={"in": ["values", "names"]}) == thing(
        name="one-site", metadata={"namespace": "one"}, data={"a": "one"}
    )
    only_names = replaced(obj, N="one", options={"in": ["names"]})
    assert (only_names["metadata"]["name"], only_names["data"]) == ("one-site", {"a": "${N}"})


def test_a_name_that_cannot_be_one_is_refused() -> None:
    error = refused(thing(name="a-${N}"), N="b/c", options={"in": ["names"]})

    assert error.reason == "InvalidManifest"
    assert "with its variables replaced, the object has a metadata.name that cannot be one" in str(error)


def test_all_undefined_names_are_said_at_once() -> None:
    script = thing(name="script", metadata={"namespace": "shop"}, data={"run.sh": "echo ${HOSTNAME} ${USER}"})
    error = refused(script, deployment(replicas="${REPLICA}", paused="${a.b}"), REPLICAS="3")

    assert error.reason == "UndefinedVariable"
    assert error.facts["variables"] == "HOSTNAME, USER, REPLICA"
    assert str(error) == (
        "apps/web.yaml ConfigMap shop/script /data/run.sh: ${HOSTNAME} has no value; "
        "apps/web.yaml ConfigMap shop/script /data/run.sh: ${USER} has no value; "
        "apps/web.yaml Deployment web /spec/replicas: ${REPLICA} has no value; did you mean ${REPLICAS}?; "
        "apps/web.yaml Deployment web /spec/paused: the expression ${a.b} holds '.' where its closing brace or an operator "
        "should be (give it a value, write $${NAME} for what is no variable, or exempt the object with the annotation "
        "gitops-agent.dev/substitute: disabled)"
    )


def test_a_hundred_undefined_names_are_counted() -> None:
    error = refused(thing(data={f"k{number}": f"${{V{number}}}" for number in range(100)}))

    assert "; and 80 more" in str(error)


def test_a_default_that_is_not_needed_may_be_undefined() -> None:
    assert replaced(thing(data={"a": "${N:-${M}}"}), N="1")["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("written", "empty", "kept"), [("<${M}>", "<>", "<${M}>"), ("${N}${M^^}", "1", "1${M^^}"), ("${M}", "", "${M}")]
)
def test_what_is_undefined_may_be_empty_or_stay(written: str, empty: str, kept: str) -> None:
    obj = thing(data={"a": written})

    assert replaced(obj, N="1", options={"undefined": "empty"})["data"] == {"a": empty}
    work = substitution(N="1", options={"undefined": "keep"})
    (manifest,) = work.replaced([Manifest.of(obj, file="a.yaml")])
    assert manifest.obj["data"] == {"a": kept}
    assert work.warnings == ("a.yaml ConfigMap site /data/a keeps ${M}, which is not replaced",)


def test_a_malformed_expression_is_kept_or_refused() -> None:
    obj = thing(data={"a": "${a.b} ${N}"})

    assert refused(obj, N="1").reason == "InvalidExpression"
    assert refused(obj, N="1", options={"undefined": "empty"}).reason == "InvalidExpression"
    assert replaced(obj, N="1", options={"undefined": "keep"})["data"] == {"a": "${a.b} 1"}


SECRET = {"P": "pw"}


def test_the_value_of_a_secret_goes_into_secrets() -> None:
    obj = thing("Secret", stringData={"url": "postgres://u:${P}@db"})

    assert replaced(obj, secrets=SECRET)["stringData"] == {"url": "postgres://u:pw@db"}


@pytest.mark.parametrize(
    "obj",
    [
        thing(data={"a": "${P}"}),
        thing("Ingress", spec={"rules": [{"host": "${P}.example.com"}]}),
        thing("Secret", metadata={"annotations": {"a": "${P}"}}),
        thing("Widget", spec={"a": "${N:-${P}}"}),
        thing("Widget", spec={"a": "${#P}"}),
        thing("Widget", spec={"a": "${P:-x}"}),
        thing(name="a-${P}"),
        {**thing("Secret", data={"a": "${P}"}), "apiVersion": "example.com/v1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("compatibility", ["none", "flux"])
@pytest.mark.parametrize("undefined", ["error", "empty", "keep"])
def test_the_value_of_a_secret_goes_nowhere_else(obj: Object, compatibility: str, undefined: str) -> None:
    options = {"in": ["values", "names"], "compatibility": compatibility, "undefined": undefined}
    error = refused(obj, secrets=SECRET, options=options)

    assert isinstance(error, SecretExposed)
    assert "would hold ${P} of the Secret s" in str(error)
    assert "pw" not in str(error)


def test_what_was_looked_up_is_known() -> None:
    work = substitution(A="1", B="2")
    work.replaced([Manifest.of(thing(data={"a": "${A} ${C:-x} ${B}", "b": "$${D}"}))])

    assert work.used == ("A", "B", "C")


def test_values_have_a_limit_together() -> None:
    error = refused(thing(data={f"k{number}": "${N}" for number in range(20)}), N="x" * 100_000)

    assert error.reason == "RenderTooLarge"


def test_a_value_has_a_limit() -> None:
    error = refused(thing(data={"a": "${N//x/${N}}"}), N="x" * 10_000)

    assert "makes a text of more than" in str(error)


# What Flux does, for those who need it.


def flux(obj: Object, **values: Any) -> Object:
    return replaced(obj, options={"compatibility": "flux"}, **values)


@pytest.mark.parametrize(
    ("written", "values", "value"),
    [
        ("${N}", {"N": "3"}, 3),
        ("${N}", {"N": "1.50"}, 1.5),
        ("${N}", {"N": "true"}, True),
        ("${N}", {"N": '"3"'}, "3"),
        ("${N}", {"N": "yes"}, True),
        ("${N}", {"N": "a\nb"}, "ab"),
        ("${N}", {"N": ""}, None),
        ("${N}", {"N": "{a: b}"}, {"a": "b"}),
        ("${N}", {"N": "a # b"}, "a"),
        ("a: ${N}", {"N": "x # y"}, "a: x # y"),
        ("${N}\nx: ", {"N": " a "}, " a \nx: "),
        ("${Q}${N}${Q}", {"Q": '"', "N": "3"}, "3"),
        ("a$$b", {}, "a$b"),
        ("$${N}", {"N": "3"}, "${N}"),
        ("${#N}", {"N": "ü"}, 2),
        ("${N=3}", {"N": ""}, 3),
        ("${N/#a/}", {"N": "ab"}, "ab"),
    ],
)
def test_flux_replaces_in_the_text(written: str, values: Mapping[str, str], value: Any) -> None:
    result = flux(thing("Widget", spec={"size": written}), **values)["spec"]["size"]

    assert (result, type(result)) == (value, type(value))


def test_flux_replaces_names_and_keys() -> None:
    assert flux(thing(name="${N}-a", data={"${N}": "x"}), N="b") == thing(name="b-a", data={"b": "x"})


def test_what_is_no_yaml_any_more_is_refused_without_its_value() -> None:
    error = refused(thing("Secret", stringData={"a": "${P}"}), secrets={"P": "'hunter22"}, options={"compatibility": "flux"})

    assert error.reason == "InvalidManifest"
    assert "hunter22" not in str(error)
    assert "compatibility: none" in str(error)


def test_flux_says_all_undefined_names_with_their_places() -> None:
    error = refused(thing(data={"a": "${A} ${B}", "b": "${C}"}), options={"compatibility": "flux"})

    assert error.facts["variables"] == "A, B, C"
    assert "/data/b: ${C} has no value" in str(error)


def test_flux_keeps_what_is_undefined_where_it_is_asked_to() -> None:
    options = {"compatibility": "flux", "undefined": "keep"}

    assert replaced(thing(data={"a": "${A} ${N}"}), N="x", options=options)["data"] == {"a": "${A} x"}
