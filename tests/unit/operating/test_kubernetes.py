"""The manifests for Kubernetes: each is one by its own schema, and shuts the bridge off as systemd's unit does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bridge.settings import AppserviceSettings, PanelSettings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "config" / "kubernetes"
ENDPOINTS = (ROOT / "docs" / "endpoints.md").read_text()
OLDEST = "1.30"
"""The first in which a container may sleep before it ends without a program for that."""
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def manifests() -> Iterator[dict[str, Any]]:
    for name in KUSTOMIZATION["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in manifests() if one["kind"] == kind]


def pods() -> list[dict[str, Any]]:
    jobs = [one["spec"]["jobTemplate"]["spec"]["template"]["spec"] for one in of_kind("CronJob")]
    return [one["spec"]["template"]["spec"] for one in of_kind("Deployment")] + jobs


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_kubernetes_knows_each_key(version: str) -> None:
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_every_manifest_is_applied() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"kustomization.yaml", *KUSTOMIZATION["resources"]}


@pytest.mark.parametrize("pod", pods(), ids=["bridge", "backup"])
def test_a_pod_is_nobody_of_account_and_writes_where_it_must(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    (container,) = pod["containers"]
    own = container["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    assert "env" not in container, "secrets come from files, which a child process does not inherit"
    for mount in container["volumeMounts"]:
        if "secret" in volumes[mount["name"]]:
            assert mount["readOnly"]
            assert volumes[mount["name"]]["secret"]["defaultMode"] & 0o007 == 0
    claimed = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one}
    assert claimed <= {one["metadata"]["name"] for one in of_kind("PersistentVolumeClaim")}


def test_one_process_at_a_time_owns_the_database() -> None:
    (deployment,) = of_kind("Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_R1_one_that_stands_by_reaches_the_one_at_work() -> None:
    (deployment,), (policy,) = of_kind("Deployment"), of_kind("NetworkPolicy")
    itself = {"podSelector": {"matchLabels": deployment["spec"]["template"]["metadata"]["labels"]}}
    (rule,) = [one for one in policy["spec"]["ingress"] if itself in one["from"]]
    (container,) = pods()[0]["containers"]
    assert {one["port"] for one in rule["ports"]} == {one["name"] for one in container["ports"]}


def test_it_is_asked_where_it_answers_and_reached_before_it_is_ready() -> None:
    (container,) = pods()[0]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"appservice": AppserviceSettings().listen_port, "panel": PanelSettings().listen_port}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert f"`GET {asked['path']}`" in ENDPOINTS
        assert asked["port"] == "appservice"
    (service,) = [one for one in of_kind("Service") if one["metadata"]["name"] == "firm-bridge"]
    assert service["spec"]["publishNotReadyAddresses"]
