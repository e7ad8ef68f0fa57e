"""What is shipped to run the product elsewhere: it names what exists, and the programs that read it take it."""

import configparser
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import get_commands

from tests.azure import Azure

DEPLOY = Path("config") / "deploy"

Serve = Callable[..., int]


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


@pytest.fixture
def serve(repository: Path, deploy: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts the web server as it is shipped, waits for it and returns its port."""
    with ExitStack() as servers, (tmp_path / "web.log").open("wb") as log:

        def serve(*options: str, **variables: str) -> int:
            with closing(socket.create_server(("127.0.0.1", 0))) as free:
                port: int = free.getsockname()[1]
            own = {"BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": "1", "EMBEDDED_WORKER": "off"}
            config = ("--config", str(deploy / "gunicorn.conf.py"))
            server = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "config.wsgi", *config, *options],
                cwd=repository,
                env=environment | own | variables,
                stderr=log,
            )
            servers.enter_context(server)
            servers.callback(server.terminate)
            while not is_healthy(port):
                assert server.poll() is None, (tmp_path / "web.log").read_text()
            return port

        yield serve


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(400):
        if happened():
            return
        time.sleep(0.05)
    pytest.fail("It did not happen.")


def is_healthy(port: int, query: str = "") -> bool:
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as line:
            line.request("GET", f"/healthz{query}", headers={"Referer": f"https://graph.example.org/{query}"})
            return line.getresponse().status == HTTPStatus.OK
    except OSError:
        return False


def test_a_vault_that_is_away_does_not_end_a_web_server_that_runs(serve: Serve, azure: Azure) -> None:
    address = azure.keep("secret-key", "s3kr1t-and-long-enough-to-be-accepted-by-the-product-at-start")
    often = ("--max-requests", "2", "--max-requests-jitter", "0")
    port = serve(*often, SECRET_KEY_VAULT=address, **azure.managed_identity)
    azure.secrets.clear()

    assert [is_healthy(port) for _ in range(6)] == [True] * 6


def test_the_web_server_logs_requests_as_json_without_their_queries(serve: Serve, tmp_path: Path) -> None:
    # A user without a home, as in the image.
    port = serve(LOG_FORMAT="json", HOME=str(tmp_path / "nowhere"))

    assert is_healthy(port, "?code=Zq7-never-shown")
    log = tmp_path / "web.log"
    # A line is written after its answer; the first request was that of the start.
    wait_until(lambda: log.read_text().count("GET /healthz") > 1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["message"] for line in lines if line["logger"] == "gunicorn.access"][-1] == (
        '127.0.0.1 "GET /healthz HTTP/1.1" 200 16'
    )
    assert "Zq7" not in str(lines)
    assert not (tmp_path / "nowhere").exists()


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
    # The image runs Celery workers, and may get its secrets from a vault.
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["azure"], *extras["celery"]]
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
