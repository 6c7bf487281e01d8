"""Specs that the API server and the agent judge alike."""

from __future__ import annotations

from gitops_agent.manifest.key import Object

SOURCE: Object = {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}}


def spec(**fields: object) -> Object:
    return {"source": SOURCE, **fields}


def source(**fields: object) -> Object:
    return {"source": {**SOURCE, **fields}}


def values(*sources: Object, **fields: object) -> Object:
    return {"source": {**SOURCE, **fields}, "render": {"helm": {"valuesFrom": list(sources)}}}


def chart(**fields: object) -> Object:
    return {"source": {"chart": {"repository": "https://charts.example.com", "name": "web", "version": "1.x", **fields}}}


def signed(**fields: object) -> Object:
    return chart(repository="oci://ghcr.io/acme/charts", verify={"cosign": fields})


SHARED: Object = {
    "kind": "Git",
    "repoURL": "https://git.example.com/shared.git",
    "ref": {"branch": "main"},
    "path": "web.yaml",
}
FLOW_OF: Object = {"issuer": "https://token.actions.githubusercontent.com"}
FLOW: Object = {**FLOW_OF, "subject": "https://github.com/acme/charts/.github/workflows/release.yaml@refs/heads/main"}
SIGNED: Object = {"mode": "head", "secretRef": {"name": "signers"}}


COMPLETE: Object = {
    "source": {
        "repoURL": "ssh://git@git.example.com/config.git",
        "ref": {"semver": ">=1.0 <2"},
        "path": "apps/shop/overlays/prod",
        "secretRef": {"name": "git-credentials"},
        "verify": {"mode": "none", "secretRef": {"name": "allowed-signers"}},
    },
    "render": {
        "helm": {
            "releaseName": "shop",
            "valuesFiles": ["values.yaml", "../common.yaml"],
            "values": {"replicas": 3, "nested": {"list": [1, "two", None]}},
            "kubeVersion": "v1.37.0",
            "apiVersions": ["monitoring.coreos.com/v1"],
            "skipCRDs": True,
        },
    },
    "destination": {"namespace": "shop", "createNamespace": True},
    "serviceAccountName": "shop-deployer",
    "sync": {
        "interval": "1m30s",
        "mode": "manual",
        "prune": False,
        "selfHeal": False,
        "errorPolicy": "isolate",
        "deletionGuard": {"maxObjects": 0, "maxPercent": 100, "protectedKinds": ["Namespace", "apps/StatefulSet"]},
        "timeout": "10m",
        "rollback": {"onDegraded": True, "group": "release"},
        "ignoreFields": [{"kind": "Deployment", "name": "web*", "paths": ["/spec/replicas"]}],
        "windows": [],
    },
    "dependsOn": [{"name": "database"}, {"name": "cache"}],
    "deletionPolicy": "orphan",
    "suspend": {"until": "2026-12-01T08:00:00Z", "reason": "incident 4711"},
}

ACCEPTED: dict[str, Object] = {
    "the least there is": spec(),
    "every field": COMPLETE,
    "an address in the short form of ssh": source(repoURL="git@git.example.com:platform/config.git"),
    "an absolute path in the short form of ssh": source(repoURL="git@git.example.com:/srv/config.git"),
    "a user in an address": source(repoURL="https://robot@git.example.com/config.git"),
    "a file repository": source(repoURL="file:///srv/git/config.git"),
    "a tag": source(ref={"tag": "v1.0.0"}),
    "a commit": source(ref={"commit": "a" * 40}),
    "the root": source(path="."),
    "an empty path": source(path=""),
    "kustomize options": spec(
        render={
            "kustomize": {
                "components": ["../components/a"],
                "images": [{"name": "web", "newTag": "v2"}, {"name": "db", "digest": "sha256:" + "a" * 64}],
                "patches": [{"patch": "- op: remove", "target": {"kind": "Deployment"}}, {"path": "patch.yaml"}],
            }
        }
    ),
    "variables": spec(
        render={
            "variables": {
                "values": {"A": "b", "SIZE": 3, "DEBUG": False},
                "from": [{"kind": "ConfigMap", "name": "vars", "optional": True}, {"kind": "Secret", "name": "more"}],
                "undefined": "keep",
                "in": ["values", "names"],
                "compatibility": "flux",
            }
        }
    ),
    "values of another repository": values(SHARED, {"kind": "Secret", "name": "db"}),
    "values of a commit beside a signed source": values({**SHARED, "ref": {"commit": "a" * 40}}, verify=SIGNED),
    "a signer without a key": signed(identities=[FLOW]),
    "signers by pattern, of an own instance": signed(
        identities=[
            FLOW_OF | {"subjectPattern": "https://github.com/acme/*/.github/workflows/release.yaml@refs/tags/**"},
            {"issuer": "https://accounts.google.com", "subjectPattern": "*@example.com"},
        ],
        trustedRoot={"secretRef": {"name": "sigstore-root"}},
        minimum=2,
    ),
    "a provenance file of a chart": chart(verify={"provenance": {"secretRef": {"name": "signers"}}}),
    "decryption": spec(render={"decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}}),
    "verification of the tip": source(verify={"mode": "head", "secretRef": {"name": "signers"}}),
    "verification of all commits": source(
        verify={
            "mode": "all",
            "secretRef": {"name": "signers"},
            "since": "a" * 40,
            "merged": "vouched",
            "forgeMerges": "trust",
            "identity": "committer",
            "onRewrite": "follow",
        }
    ),
    "verification of a tag": source(ref={"semver": "1.x"}, verify={"mode": "tagAndHead", "secretRef": {"name": "signers"}}),
    "a window in a time zone": spec(
        sync={"windows": [{"schedule": "0 22 * * 1-5", "duration": "8h", "timezone": "Europe/Berlin"}]}
    ),
    "a freeze of weeks": spec(sync={"windows": [{"schedule": "0 0 20 DEC ?", "duration": "336h", "reason": "year-end"}]}),
    "ignored fields of a manager": spec(sync={"ignoreFields": [{"kind": "Deployment", "managers": ["kube-*", "Mozilla"]}]}),
    "a pause without an end": spec(suspend={}),
    "a pause in another time zone": spec(suspend={"until": "2026-12-01T08:00:00.5+01:00"}),
    "a fraction of an hour": spec(sync={"interval": "1.5h"}),
}

REFUSED: dict[str, Object] = {
    "no source": {},
    "no repository": {"source": {"ref": {"branch": "main"}}},
    "no reference": {"source": {"repoURL": "https://git.example.com/config.git"}},
    "an empty reference": source(ref={}),
    "two references": source(ref={"branch": "main", "tag": "v1"}),
    "four references": source(ref={"branch": "main", "tag": "v1", "semver": "1", "commit": "a" * 40}),
    "a branch that is an option": source(ref={"branch": "--upload-pack=x"}),
    "a branch with dots": source(ref={"branch": "a..b"}),
    "a short commit": source(ref={"commit": "abcdef1"}),
    "a climbing path": source(path="apps/../../etc"),
    "an absolute path": source(path="/apps"),
    "a control character in a path": source(path="a\tb"),
    "an address of another kind": source(repoURL="ext::sh -c evil"),
    "an address that is an option": source(repoURL="-oProxyCommand=evil"),
    "an ssh path that is an option": source(repoURL="git@host:-evil"),
    "an address with a blank": source(repoURL="https://git.example.com/a b"),
    "a password in an address": source(repoURL="https://robot:hunter2@git.example.com/config.git"),
    "plain http": source(repoURL="http://git.example.com/config.git"),
    "plain http on loopback": source(repoURL="http://127.0.0.1:8080/config.git"),
    "credentials over plain http": source(repoURL="http://git.example.com/config.git", secretRef={"name": "git"}),
    "a Secret without a name": source(secretRef={}),
    "an empty name": source(secretRef={"name": ""}),
    "verification without keys": source(verify={"mode": "head"}),
    "verification of a tag of a branch": source(verify={"mode": "tag", "secretRef": {"name": "signers"}}),
    "a beginning of trust for the tip only": source(
        verify={"mode": "head", "secretRef": {"name": "signers"}, "since": "a" * 40}
    ),
    "a mode of verification that does not exist": source(verify={"mode": "tail"}),
    "helm and kustomize": spec(render={"helm": {}, "kustomize": {}}),
    "values of a branch beside a signed source": values(SHARED, verify=SIGNED),
    "values of an object without a name": values({"kind": "ConfigMap"}),
    "values of another repository without a file": values({**SHARED, "path": None}),
    "values with the name of an object and a repository": values({**SHARED, "name": "db"}),
    "values with a key of a repository": values({**SHARED, "key": "other"}),
    "values of an object with a reference": values({"kind": "Secret", "name": "db", "ref": {"branch": "main"}}),
    "values over plain http": values({**SHARED, "repoURL": "http://git.example.com/shared.git"}),
    "a password in the address of values": values({**SHARED, "repoURL": "https://a:b@git.example.com/shared.git"}),
    "values of nine repositories": values(*[SHARED] * 9),
    "signatures of a chart without a kind": chart(verify={}),
    "signatures of a chart of both kinds": chart(
        repository="oci://ghcr.io/acme/charts",
        verify={
            "provenance": {"secretRef": {"name": "signers"}},
            "cosign": {"keys": {"secretRef": {"name": "keys"}}},
        },
    ),
    "signatures with keys and without": signed(keys={"secretRef": {"name": "keys"}}, identities=[FLOW]),
    "signatures by nobody": signed(minimum=1),
    "signatures of no identities": signed(identities=[]),
    "a signer without a subject": signed(identities=[{"issuer": "https://accounts.google.com"}]),
    "a signer with a subject and a pattern": signed(identities=[FLOW | {"subjectPattern": "*@example.com"}]),
    "a signer of any issuer": signed(identities=[{"subject": "ada@example.com"}]),
    "a pattern of any host": signed(identities=[FLOW_OF | {"subjectPattern": "https://*/acme/**"}]),
    "a pattern of everything": signed(identities=[FLOW_OF | {"subjectPattern": "**"}]),
    "a pattern of mail of any host": signed(identities=[FLOW_OF | {"subjectPattern": "ada@*"}]),
    "a pattern without a path": signed(identities=[FLOW_OF | {"subjectPattern": "https://github.com**"}]),
    "more signers than there are": signed(identities=[FLOW], minimum=2),
    "a trusted root for keys": signed(
        keys={"secretRef": {"name": "keys"}}, trustedRoot={"secretRef": {"name": "sigstore-root"}}
    ),
    "signatures of cosign in a repository of files": chart(verify={"cosign": {"keys": {"secretRef": {"name": "keys"}}}}),
    "a patch in two places": spec(render={"kustomize": {"patches": [{"patch": "a", "path": "b"}]}}),
    "a patch in no place": spec(render={"kustomize": {"patches": [{"target": {"kind": "Deployment"}}]}}),
    "an absolute values file": spec(render={"helm": {"valuesFiles": ["/etc/passwd"]}}),
    "values that are a list": spec(render={"helm": {"values": []}}),
    "a namespace to create but none named": spec(destination={"createNamespace": True}),
    "a namespace with dots": spec(destination={"namespace": "a.b"}),
    "an empty ServiceAccount": spec(serviceAccountName=""),
    "an unknown unit": spec(sync={"interval": "1d"}),
    "a negative duration": spec(sync={"interval": "-5s"}),
    "a duration with an exponent": spec(sync={"timeout": "1e9h"}),
    "an empty duration": spec(sync={"interval": ""}),
    "a number for a duration": spec(sync={"interval": 5}),
    "a duration that overflows": spec(sync={"interval": "99999999999999h"}),
    "a duration below a second": spec(sync={"interval": "500ms"}),
    "a duration above a day": spec(sync={"interval": "25h"}),
    "an unknown mode": spec(sync={"mode": "automatic"}),
    "a text for a boolean": spec(sync={"prune": "yes"}),
    "more than a hundred percent": spec(sync={"deletionGuard": {"maxPercent": 101}}),
    "a negative budget": spec(sync={"deletionGuard": {"maxObjects": -1}}),
    "a fraction of an object": spec(sync={"deletionGuard": {"maxObjects": 1.5}}),
    "a pointer without a slash": spec(sync={"ignoreFields": [{"kind": "Deployment", "paths": ["spec"]}]}),
    "ignored fields without a path": spec(sync={"ignoreFields": [{"kind": "Deployment", "paths": []}]}),
    "ignored fields without anything": spec(sync={"ignoreFields": [{"kind": "Deployment"}]}),
    "a manager without a name": spec(sync={"ignoreFields": [{"kind": "Deployment", "managers": [""]}]}),
    "a window without a schedule": spec(sync={"windows": [{"duration": "1h"}]}),
    "a schedule of three fields": spec(sync={"windows": [{"schedule": "* * *", "duration": "1h"}]}),
    "a schedule with characters of another dialect": spec(sync={"windows": [{"schedule": "0 0 L * 5#2", "duration": "1h"}]}),
    "a window of seconds": spec(sync={"windows": [{"schedule": "0 0 * * *", "duration": "59s"}]}),
    "a window of more than a year": spec(sync={"windows": [{"schedule": "0 0 1 1 *", "duration": "8785h"}]}),
    "a dependency without a name": spec(dependsOn=[{}]),
    "an unknown policy of deletion": spec(deletionPolicy="keep"),
    "a day without a time": spec(suspend={"until": "2026-12-01"}),
    "a time without a zone": spec(suspend={"until": "2026-12-01T08:00:00"}),
    "a month that does not exist": spec(suspend={"until": "2026-13-01T08:00:00Z"}),
    "an unknown field": spec(sync={"intervall": "5m"}),
    "an unknown field far down": spec(render={"kustomize": {"images": [{"name": "a", "tag": "b"}]}}),
    "a source that is a text": {"source": "https://git.example.com/config.git"},
}
