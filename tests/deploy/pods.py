"""The pods of `deploy/k8s/overlays/single`, as podman plays them: with the users, the read-only
roots, the settings, files and volumes that they have in Kubernetes.

Podman has no Services, StatefulSets or rollouts, and the one of Debian 12 doesn't read Secrets. So
a name leads to an address here, a claim of a volume is a volume, and passwords are files of
ConfigMaps. Ports aren't published, and probes are what we ask. Must not know Docker's containers,
but their images.
"""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml

from tests.deploy.daemon import Daemon
from tests.deploy.stack import IMAGE
from tests.deploy.wrong import Wrong
from tests.support.processes import await_fact

NEEDED = ("podman", "catatonit", "kubectl")
"""From Debian's packages podman and catatonit; kubectl, wherever it's from."""

_ADDRESSES = {"redis": "10.88.0.150", "node": "10.88.0.151"}
"""In podman's default network, which nothing leads to from outside."""

_BRIDGE = Path("/sys/class/net/cni-podman0")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class Unplayable(Exception):
    """Podman can't run any pod here."""


def lacking() -> list[str]:
    """Why no pod can be played here; empty if one can be tried."""
    return [f"there is no {name}" for name in NEEDED if shutil.which(name) is None]


class Pods:
    """As a context manager: nothing of them stays but `folder`. `files`: the repository's, with
    secrets. Raises Unplayable.
    """

    def __init__(self, daemon: Daemon, files: Path, folder: Path) -> None:
        self._daemon = daemon
        self._files = files
        self._folder = folder
        self._had_bridge = _BRIDGE.exists()
        self._probes: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir()
        # this machine may not allow more files than it has itself
        settings = self._folder / "containers.conf"
        settings.write_text("[containers]\ndefault_ulimits = []\n")
        self._daemon.environ["CONTAINERS_CONF"] = str(settings)
        # it looks for accounts where `docker` has its own, too
        self._daemon.config.mkdir(exist_ok=True)
        (self._daemon.config / "config.json").write_text("{}")
        try:
            self._take_images()
            self._play({"apiVersion": "v1", "kind": "Pod", **_sleeper()}, "10.88.0.149")
        except RuntimeError as e:
            self._clean()
            raise Unplayable(str(e)[-400:]) from None
        return self

    def _take_images(self) -> None:
        tar = self._folder / "images.tar"
        compose = yaml.safe_load((self._files / "compose.yaml").read_text())
        redis = compose["services"]["redis"]["image"]
        self._daemon.run("docker", "save", "--output", tar, IMAGE, redis)
        self._podman("load", "--quiet", "--input", tar)
        tar.unlink()

    def _podman(self, *args: str | Path) -> str:
        place = [f"--{name}={self._folder / name}" for name in ("root", "runroot", "tmpdir")]
        ways = ("--cgroup-manager=cgroupfs", "--events-backend=file")
        return self._daemon.run("podman", *place, *ways, *args)

    def _play(self, pod: dict[str, Any], address: str, *others: dict[str, Any]) -> None:
        spec = self._folder / "pod.yaml"
        spec.write_text(yaml.safe_dump_all([*others, pod]))
        self._podman("kube", "play", "--network=podman", f"--ip={address}", spec)

    def start(self) -> None:
        """Play what the overlay brings. Raises Wrong if it can't be."""
        overlay = self._files / "deploy" / "k8s" / "overlays" / "single"
        brought = list(yaml.safe_load_all(self._daemon.run("kubectl", "kustomize", overlay)))
        maps = [one for one in brought if one["kind"] == "ConfigMap"]
        workloads = [one for one in brought if one["kind"] in ("StatefulSet", "Deployment")]
        for one in sorted(workloads, key=lambda one: list(_ADDRESSES).index(_name(one))):
            claims = one["spec"].get("volumeClaimTemplates", [])
            pod = one["spec"]["template"]
            self._adapt(pod["spec"], [_name(claim) for claim in claims])
            pod |= {"apiVersion": "v1", "kind": "Pod"}
            pod["metadata"]["name"] = _name(one)
            try:
                self._play(pod, _ADDRESSES[_name(one)], *maps, *self._secrets(), *claims_of(claims))
            except RuntimeError as e:
                raise Wrong(f"podman can't play the pod of {_name(one)}: {e}") from None

    def _adapt(self, spec: dict[str, Any], claims: list[str]) -> None:
        """To what podman can."""
        spec["hostAliases"] = [{"ip": ip, "hostnames": [host]} for host, ip in _ADDRESSES.items()]
        for name in claims:
            spec["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": name}})
        for volume in spec["volumes"]:
            if secret := volume.pop("secret", None):
                volume["configMap"] = {**secret, "name": f"secret-{secret.pop('secretName')}"}
        (container,) = spec["containers"]
        container.pop("ports")
        if container["image"].partition(":")[0] == IMAGE.partition(":")[0]:
            container["image"] = IMAGE
        probes = [container.pop(name) for name in _PROBES]
        self._probes[container["name"]] = probes

    def _secrets(self) -> list[dict[str, Any]]:
        folder = self._files / "deploy" / "secrets"
        redis = {one.name.removeprefix("redis_"): one for one in folder.glob("redis_*")}
        known = {"redis": redis, "tokens": {"tokens.toml": folder / "tokens.toml"}}
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"secret-{name}"},
                "data": {key: file.read_text() for key, file in files.items()},
            }
            for name, files in known.items()
        ]

    def await_probes(self, name: str) -> None:
        """Returns when all that Kubernetes would ask a container of this name is answered well.
        Raises Wrong.
        """
        for probe in self._probes[name]:
            if "exec" in probe:
                command = probe["exec"]["command"]
            else:
                path = probe["httpGet"]["path"]
                asking = f"import urllib.request as r; r.urlopen('http://127.0.0.1:8080{path}')"
                command = ["python3", "-c", asking]
            try:
                await_fact(lambda command=command: self._does(name, *command), 60)  # type: ignore[misc]
            except AssertionError:
                logged = self._podman("logs", f"{name}-{name}")[-1000:]
                raise Wrong(f"the pod {name} doesn't answer {command}: {logged}") from None

    def _does(self, name: str, *command: str) -> bool:
        try:
            self._podman("exec", f"{name}-{name}", *command)
        except RuntimeError:
            return False
        return True

    def can_write(self, name: str, path: str) -> bool:
        """Whether a container of this name can write there."""
        return self._does(name, "touch", path)

    def __exit__(self, *_exc: object) -> None:
        self._clean()

    def _clean(self) -> None:
        with suppress(RuntimeError):
            self._podman("pod", "rm", "--all", "--force", "--time=1")
        if not self._had_bridge:
            subprocess.run(["ip", "link", "del", _BRIDGE.name], capture_output=True, check=False)
        overlay = self._folder / "root" / "overlay"
        subprocess.run(["umount", overlay], capture_output=True, check=False)


def _sleeper() -> dict[str, Any]:
    container = {"name": "sleeper", "image": IMAGE, "command": ["sleep", "1000"]}
    return {"metadata": {"name": "sleeper"}, "spec": {"containers": [container]}}


def _name(one: Any) -> str:
    name: str = one["metadata"]["name"]
    return name


def claims_of(templates: list[Any]) -> list[Any]:
    """The claims that a StatefulSet would make."""
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", **one} for one in templates]


def played(daemon: Daemon, files: Path) -> str:
    """What came of it, in words. Raises Wrong."""
    if why := lacking():
        return f"not tried: the pods of Kubernetes: {', '.join(why)}"
    try:
        with Pods(daemon, files, daemon.folder / "pods") as pods:
            pods.start()
            for name in _ADDRESSES:
                pods.await_probes(name)
                if pods.can_write(name, "/here"):
                    raise Wrong(f"the pod {name} can write to its root")
    except Unplayable as e:
        return f"not tried: the pods of Kubernetes, which can't be played here: {e}"
    return "the pods of Kubernetes: podman plays them, and they answer their probes"
