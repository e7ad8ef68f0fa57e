"""Sign in an account by device code."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.utils import timezone

from subscriptions.graph.errors import GraphError
from subscriptions.graph.sign_in import DeviceCode
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.services.access import accounts
from subscriptions.services.access.accounts import SignInRefusedError
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Sign in an account for what Graph gives only to users. Prints a code and where to enter it, and waits. "
        "Signing in the same account again replaces what was kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="NAME", required=True, help="Name of the app registration.")
        parser.add_argument(
            "--scopes",
            nargs="+",
            default=[],
            metavar="PERMISSION",
            help="Delegated permissions to ask for beside User.Read, such as Presence.Read.All.",
        )
        parser.add_argument(
            "--resource", metavar="PATH", help="Ask for the least permission to watch this path."
        )
        parser.add_argument("--personal", action="store_true", help="Sign in a personal Microsoft account.")
        parser.add_argument(
            "--json", action="store_true", help="Print one JSON object; the code goes to stderr."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sign in; exit 1 when it is refused or stopped, 2 when a value cannot be right."""
        app_registration = AppRegistration.objects.filter(name=options["app"]).first()
        if app_registration is None:
            raise CommandError(
                f"There is no app registration named {options['app']!r}.", returncode=WRONG_USAGE
            )
        kind = DelegatedAccount.Kind.PERSONAL if options["personal"] else DelegatedAccount.Kind.WORK
        permissions = _permissions(options, kind=kind)
        is_quiet = options["json"] or not options["verbosity"]
        try:
            code = accounts.begin_on_device(app_registration, kind=kind, permissions=permissions)
            _show(code, self.stderr if is_quiet else self.stdout)
            account = accounts.finish_on_device(app_registration, code, kind=kind, clock=timezone.now)
        except (GraphError, UseCaseError) as error:
            self._refused(told(error), options)
            return
        except KeyboardInterrupt:
            self._refused("Stopped. Nothing was kept.", options)
            return
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(account)))
        elif options["verbosity"]:
            self.stdout.write(f"{account.username} signed in to {app_registration}.")

    def _refused(self, text: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"status": "failed", "errors": [text]}))
            raise SystemExit(1)
        raise CommandError(text)


def _permissions(options: dict[str, Any], *, kind: str) -> tuple[str, ...]:
    advised = ""
    if resource := options["resource"]:
        advised = accounts.advised_permission(resource, kind=kind)
        if not advised:
            raise CommandError(
                f"The catalogue knows no permission with which such an account may watch {resource}. "
                "Name the permissions with --scopes.",
                returncode=WRONG_USAGE,
            )
    try:
        return accounts.permissions_in(" ".join((*options["scopes"], advised)))
    except SignInRefusedError as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error


def _show(code: DeviceCode, stream: OutputWrapper) -> None:
    stream.write(
        f"Open {code.address} in a browser and enter the code {code.user_code} "
        f"before {code.expires_at:%H:%M:%S} UTC. Waiting ..."
    )
    stream.flush()


def _as_json(account: DelegatedAccount) -> dict[str, Any]:
    return {
        "id": account.pk,
        "username": account.username,
        "app": account.app_registration.name,
        "kind": account.kind,
        "permissions": accounts.granted_permissions(account),
        "status": "signed_in",
    }
