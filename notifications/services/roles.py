"""Roles: the groups that are there from the start, and what each may do."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, Permission

OUR_APPS = ("subscriptions", "notifications")
CONTENT = "view_notificationcontent"
SAVING = {"view_savedsearch", "add_savedsearch", "change_savedsearch", "delete_savedsearch"}
# Daily work at Graph. Credentials, certificates and their keys are left to administrators.
OPERATING = {
    "add_subscription",
    "change_subscription",
    "renew_subscription",
    "pause_subscription",
    "recover_subscription",
    "remove_subscription",
    "test_connection",
    "test_alert",
    "replay_delivery",
    *SAVING,
}
ANALYSING = {
    "view_subscription",
    "view_changenotification",
    CONTENT,
    "export_changenotification",
    "fetch_content",
    "view_apitoken",
    "add_apitoken",
    "delete_apitoken",
    *SAVING,
}


def _is_seeing(codename: str) -> bool:
    return codename.startswith("view_") and codename != CONTENT


ROLES: dict[str, Callable[[str], bool]] = {
    "Administrators": lambda _: True,
    "Operators": lambda codename: _is_seeing(codename) or codename in OPERATING,
    "Analysts": lambda codename: codename in ANALYSING,
    "Auditors": _is_seeing,
}


def create_roles(**_: Any) -> None:
    """Create the groups that are missing; one that is there is left as its administrators made it.

    Runs after each migration, since Django makes the permissions only then.
    """
    missing = set(ROLES) - set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    permissions = list(Permission.objects.filter(content_type__app_label__in=OUR_APPS)) if missing else []
    for name in sorted(missing):
        group = Group.objects.create(name=name)
        group.permissions.set(one for one in permissions if ROLES[name](one.codename))
