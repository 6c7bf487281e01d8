"""Kinds with special meaning for order, pruning, health and rollouts."""

from __future__ import annotations

from typing import Final

from gitops_agent.manifest.key import GroupKind

GROUP: Final = "gitops-agent.dev"
"""The API group of our resources, and the prefix of our annotations."""
RBAC: Final = "rbac.authorization.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io"
FLOW_CONTROL: Final = "flowcontrol.apiserver.k8s.io"
MONITORING: Final = "monitoring.coreos.com"

APPLICATION: Final = GroupKind(GROUP, "Application")
NOTIFIER: Final = GroupKind(GROUP, "Notifier")
ROLLOUT_POLICY: Final = GroupKind(GROUP, "RolloutPolicy")

CONFIG_MAP: Final = GroupKind("", "ConfigMap")
CORE_EVENT: Final = GroupKind("", "Event")
ENDPOINTS: Final = GroupKind("", "Endpoints")
NAMESPACE: Final = GroupKind("", "Namespace")
PERSISTENT_VOLUME: Final = GroupKind("", "PersistentVolume")
PERSISTENT_VOLUME_CLAIM: Final = GroupKind("", "PersistentVolumeClaim")
POD: Final = GroupKind("", "Pod")
REPLICATION_CONTROLLER: Final = GroupKind("", "ReplicationController")
SECRET: Final = GroupKind("", "Secret")
SERVICE: Final = GroupKind("", "Service")
SERVICE_ACCOUNT: Final = GroupKind("", "ServiceAccount")

CONTROLLER_REVISION: Final = GroupKind("apps", "ControllerRevision")
DAEMON_SET: Final = GroupKind("apps", "DaemonSet")
DEPLOYMENT: Final = GroupKind("apps", "Deployment")
REPLICA_SET: Final = GroupKind("apps", "ReplicaSet")
STATEFUL_SET: Final = GroupKind("apps", "StatefulSet")
CRON_JOB: Final = GroupKind("batch", "CronJob")
JOB: Final = GroupKind("batch", "Job")

AUTOSCALER: Final = GroupKind("autoscaling", "HorizontalPodAutoscaler")
DISRUPTION_BUDGET: Final = GroupKind("policy", "PodDisruptionBudget")
ENDPOINT_SLICE: Final = GroupKind("discovery.k8s.io", "EndpointSlice")
EVENT: Final = GroupKind("events.k8s.io", "Event")
SCALED_OBJECT: Final = GroupKind("keda.sh", "ScaledObject")

API_SERVICE: Final = GroupKind("apiregistration.k8s.io", "APIService")
CRD: Final = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
MUTATING_WEBHOOKS: Final = GroupKind(ADMISSION, "MutatingWebhookConfiguration")
VALIDATING_POLICY: Final = GroupKind(ADMISSION, "ValidatingAdmissionPolicy")
VALIDATING_POLICY_BINDING: Final = GroupKind(ADMISSION, "ValidatingAdmissionPolicyBinding")
VALIDATING_WEBHOOKS: Final = GroupKind(ADMISSION, "ValidatingWebhookConfiguration")

FLOW_SCHEMA: Final = GroupKind(FLOW_CONTROL, "FlowSchema")
PRIORITY_LEVEL: Final = GroupKind(FLOW_CONTROL, "PriorityLevelConfiguration")

PROMETHEUS_RULE: Final = GroupKind(MONITORING, "PrometheusRule")
SERVICE_MONITOR: Final = GroupKind(MONITORING, "ServiceMonitor")

CLUSTER_ROLE: Final = GroupKind(RBAC, "ClusterRole")
CLUSTER_ROLE_BINDING: Final = GroupKind(RBAC, "ClusterRoleBinding")
ROLE: Final = GroupKind(RBAC, "Role")
ROLE_BINDING: Final = GroupKind(RBAC, "RoleBinding")
