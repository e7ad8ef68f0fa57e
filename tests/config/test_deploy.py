"""What is shipped to run the product elsewhere: it names what exists, and the programs that read it take it."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import get_commands

DEPLOY = Path("config") / "deploy"


@pytest.fixture
def deploy(repository: Path) -> Path:
    """Return the directory of the files."""
    return repository / DEPLOY


def commands_in(text: str) -> set[str]:
    return set(re.findall(r"manage\.py[, ]+(\w+)", text)) | set(re.findall(r"gsm-task@(\w+)\.service", text))


@pytest.mark.parametrize(
    "file",
    [
        "compose.yaml",
        "config/deploy/crontab",
        "config/deploy/schedule.sh",
        "config/deploy/systemd/gsm-renew.timer",
        "config/deploy/systemd/gsm-sync.timer",
        "config/deploy/systemd/gsm-recover.timer",
        "config/deploy/systemd/gsm-prune.timer",
        "config/deploy/systemd/gsm-worker@.service",
    ],
)
def test_every_command_that_is_named_exists(file: str, repository: Path) -> None:
    named = commands_in((repository / file).read_text())

    assert named
    assert named <= set(get_commands())


def test_the_image_holds_all_that_the_product_needs(
    repository: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    for line in (repository / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line and "/tmp/" not in line:  # noqa: S108 -- in the image
            for name in line.split()[1:-1]:
                source, target = repository / name, tmp_path / "image" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)

    answer = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            "import sys; sys.path.insert(0, '.'); import config.wsgi; print(config.__file__)",
        ],
        cwd=tmp_path / "image",
        env=environment | {"EMBEDDED_WORKER": "off"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert str(tmp_path / "image") in answer.stdout


def test_secrets_that_are_made_for_a_start_are_fit_for_it_and_made_once(
    deploy: Path, tmp_path: Path, start: Callable[..., Any]
) -> None:
    def make() -> dict[str, str]:
        subprocess.run(["sh", deploy / "make-secrets.sh", tmp_path / "s"], check=True, capture_output=True)  # noqa: S607
        return {path.name: path.read_text().strip() for path in (tmp_path / "s").iterdir()}

    first = make()

    assert make() == first
    Fernet(first["field_encryption_keys"])
    assert first["database_password"] in first["database_url"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "s").iterdir())
    files = {
        f"{name.upper()}_FILE": str(tmp_path / "s" / name)
        for name in first
        if name not in {"database_password", "broker.conf"}
    }
    assert start(**files).returncode == 0


def test_the_compose_file_gives_each_service_what_it_names(repository: Path) -> None:
    yaml = pytest.importorskip("yaml")

    compose = yaml.safe_load((repository / "compose.yaml").read_text())

    services = compose["services"]
    assert set(services) == {"db", "broker", "migrate", "web", "worker", "renewal", "proxy"}
    for service in services.values():
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        assert set(service.get("depends_on", ())) <= set(services)
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert {name for name in volumes if not name.startswith(".")} <= set(compose["volumes"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine")
def test_systemd_takes_the_units(deploy: Path, tmp_path: Path) -> None:
    system = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(deploy / "systemd", system)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    ours = "srv/graph-subscription-manager/.venv/bin"
    for program in (f"{ours}/gunicorn", f"{ours}/python", f"{ours}/celery", "bin/kill"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    services = [
        "gsm-web.service",
        "gsm-worker@1.service",
        "gsm-celery@1.service",
        "gsm-task@renew_subscriptions.service",
    ]
    timers = [timer.name for timer in (deploy / "systemd").glob("*.timer")]

    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", *services, *timers],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line for line in answer.stderr.splitlines() if "gsm-" in line] == []


def test_every_unit_names_the_directory_of_the_hardening(deploy: Path) -> None:
    hardening = configparser.ConfigParser(strict=False, interpolation=None)
    hardening.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    hardening.read(deploy / "systemd" / "gsm-.service.d" / "hardening.conf")

    root = hardening["Service"]["WorkingDirectory"]
    for unit in (deploy / "systemd").glob("*.service"):
        assert f"ExecStart={root}/.venv/bin/" in unit.read_text()


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx on this machine")
def test_nginx_takes_its_example(deploy: Path, tmp_path: Path) -> None:
    tls = tmp_path / "tls.pem"
    key, certificate = str(tls), str(tmp_path / "certificate.pem")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=graph.example.org"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls.write_text(tls.read_text() + Path(certificate).read_text())
    site = re.sub(r"/etc/letsencrypt/\S+\.pem", str(tls), (deploy / "nginx.conf").read_text())
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")

    answer = subprocess.run(
        ["nginx", "-t", "-c", tmp_path / "nginx.conf", "-g", f"error_log {tmp_path}/log;"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr


def test_the_lock_holds_everything_that_the_product_names(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    # The image runs Celery workers.
    wanted = [*project["dependencies"], *project["optional-dependencies"]["celery"]]
    named = {re.split(r"[\[<>=~ ]", one)[0].lower() for one in wanted}

    locked = set(
        re.findall(r"^([a-z0-9.-]+)==", (repository / "requirements.lock").read_text(), re.MULTILINE)
    )

    assert named - locked == set()


@pytest.mark.skipif(not shutil.which("promtool"), reason="no Prometheus on this machine")
def test_alerts_come_when_they_should_and_only_then(deploy: Path, tmp_path: Path) -> None:
    shutil.copy(deploy / "prometheus" / "rules.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("alert_rules.yml"), tmp_path)

    answer = subprocess.run(
        ["promtool", "test", "rules", "alert_rules.yml"],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_is_tried(deploy: Path) -> None:
    text = (deploy / "prometheus" / "rules.yml").read_text()
    tried = Path(__file__).with_name("alert_rules.yml").read_text()

    assert set(re.findall(r"alert: (\w+)", text)) == set(re.findall(r"alertname: (\w+)", tried))
