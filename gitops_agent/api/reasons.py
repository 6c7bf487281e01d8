"""The reasons of conditions, events and errors, with remedies and kinds.

A code is a promise to scripts, so each stands here once; a test looks for codes in the package that are not in the table, and
the reference page is printed from it. Whether a reason is a failure is a fact about the reason, so it stands here too, and no
caller keeps a list of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonKind(StrEnum):
    """What a reason says about the way to the desired state."""

    PROGRESS = "progress"
    """There, or on the way."""
    WAIT = "wait"
    """Goes on by itself once something else has come or gone."""
    HOLD = "hold"
    """Goes on when a person decides."""
    FAILURE = "failure"
    """Needs a fix before it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason code.

    Attributes:
        code: CamelCase, stable.
        meaning: what it stands for.
        remedy: what a person can do; empty when there is nothing to do.
        kind: whether it is progress, a wait, a hold or a failure.
        transient: whether a failure is retried and may pass without a user's action.
    """

    code: str
    meaning: str
    remedy: str = ""
    kind: ReasonKind = ReasonKind.FAILURE
    transient: bool = False

    @property
    def passes(self) -> bool:
        """Whether it may pass without a user's action."""
        return self.transient or self.kind in (ReasonKind.PROGRESS, ReasonKind.WAIT)


_TABLE = (
    # States of an application.
    ("Synced", "Every declared object is in the cluster as declared.", ""),
    ("OutOfSync", "The cluster differs from what is declared.", "Inspect the difference with `gitops-agent diff`."),
    ("Progressing", "Objects are applied and on their way to healthy.", "Wait, or inspect it with `gitops-agent tree`."),
    ("Healthy", "Every object does what it should.", ""),
    ("Degraded", "An object failed or did not become healthy in time.", "Read the object's reason in the status."),
    ("Missing", "A declared object is not in the cluster.", "Read the problems in the status for why it could not be applied."),
    ("Unknown", "The state of an object cannot be determined.", "Check the agent's permissions and the API server."),
    ("Recovered", "What was broken works again.", ""),
    ("Suspended", "The application is paused; drift is reported, nothing is changed.", "Resume it with `gitops-agent resume`."),
    ("Resumed", "A pause ended.", ""),
    (
        "WindowClosed",
        "Changes wait for a window of `spec.sync.windows`; the message names the time at which it opens.",
        "Wait, or let this plan run now with `gitops-agent approve`.",
    ),
    ("Stable", "No rollout is under way: the newest version is the one that runs.", ""),
    ("RollingOut", "A new version takes over, step by step.", "Inspect it with `gitops-agent rollout status`."),
    ("RolloutStep", "A step of a rollout is in force.", ""),
    (
        "RolloutPaused",
        "A rollout waits for a user: it was paused, its metrics are inconclusive, or a step requires approval.",
        "Inspect it with `gitops-agent rollout status`, then `rollout promote`, `rollout resume` or `rollout abort`.",
    ),
    ("Promoted", "A new version took over.", ""),
    (
        "RolledBack",
        "A new version failed; the stable one runs, and this version is not tried again.",
        "Push a fixed commit, revert the commit, or ask for another try (`gitops-agent rollout retry`, `gitops-agent retry`).",
    ),
    (
        "RolloutRefused",
        "A RolloutPolicy asks for something that cannot be had with what Git declares.",
        "Fix the policy, its workload, Service or routes in Git as the message says.",
    ),
    (
        "CommandRefused",
        "A command does not apply to a rollout in its current phase and was not recorded, or it came too late.",
        "Read the message, and inspect the rollout with `gitops-agent rollout status`.",
    ),
    (
        "CommandNotTaken",
        "No agent took a command to a rollout in time; it stays on the RolloutPolicy until one does.",
        "Check that the agent runs, and that the Application is neither paused nor in mode `observe`.",
    ),
    (
        "LeaderChanged",
        "Another agent has taken over a rollout that this one believed to lead; this one touches nothing of it.",
        "See that only one agent runs without leader election, and that its old process has ended.",
    ),
    (
        "LeadershipLost",
        "A write was not sent, because the lease of this replica had run out or was taken over; the new leader does it.",
        "Nothing, when it is rare; else look for an API server that is too slow, or a node that is overloaded or suspended.",
    ),
    ("RolloutOver", "An object that a rollout made is deleted, because the rollout no longer needs it.", ""),
    ("Observing", "The mode is `observe`: differences are reported, nothing is changed.", "Set `spec.sync.mode: auto` to act."),
    ("AwaitingApproval", "The mode is `manual`: the plan waits for approval.", "Approve it with `gitops-agent approve`."),
    ("HeldForApproval", "The plan deletes more than the guard allows.", "Read what it would delete; approve it or repair Git."),
    ("Approved", "A held plan was approved.", ""),
    ("Deleting", "The Application is being deleted.", ""),
    ("Deleted", "The Application and what it owned are gone.", ""),
    ("Pruning", "Objects that are no longer declared are being deleted.", ""),
    ("PruneDisabled", "An object is no longer declared but asks to be kept.", "Delete it manually when it is not needed."),
    ("Repaired", "Drift was repaired.", ""),
    (
        "Drifted",
        "An object the agent manages was changed by another writer.",
        "Make the change in Git, or give the field up in `ignoreFields`.",
    ),
    ("Undeclared", "A field was added to an object the agent manages.", "Declare it in Git or remove it."),
    (
        "TrafficRefused",
        "A route cannot carry the share of traffic, the match or the mirror a RolloutPolicy asks for.",
        "Change the route, or ask for what its provider can do; the message names the field.",
    ),
    (
        "Fighting",
        "Another writer keeps changing a field back; repairs stopped.",
        "Give the field up to one of the two writers.",
    ),
    ("RevisionSeen", "A new commit was found.", ""),
    ("HistoryRewritten", "A branch was force-pushed: commits are gone from it.", "Make sure that this was meant."),
    ("New", "A declared object is not in the cluster yet.", ""),
    ("Changed", "What is declared of an object changed.", ""),
    ("Adopted", "A declared object was there before and belonged to no application.", ""),
    ("Remarked", "An object's marks carry no valid seal, and are written anew; nothing else changes.", ""),
    (
        "MarkUnverified",
        "An object's marks name the Application without a valid seal: it is left alone.",
        "Declare it, delete it manually, or remove its marks.",
    ),
    (
        "MarkBroken",
        "An object that the agent applied is no longer declared, but its mark was damaged: it is left alone.",
        "Delete it, remove its label `gitops-agent.dev/application` to keep it, or declare it again.",
    ),
    (
        "PruningOff",
        "An object is no longer declared, but `spec.sync.prune` is off.",
        "Delete it manually, or switch pruning on.",
    ),
    ("Controlled", "An object is no longer declared, but another object controls it.", ""),
    (
        "DeletionForbidden",
        "An object is no longer declared, but the Application's account may not delete it.",
        "Grant `delete`, or delete it manually.",
    ),
    (
        "AgentObject",
        "The agent never deletes what belongs to its own installation.",
        "Declare it again, or delete it manually.",
    ),
    (
        "StillInUse",
        "A Namespace or CRD is no longer declared, but holds what stays.",
        "Declare it again, or remove what it holds.",
    ),
    ("NotListed", "Nothing is deleted before every kind was listed once.", ""),
    # The spec.
    ("InvalidSpec", "The resource's spec is wrong; nothing is done for it.", "Correct the fields that the message names."),
    ("FieldNotSupported", "A field's behaviour comes with a later version.", "Remove the field that the message names."),
    ("Usage", "The command line or a setting is wrong.", "Correct what the message names."),
    ("Error", "Something went wrong that has no code of its own.", "Read the message and the agent's log."),
    # The source.
    (
        "SourceUnavailable",
        "The repository cannot be reached; the last good revision stays.",
        "Check address, network and server.",
    ),
    ("SourceRecovered", "The repository can be reached again.", ""),
    ("SourceFailed", "The repository could not give what was asked of it.", "Read the message."),
    ("AuthenticationFailed", "The repository refused the credentials.", "Correct the Secret named by `spec.source.secretRef`."),
    ("SecretNotFound", "A Secret that the resource names is not there.", "Create it in the namespace of the resource."),
    (
        "SecretHostRefused",
        "A Secret may not be sent to the host of a repository, receiver or metric provider.",
        "Use another Secret, or name the host in its annotation `gitops-agent.dev/allowed-hosts` or the setting.",
    ),
    (
        "HostRefused",
        "The settings do not allow the host of a receiver or metric provider.",
        "Use another host, or let the administrator add it to `notify.allowedHosts` or `analysis.allowedHosts`.",
    ),
    ("SecretInvalid", "A Secret does not hold what it should.", "Correct the keys that the message names."),
    ("Verified", "The commit that is followed carries a trusted signature.", ""),
    (
        "Unverified",
        "The newest commit is not followed, because `spec.source.verify` does not accept its signature; what is applied stays.",
        "Have it signed, or correct the keys in the Secret; `gitops-agent signers check` explains them.",
    ),
    (
        "SignerRemoved",
        "What runs was signed by a key that is no longer trusted; it goes on running.",
        "Push a commit that a trusted key signed.",
    ),
    (
        "SignatureMalformed",
        "A commit or tag carries a signature that two readers could understand differently.",
        "Sign it anew with git.",
    ),
    ("PathNotFound", "The path is not in the revision.", "Correct `spec.source.path`, or commit the directory."),
    ("PathEscapes", "A path or link leads out of the repository.", "Keep every file below the root of the repository."),
    ("LinkBroken", "A link points at nothing, or at itself.", "Correct the link."),
    ("RevisionNotFound", "The branch, tag, version or commit is not in the repository.", "Correct `spec.source.ref`."),
    ("Fetching", "The repository is being fetched for the first time.", ""),
    ("NotFetched", "The repository was not fetched yet.", "Wait for the first poll."),
    ("EmptyRepository", "The repository has no commit.", "Push one."),
    ("SubmodulesRefused", "A file that is needed lies in a submodule.", "Put the files into the repository itself."),
    ("LFSRefused", "A file that is needed is a Git LFS pointer.", "Store manifests in Git itself."),
    ("FileTooLarge", "A file is larger than a manifest can be.", "Move the file out of the rendered directory."),
    ("FileNotFound", "A file that a manifest refers to is not in the revision.", "Commit it, or correct the reference."),
    ("URLRefused", "The repository's address is of a kind the agent does not use.", "Use https or ssh."),
    # The render.
    ("RenderFailed", "The files do not render.", "Read the message; `gitops-agent render` shows the same."),
    ("RenderTimeout", "Rendering took too long and was stopped.", "Make the render smaller or raise `render.timeoutSeconds`."),
    ("RenderTooLarge", "Rendering used too much memory, output or files.", "Make the render smaller or raise its limits."),
    ("RemoteBase", "A kustomization refers to something outside the repository.", "Vendor it into the repository."),
    (
        "DecryptionFailed",
        "An encrypted file cannot be decrypted, or was changed afterwards.",
        "Give the Application a key of it.",
    ),
    ("DecryptionKeysMissing", "The Secret with the decryption keys is not there.", "Create it in the Application's namespace."),
    ("DecryptionKeysRefused", "The decryption keys may not be used.", "Let the Application's ServiceAccount get that Secret."),
    ("KeyUnavailable", "A service that holds decryption keys gives no answer.", "Check that it can be reached."),
    ("StillEncrypted", "A value of an object is ciphertext.", "Set `spec.render.decryption`."),
    (
        "PlaintextOnDisk",
        "A decrypted file would be written to a disk.",
        "Mount a volume in memory for the scratch files of renders.",
    ),
    ("SecretExposed", "A secret value would be in an object that is no Secret.", "Refer to the Secret from that object."),
    ("ToolMissing", "helm or kustomize is not installed.", "Install it with `gitops-agent tools install`."),
    ("ProcessFailed", "A program failed, hung or exceeded its output limit.", "Read its output in the agent's log."),
    (
        "InvalidManifest",
        "A file is not valid YAML, or a document is not a Kubernetes object.",
        "Correct the file and line in the message.",
    ),
    (
        "UndefinedVariable",
        "A variable in a manifest has neither a value nor a default.",
        "Give it a value, write `$${NAME}` for the shell's own, or annotate it `gitops-agent.dev/substitute: disabled`.",
    ),
    (
        "InvalidExpression",
        "An expression `${…}` in a manifest cannot be read, or is too long or too deep.",
        "Correct it, or write `$${` for a text that is no variable.",
    ),
    (
        "VariableSourceMissing",
        "A ConfigMap or Secret that variables or values are read from is not there; what was applied stays.",
        "Create it in the Application's namespace, or set `optional: true`.",
    ),
    (
        "VariableSourceRefused",
        "An Application may not read a Secret that its variables or values are from.",
        "Let its ServiceAccount `get` that Secret, or name another one.",
    ),
    ("DuplicateObject", "One object is declared twice.", "Remove one of the two places that the message names."),
    ("OwnedByAnother", "An object belongs to another application and is left out.", "Declare it in one application only."),
    (
        "ManagedByAnother",
        "Flux or Argo CD manages a declared object, and is not suspended for it; it is adopted once that tool lets go.",
        "Suspend the Kustomization, HelmRelease or Application that the message names, or approve the plan to take it now.",
    ),
    ("EmptyRender", "The render holds no object, but the application has some.", "Approve the deletion, or repair the path."),
    # The cluster.
    ("ApplyFailed", "Objects could not be applied.", "Read the problems in the status."),
    ("PreflightFailed", "The API server would refuse objects; nothing was applied.", "Correct all that the message names."),
    ("Invalid", "The API server refuses an object as it is.", "Correct the fields that the message names."),
    ("Immutable", "A field of a live object cannot be changed.", "Set `gitops-agent.dev/replace: on-immutable`, or rename it."),
    ("Forbidden", "RBAC or an admission policy says no.", "Grant the permission, or change the object."),
    (
        "Unauthorized",
        "The API server does not accept the credentials: a token or certificate has expired, or is of another cluster.",
        "Log in again, or renew the credentials of the kubeconfig.",
    ),
    ("QuotaExceeded", "A quota of the namespace is used up.", "Raise the quota or ask for less."),
    ("WebhookUnavailable", "An admission webhook that must be asked is down.", "Repair the webhook's backend."),
    ("WebhookDenied", "An admission webhook says no.", "Change the object as the message says."),
    ("UnknownKind", "The API server does not know a kind (yet).", "Install its CRD, or correct apiVersion and kind."),
    ("MissingNamespace", "A namespace is not there (yet).", "Declare it, or set `spec.destination.createNamespace`."),
    ("ClusterError", "The API server gave an unexpected answer.", "Read the message."),
    ("NotFound", "An object is not there.", ""),
    ("Conflict", "An object changed at the same moment; tried again.", ""),
    ("Expired", "A list was too old; asked again.", ""),
    (
        "Throttled",
        "The API server limits the rate of requests; tried again.",
        "Give the API server more capacity if this lasts.",
    ),
    ("Unavailable", "The API server does not answer; tried again.", "Check the API server."),
    ("CannotSee", "A part of the cluster cannot be listed; nothing of it is deleted.", "Grant `list`, or repair the API."),
    (
        "ClusterMismatch",
        "The API server is another cluster than the one the agent began with; it wrote nothing more and ended, to begin anew.",
        "Check which cluster its kubeconfig, its address or its name leads to.",
    ),
    ("WrongCluster", "`spec.destination.clusterUID` names another cluster.", "Follow the path of this cluster."),
    ("Terminating", "An object is being deleted; it is applied again once it is gone.", "Check its finalizers if this lasts."),
    # The order.
    ("WaitingFor", "An object waits for another one.", "See `gitops-agent tree` for what it waits for."),
    ("DependencyNotReady", "An application in `dependsOn` is not ready.", "Inspect that application."),
    ("PlanFailed", "No plan can be made of what is declared and what is live.", "Read the message."),
    (
        "CRDUpgradeRefused",
        "A CustomResourceDefinition no longer serves a version in which objects are declared; nothing is applied.",
        "Declare these objects in a served version first, or serve the old version until then.",
    ),
    ("DependencyCycle", "Objects or applications wait for each other in a circle.", "Break the circle the message prints."),
    (
        "HookFailed",
        "A hook failed, took longer than `spec.sync.timeout`, or was deleted before it ended; the sync goes no further.",
        "Read the message, then push a fix, or run the failed hooks again with `gitops-agent sync`.",
    ),
    (
        "HookNotRun",
        "A hook is recognised but not run: a test of a chart, a hook to be skipped, or Helm's hooks are switched off.",
        "Run it manually, or give it another moment.",
    ),
    ("Ignored", "An object asks not to be applied.", "Remove its `apply: ignore` annotation to have it applied."),
    ("CreateOnly", "An object is created once and then left alone.", ""),
    ("TimedOut", "Objects did not become healthy within `spec.sync.timeout`.", "Read the object's reason in the status."),
    ("Superseded", "A newer commit took over.", ""),
    # Why a pod is not healthy.
    ("Unschedulable", "No node takes a pod.", "Read which resource, taint or volume stands in the way."),
    ("ImagePullFailed", "An image cannot be pulled.", "Correct the image, its tag or the pull secret."),
    (
        "ContainerConfigError",
        "A container cannot be made of what its pod says.",
        "Supply the ConfigMap, Secret or key it names.",
    ),
    ("CrashLoop", "A container ends again and again.", "Read its exit code and last lines in the message."),
    ("InitStuck", "An init container does not end.", "Read its log."),
    ("ProbeFailed", "A probe of a container fails.", "Correct the probe or the program."),
    ("MountFailed", "A volume cannot be mounted.", "Supply what the volume names."),
    ("ProvisioningFailed", "A volume cannot be provided.", "Check the StorageClass and its provisioner."),
    ("PodFailed", "A pod ended in failure.", "Read the message."),
    ("NotReady", "A pod runs but is not ready.", "Read which readiness gate is not met."),
    # The sandbox and its tools.
    ("NotSeen", "The demo did not see what should have happened in time.", "Read the step and the agent's log."),
    ("SandboxFailed", "The sandbox could not be started.", "Read the log that the message names."),
    ("SandboxStarting", "The sandbox is still starting.", "Try again in some seconds."),
    ("Busy", "Another process holds a lock.", "Wait until it has ended."),
    ("BuildFailed", "A tool could not be built.", "Read the compiler output in the message."),
    ("NoGo", "There is no Go to build tools with.", "Install Go, or let pip reach its index."),
    (
        "ReleaseUnavailable",
        "A release could not be downloaded.",
        "Check the network; the tool is built instead where possible.",
    ),
    ("ChecksumMismatch", "A download is not what its publisher says.", "Try again; if it lasts, do not trust that source."),
    ("DiskFull", "The disk is full.", "Free some space."),
    ("ToolDamaged", "A tool in the cache is not what was installed.", "Install it again with `gitops-agent tools install`."),
    ("WrongVersion", "A tool has another version than is wanted.", "Install it with `gitops-agent tools install`."),
    (
        "NoFreePort",
        "Another process listens on the port, or no port is free.",
        "Choose another port (`server.port` of the agent), or stop what listens there.",
    ),
    ("SandboxDown", "The sandbox does not run.", "Start it with `gitops-agent sandbox up`."),
    ("SandboxRefused", "The sandbox's API server refused a request.", "Read the message."),
    # Notifiers.
    ("Ready", "The resource is in use.", ""),
    ("DeliveryFailed", "A notification could not be delivered; it is tried again.", "Check address, credentials and receiver."),
    (
        "MeasurementFailed",
        "A metric of a rollout could not be measured.",
        "Check the provider's address, credentials and query.",
    ),
    ("TemplateFailed", "A notification's template does not render.", "Correct `spec.template`."),
)

_PROGRESS = frozenset(
    {
        *("Synced", "OutOfSync", "Progressing", "Healthy", "Recovered", "Resumed", "Stable", "RollingOut", "RolloutStep"),
        *(
            "Promoted",
            "Verified",
            "RolloutOver",
            "Approved",
            "Deleted",
            "Pruning",
            "Repaired",
            "RevisionSeen",
            "New",
            "Changed",
            "Adopted",
        ),
        *("Remarked", "MarkUnverified"),
        *("Controlled", "SourceRecovered", "Fetching", "CreateOnly", "Superseded", "Ready"),
    }
)
_WAIT = frozenset(
    {
        *("Missing", "WaitingFor", "DependencyNotReady", "Terminating", "StillInUse", "NotListed", "CannotSee", "UnknownKind"),
        "ManagedByAnother",
        *("MissingNamespace", "NotFetched", "Suspended", "VariableSourceMissing", "WindowClosed", "DecryptionKeysMissing"),
    }
)
_HOLD = frozenset(
    {
        "Unverified",
        "HistoryRewritten",
        "SignerRemoved",
        "HeldForApproval",
        "AwaitingApproval",
        "RolloutPaused",
        "RolledBack",
        "Observing",
    }
)
_TRANSIENT = frozenset(
    {
        *("WebhookUnavailable", "SourceUnavailable", "RenderTimeout", "Unavailable", "Throttled", "Conflict", "Expired"),
        *("LeadershipLost", "KeyUnavailable"),
    }
)
"""Failures that are tried again; all that is in no set is a failure that lasts."""


def _kind(code: str) -> ReasonKind:
    kinds = ((ReasonKind.PROGRESS, _PROGRESS), (ReasonKind.WAIT, _WAIT), (ReasonKind.HOLD, _HOLD))
    return next((kind for kind, codes in kinds if code in codes), ReasonKind.FAILURE)


REASONS: dict[str, Reason] = {
    code: Reason(code=code, meaning=meaning, remedy=remedy, kind=_kind(code), transient=code in _TRANSIENT)
    for code, meaning, remedy in _TABLE
}
"""By code."""


def reason_of(code: str) -> Reason:
    """The reason of a code; an unknown code is a failure."""
    return REASONS.get(code) or Reason(code=code, meaning="")
