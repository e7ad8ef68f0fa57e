"""`sign_in`, and subscriptions that name an account on the command line."""

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.sandbox import Sandbox

SignIn = Callable[..., DelegatedAccount]

pytestmark = pytest.mark.django_db


class Screen(StringIO):
    """A terminal whose reader enters the code that it shows; None refuses it."""

    def __init__(self, sandbox: Sandbox, user: Any) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._user = user

    def write(self, text: str) -> int:
        if code := re.search(r"enter the code (\w+)", text):
            self._sandbox.approve_device_code(code[1], self._user)
        return super().write(text)


@pytest.mark.usefixtures("app_registration")
def test_the_code_is_shown_and_the_account_kept(sandbox: Sandbox) -> None:
    screen = Screen(sandbox, sandbox.users[0])

    call_command("sign_in", "--app", "Contoso", "--scopes", "Presence.Read.All", stdout=screen)

    assert f"{sandbox.url}/devicelogin" in screen.getvalue()
    assert f"{sandbox.users[0].username} signed in to Contoso." in screen.getvalue()
    assert DelegatedAccount.objects.get().username == sandbox.users[0].username


@pytest.mark.usefixtures("app_registration")
def test_with_json_stdout_has_one_object_and_stderr_the_code(sandbox: Sandbox) -> None:
    out, screen = StringIO(), Screen(sandbox, sandbox.users[0])

    call_command(
        "sign_in",
        "--app",
        "Contoso",
        "--resource",
        "/communications/presences/1",
        "--json",
        stdout=out,
        stderr=screen,
    )

    assert json.loads(out.getvalue()) == {
        "id": DelegatedAccount.objects.get().pk,
        "username": sandbox.users[0].username,
        "app": "Contoso",
        "kind": "work",
        "permissions": ["Presence.Read.All", "User.Read"],
        "status": "signed_in",
    }
    assert "enter the code" in screen.getvalue()


@pytest.mark.usefixtures("app_registration")
def test_silence_leaves_stdout_empty(sandbox: Sandbox) -> None:
    out, screen = StringIO(), Screen(sandbox, sandbox.users[0])

    call_command("sign_in", "--app", "Contoso", "-v", "0", stdout=out, stderr=screen)

    assert out.getvalue() == ""


@pytest.mark.usefixtures("app_registration")
def test_a_refusal_is_told_with_exit_code_1(sandbox: Sandbox) -> None:
    with pytest.raises(CommandError, match="denied") as caught:
        call_command("sign_in", "--app", "Contoso", stdout=Screen(sandbox, None))

    assert caught.value.returncode == 1
    assert not DelegatedAccount.objects.exists()


@pytest.mark.usefixtures("app_registration")
def test_a_refusal_is_told_as_json(sandbox: Sandbox) -> None:
    out = StringIO()

    with pytest.raises(SystemExit) as caught:
        call_command("sign_in", "--app", "Contoso", "--json", stdout=out, stderr=Screen(sandbox, None))

    assert caught.value.code == 1
    assert json.loads(out.getvalue())["status"] == "failed"


class Interrupted(StringIO):
    """A terminal on which Ctrl-C is pressed when the code shows."""

    def write(self, text: str) -> int:
        if "enter the code" in text:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.usefixtures("app_registration")
def test_stopping_is_clean() -> None:
    with pytest.raises(CommandError, match="Nothing was kept") as caught:
        call_command("sign_in", "--app", "Contoso", stdout=Interrupted())

    assert caught.value.returncode == 1


@pytest.mark.usefixtures("app_registration")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--app", "Nobody"), "no app registration named 'Nobody'"),
        (("--app", "Contoso", "--scopes", "everything"), "is no name of a permission"),
        (("--app", "Contoso", "--resource", "/nothing/known"), "knows no permission"),
        (
            ("--app", "Contoso", "--personal", "--resource", "/communications/presences/1"),
            "knows no permission",
        ),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(options: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told) as caught:
        call_command("sign_in", *options)

    assert caught.value.returncode == 2


@pytest.mark.django_db(transaction=True)
def test_a_subscription_is_created_in_the_name_of_an_account(
    sign_in: SignIn,
    webhook: str,
    sandbox: Sandbox,
) -> None:
    account = sign_in("Presence.Read.All")
    out = StringIO()
    path = f"/communications/presences/{sandbox.users[0].id}"

    call_command(
        "create_subscription",
        *("--app", "Contoso", "--resource", path, "--change-type", "updated", "--json"),
        *("--account", account.username.upper()),
        stdout=out,
    )

    assert json.loads(out.getvalue())["account"] == account.username
    assert Subscription.objects.get().delegated_account == account


@pytest.mark.django_db(transaction=True)
def test_the_column_account_of_a_file_is_obeyed(
    sign_in: SignIn,
    webhook: str,
    tmp_path: Path,
) -> None:
    account = sign_in("Mail.Read")
    file = tmp_path / "wishes.csv"
    file.write_text(
        "app,resource,change_type,account\n"
        f"Contoso,/me/messages,created,{account.username}\n"
        "Contoso,/me/events,created,nobody@contoso.example\n"
        "Contoso,/me/contacts,created,\n"
    )
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("create_subscription", "--from-csv", str(file), "--json", stdout=out)

    answer = json.loads(out.getvalue())
    assert [row["account"] for row in answer["created"]] == [account.username]
    assert "No account named 'nobody@contoso.example' is signed in" in answer["failed"][0]["error"]
    assert "an application has none" in answer["failed"][1]["error"]


def test_an_account_of_another_app_registration_is_not_found(
    sign_in: SignIn, app_registration: AppRegistration
) -> None:
    account = sign_in()
    AppRegistration.objects.create(name="Fabrikam", tenant_id="fabrikam.example", client_id="x")
    DelegatedAccount.objects.filter(pk=account.pk).update(app_registration=app_registration)

    with pytest.raises(CommandError, match="is signed in to Fabrikam") as caught:
        call_command(
            "create_subscription",
            *("--app", "Fabrikam", "--resource", "/me/messages", "--change-type", "created"),
            *("--account", account.username),
        )

    assert caught.value.returncode == 2


def test_a_personal_account_is_refused_what_graph_gives_to_work_accounts_only(sign_in: SignIn) -> None:
    account = sign_in()
    DelegatedAccount.objects.update(kind="personal")

    with pytest.raises(CommandError, match="does not offer this resource to personal Microsoft accounts"):
        call_command(
            "create_subscription",
            *("--app", "Contoso", "--resource", "/communications/presences/1", "--change-type", "updated"),
            *("--account", account.username),
        )
