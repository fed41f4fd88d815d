"""What can be known of the deployment without Google Cloud: it is well-formed, and names what exists.

Terraform's own check of resources needs its provider, which needs a network; `terraform fmt` does not.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from prometheus_client.parser import text_string_to_metric_families

from inventory_assets.cli import cli
from inventory_assets.connector.ops.metrics import ConnectorMetrics
from inventory_assets.messaging.topology import load_topology
from tests.commands.tree import subcommands
from tests.connector.ops.vitals import NOW, vitals

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy" / "connector"
TERRAFORM = {path.name: path.read_text() for path in sorted((DEPLOY / "terraform").glob("*.tf"))}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SERVICE = yaml.safe_load((DEPLOY / "service.yaml").read_text())
CONTAINER, COLLECTOR = SERVICE["spec"]["template"]["spec"]["containers"]
METRIC = re.compile(r"\binventory_connector_[a-z_]+")

# Imports everything a connector may load, where only what is in its lock can be found.
_IMPORT_ALL = """
import importlib, importlib.metadata, pkgutil, sys
allowed = set(sys.argv[1].split())
owners = importlib.metadata.packages_distributions()
names = {name for name, found in owners.items() if not allowed & {each.lower().replace("_", "-") for each in found}}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import inventory_assets.cli, inventory_assets.connector
for module in pkgutil.walk_packages(inventory_assets.connector.__path__, "inventory_assets.connector."):
    importlib.import_module(module.name)
import google.cloud.firestore, google.cloud.pubsub_v1
"""


@pytest.fixture(scope="module")
def exposed():
    """Names of every sample that /metrics may show."""
    metrics = ConnectorMetrics(connector_id="c", warehouse_id="w", version="1")
    one = {"x": 1}
    metrics.count("read", one)
    metrics.count("read_bytes", one)
    metrics.count("published", one)
    metrics.count("published_bytes", one)
    for name in ("failed", "dead_lettered", "dropped", "copied"):
        metrics.count(name, one)
    families = text_string_to_metric_families(metrics.render(vitals(), NOW).decode())
    return {sample.name for family in families for sample in family.samples}


def test_dashboard_and_alerts_use_metrics_that_exist(exposed):
    dashboard = (DEPLOY / "dashboard.json").read_text()
    used = {"dashboard.json": METRIC.findall(dashboard), "monitoring.tf": METRIC.findall(TERRAFORM["monitoring.tf"])}

    assert {name: set() for name in used} == {name: set(found) - exposed for name, found in used.items()}
    assert all(len(set(found)) > 5 for found in used.values())


def test_the_alerts_of_the_checklist_are_there():
    """R1: error rate and connectivity; the issue: lag, stalled, token lost."""
    monitoring = TERRAFORM["monitoring.tf"]

    for words in ("> 0.01", "lag_seconds) > 120", "turn_age_seconds) > 300", "tokens_lost_total", "absent_over_time"):
        assert words in monitoring


def test_the_dashboard_is_one():
    tiles = json.loads((DEPLOY / "dashboard.json").read_text())["mosaicLayout"]["tiles"]
    places = [(tile.get("xPos", 0), tile.get("yPos", 0)) for tile in tiles]

    assert len(set(places)) == len(tiles)
    for tile in tiles:
        for found in tile["widget"]["xyChart"]["dataSets"]:
            query = found["timeSeriesQuery"]["prometheusQuery"]
            assert query.count("(") == query.count(")") and "connector_id" in query


def test_every_yaml_file_is_yaml():
    for path in DEPLOY.glob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict), path


def test_the_service_has_one_instance_with_a_cpu_of_its_own_and_probes():
    annotations = SERVICE["spec"]["template"]["metadata"]["annotations"]

    assert ("1", "1") == (
        annotations["autoscaling.knative.dev/minScale"],
        annotations["autoscaling.knative.dev/maxScale"],
    )
    assert "false" == annotations["run.googleapis.com/cpu-throttling"]
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert {"startup": "/health", "liveness": "/health", "readiness": "/readiness"} == probes
    assert "memory" in CONTAINER["resources"]["limits"]


def test_terraform_and_the_plain_service_say_the_same():
    services = TERRAFORM["services.tf"]
    environment = {each["name"] for each in CONTAINER["env"]}

    assert environment == _terraform_environment() - {"HMAC_KEY"}
    assert COLLECTOR["image"] in services
    for name in ("startup", "liveness", "readiness"):
        probe = CONTAINER[f"{name}Probe"]
        block = services.partition(f"{name}_probe {{")[2]
        written = {
            key: int(value)
            for key, value in re.findall(
                r"^\s+(\w+)_(?:seconds|threshold)\s+= (\d+)", block.partition("http_get")[0], re.M
            )
        }
        assert written == {"period": probe["periodSeconds"], "timeout": probe["timeoutSeconds"], "failure": probe["failureThreshold"]} | (
            {"success": 1} if name == "readiness" else {}
        )  # fmt: skip


def test_secrets_are_references_and_never_values():
    plain = {each["name"] for each in CONTAINER["env"] if "value" in each}

    assert not {"MONGODB_URI", "HMAC_KEY"} & plain
    assert not [
        name
        for name, text in TERRAFORM.items()
        if "google_secret_manager_secret_version" in text or "mongodb://" in text
    ]


def test_the_image_runs_as_nobody_in_particular_and_gets_the_signal_itself():
    assert re.search(r"^USER 10001$", DOCKERFILE, re.M)
    assert re.search(r'^ENTRYPOINT \["inventory", "connector", "run"\]$', DOCKERFILE, re.M)
    assert "--require-hashes" in DOCKERFILE


def test_what_the_image_copies_is_there():
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M):
        for source in sources.split():
            assert (REPOSITORY / source).exists(), source


def test_the_command_of_the_image_exists():
    group = subcommands(cli)["connector"]

    assert isinstance(group, click.Group) and "run" in subcommands(group)


def test_every_setting_of_the_deployment_exists():
    config = pytest.importorskip("inventory_assets.connector.config", reason="the configuration is not merged yet")
    example = (DEPLOY / "terraform" / "terraform.tfvars.example").read_text()
    used = (
        {each["name"] for each in CONTAINER["env"]}
        | _terraform_environment()
        | set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b(?= +=)", example))
    )

    assert set() == used - set(config.FIELDS)


def test_the_topics_are_the_manifests():
    default = re.search(r'variable "topics" \{.*?default = \[(.*?)\]', TERRAFORM["variables.tf"], re.S)
    named = set(re.findall(r'"([a-z-]+)"', default[1]))

    assert {"status-topic", "dead-letter-topic"} < named <= {topic.name for topic in load_topology().topics}


def test_every_variable_and_resource_that_is_used_is_declared():
    text = "\n".join(TERRAFORM.values())
    variables = set(re.findall(r'^variable "(\w+)"', text, re.M))
    resources = {f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.M)}

    assert variables == set(re.findall(r"\bvar\.(\w+)", text))
    assert set(re.findall(r"\bgoogle_\w+\.\w+", text)) <= resources


def test_terraform_files_are_formatted():
    if (terraform := shutil.which("terraform")) is None:
        pytest.skip("terraform is not installed")

    done = subprocess.run([terraform, "fmt", "-check", "-diff", DEPLOY / "terraform"], capture_output=True, text=True)

    assert (0, "") == (done.returncode, done.stdout)


def test_scripts_are_shell():
    assert 0 == subprocess.run(["bash", "-n", DEPLOY / "deploy.sh"]).returncode


def test_the_lock_is_as_it_would_be_cut_today():
    """Run `.venv/bin/python deploy/connector/make_lock.py` after requirements.lock changed."""
    before = (DEPLOY / "requirements.lock").read_text()
    code = "import runpy, sys; m = runpy.run_path(sys.argv[1]); print(m['cut'](m['SOURCE'].read_text(), m['needed']()), end='')"
    cut = subprocess.run(
        [sys.executable, "-c", code, DEPLOY / "make_lock.py"], capture_output=True, text=True, check=True
    )  # fmt: skip

    assert before == cut.stdout
    assert not re.search(r"^(secantusdb|dagster|pytest)", before, re.M | re.I)


def test_the_lock_has_a_version_of_each_package_for_the_images_python():
    """One that is for another Python only would be skipped without a word."""
    version = re.search(r"^FROM python:(3\.\d+)-", DOCKERFILE, re.M)[1]
    environment = {"python_version": version, "python_full_version": f"{version}.0"}
    lock = [
        Requirement(line.rstrip(" \\"))
        for line in (DEPLOY / "requirements.lock").read_text().splitlines()
        if "==" in line and line[0] not in " #"
    ]

    fitting = [each.name for each in lock if each.marker is None or each.marker.evaluate(environment)]

    assert sorted({each.name for each in lock}) == sorted(fitting)


def test_what_is_in_the_lock_is_enough_for_a_connector():
    lock = (DEPLOY / "requirements.lock").read_text()
    allowed = {"inventory-assets", *(name.lower() for name in re.findall(r"^([^\s#=]+)==", lock, re.M))}

    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL, " ".join(allowed)], capture_output=True, text=True)

    assert (0, "") == (done.returncode, done.stderr)


def _terraform_environment():
    block = TERRAFORM["services.tf"].partition("merge(")[2].partition("},")[0]
    single = re.findall(r'env" \{.*?name = "([A-Z_]+)"|env \{\s+name = "([A-Z_]+)"', TERRAFORM["services.tf"], re.S)
    return {*re.findall(r"^\s+([A-Z_]+)\s+=", block, re.M)} | {name for pair in single for name in pair if name}
