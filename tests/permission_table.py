"""Who may open which page: the table that `test_permission_matrix` holds every address and action against.

A new page needs a row here, or the test fails and names it:

- a model in the admin: a row in `MODELS`, and one object of it in the test's fixture `objects`
- a page or button of your own: its address's name in `PAGES`, with the roles that may open or press it
- an action of a change list: its name in `ACTIONS`
- where content is shown: the page also in `WITH_CONTENT`, with who sees it; where it takes a form or parameters, in
  `WAYS`; where it is searched, in `SEARCHES`

"GET" and "POST" are refused alike to a role that is not named. A page that takes only POST is pressed.
"""

from dataclasses import dataclass

NOBODY: frozenset[str] = frozenset()
ROOT = frozenset({"superuser"})
ADMINISTRATORS = ROOT | {"Administrators"}
OPERATORS = ADMINISTRATORS | {"Operators"}
SEEING = OPERATORS | {"Auditors"}
# Analysts who lost the permission to see content stand for everybody without it.
READERS = frozenset({"Analysts", "Analysts without content"})
EVERY_ROLE = SEEING | READERS
STAFF = EVERY_ROLE | {"staff without rights"}
ANYBODY = STAFF | {"anonymous"}
ROLES = sorted(ANYBODY)
CONTENT = ADMINISTRATORS | {"Analysts"}


@dataclass(frozen=True, kw_only=True)
class Model:
    """Who may see the list, each page and its history; who may add, change by a form, and delete."""

    see: frozenset[str]
    add: frozenset[str] = NOBODY
    change: frozenset[str] = NOBODY
    delete: frozenset[str] = NOBODY


MODELS = {
    "auth_group": Model(see=ROOT, add=ROOT, change=ROOT, delete=ROOT),
    "auth_user": Model(see=ROOT, add=ROOT, change=ROOT, delete=ROOT),
    "subscriptions_alert": Model(see=SEEING),
    "subscriptions_appregistration": Model(
        see=SEEING, add=ADMINISTRATORS, change=ADMINISTRATORS, delete=ADMINISTRATORS
    ),
    "subscriptions_delegatedaccount": Model(see=SEEING, add=ADMINISTRATORS, delete=ADMINISTRATORS),
    "subscriptions_encryptioncertificate": Model(
        see=SEEING, add=ADMINISTRATORS, change=ADMINISTRATORS, delete=ADMINISTRATORS
    ),
    "subscriptions_gap": Model(see=SEEING),
    "subscriptions_operation": Model(see=SEEING),
    "subscriptions_run": Model(see=SEEING),
    "subscriptions_sighting": Model(see=SEEING),
    "subscriptions_subscription": Model(
        see=EVERY_ROLE, add=OPERATORS, change=OPERATORS, delete=ADMINISTRATORS
    ),
    "notifications_apitoken": Model(
        see=EVERY_ROLE, add=ADMINISTRATORS | READERS, delete=ADMINISTRATORS | READERS
    ),
    "notifications_changenotification": Model(see=EVERY_ROLE),
    "notifications_contentaccess": Model(see=SEEING),
    "notifications_contenterasure": Model(see=SEEING),
    "notifications_delivery": Model(see=SEEING),
    "notifications_endpointminute": Model(see=SEEING),
    "notifications_legalhold": Model(see=SEEING, add=ADMINISTRATORS),
    # The keys are those of the visitor's own.
    "notifications_savedsearch": Model(
        see=EVERY_ROLE, change=OPERATORS | READERS, delete=OPERATORS | READERS
    ),
    "notifications_retentionrule": Model(
        see=SEEING, add=ADMINISTRATORS, change=ADMINISTRATORS, delete=ADMINISTRATORS
    ),
}

PAGES = {
    # Django's own.
    "admin:index": STAFF,
    "admin:login": ANYBODY,
    "admin:logout": ANYBODY,
    "admin:password_change": STAFF,
    "admin:password_change_done": STAFF,
    # As long as no app is set for it, they lead back to the page with the password.
    "admin:staff_sign_in": NOBODY,
    "admin:staff_sign_in_callback": NOBODY,
    "admin:jsi18n": STAFF,
    "admin:autocomplete": NOBODY,  # no field uses it
    "admin:view_on_site": STAFF,
    "admin:app_list": STAFF,
    "admin:auth_user_password_change": ROOT,
    # Subscriptions.
    "admin:subscriptions_alert_test": OPERATORS,
    "admin:subscriptions_appregistration_test_connection": OPERATORS,
    "admin:subscriptions_appregistration_use_next_credential": ADMINISTRATORS,
    "admin:subscriptions_self_test": OPERATORS,
    "admin:subscriptions_delegatedaccount_callback": ADMINISTRATORS,
    "admin:subscriptions_delegatedaccount_test_connection": OPERATORS,
    "admin:subscriptions_encryptioncertificate_download": SEEING,
    "admin:subscriptions_encryptioncertificate_rotate": ADMINISTRATORS,
    "admin:subscriptions_encryptioncertificate_hasten": ADMINISTRATORS,
    "admin:subscriptions_encryptioncertificate_destroy_key": ADMINISTRATORS,
    "admin:subscriptions_sighting_look": OPERATORS,
    "admin:subscriptions_sighting_mend": OPERATORS,
    "admin:subscriptions_sighting_adopt": OPERATORS,
    "admin:subscriptions_sighting_remove": OPERATORS,
    "admin:subscriptions_subscription_renew": OPERATORS,
    "admin:subscriptions_subscription_reauthorize": OPERATORS,
    "admin:subscriptions_subscription_submit": OPERATORS,
    "admin:subscriptions_subscription_catch_up": OPERATORS,
    "admin:subscriptions_subscription_recreate": OPERATORS,
    "admin:subscriptions_subscription_rotate": OPERATORS,
    "admin:subscriptions_subscription_resume": OPERATORS,
    "admin:subscriptions_subscription_pause": OPERATORS,
    "admin:subscriptions_subscription_remove": OPERATORS,
    "admin:subscriptions_subscription_catalogue": EVERY_ROLE,
    "admin:subscriptions_subscription_entry": OPERATORS,
    "admin:subscriptions_subscription_facts": EVERY_ROLE,
    "admin:subscriptions_subscription_upload": OPERATORS,
    # Notifications.
    "admin:notifications_changenotification_newer": EVERY_ROLE,
    "admin:notifications_changenotification_raw": ADMINISTRATORS,
    "admin:notifications_changenotification_save_search": OPERATORS | READERS,
    "admin:notifications_changenotification_export": ADMINISTRATORS | READERS,
    "admin:notifications_changenotification_erase_all": ADMINISTRATORS,
    "admin:notifications_changenotification_erase": ADMINISTRATORS,
    "admin:notifications_changenotification_fetch_all": ADMINISTRATORS | READERS,
    "admin:notifications_changenotification_fetch": ADMINISTRATORS | READERS,
    "admin:notifications_changenotification_replay_all": OPERATORS,
    "admin:notifications_changenotification_replay": OPERATORS,
    "admin:notifications_delivery_replay_all": OPERATORS,
    "admin:notifications_delivery_replay": OPERATORS,
    "admin:notifications_legalhold_release": ADMINISTRATORS,
    # The read API, by token.
    "subscription-list": EVERY_ROLE,
    "subscription-detail": EVERY_ROLE,
    "api-health": SEEING,
    "changenotification-list": EVERY_ROLE,
    "changenotification-detail": EVERY_ROLE,
    "api-schema": STAFF,
    "api-docs": STAFF,
    # Graph, probes and Prometheus.
    "graph-notifications": ANYBODY,
    "graph-lifecycle": ANYBODY,
    "healthz": ANYBODY,
    "readyz": ANYBODY,
    "metrics": SEEING,
}

ACTIONS = {
    "auth_group": {"delete_selected": ROOT},
    "auth_user": {"delete_selected": ROOT},
    "subscriptions_appregistration": {"test_connections": OPERATORS},
    "subscriptions_sighting": dict.fromkeys(("mend", "adopt", "remove"), OPERATORS),
    "subscriptions_subscription": {
        **dict.fromkeys(("renew", "reauthorize", "recreate", "rotate"), OPERATORS),
        **dict.fromkeys(("catch_up", "pause", "resume", "remove"), OPERATORS),
        "delete_selected": ADMINISTRATORS,
    },
    "notifications_apitoken": {"delete_selected": ADMINISTRATORS | READERS},
    "notifications_changenotification": {"place_legal_hold": ADMINISTRATORS},
    "notifications_retentionrule": {"delete_selected": ADMINISTRATORS},
}

# Where content is shown to whom; it is nowhere else, and nowhere at all for others.
WITH_CONTENT = {
    "admin:notifications_changenotification_changelist": CONTENT,
    "admin:notifications_changenotification_newer": CONTENT,
    "admin:notifications_changenotification_change": CONTENT,
    "admin:notifications_changenotification_history": CONTENT,
    "admin:notifications_changenotification_raw": ADMINISTRATORS,
}

# Ways to content that take more than opening an address: method, address, what is sent, and who gets it.
_LIST = "/admin/notifications/changenotification/"
WAYS = [
    *(
        ("POST", f"{_LIST}export/", {"file_format": file_format, "with_content": "on"}, CONTENT)
        for file_format in ("csv", "ndjson")
    ),
    ("POST", f"{_LIST}export/", {"file_format": "ndjson"}, NOBODY),
    ("GET", "/api/v1/notifications/", {"with_content": "true"}, CONTENT),
    ("GET", "/api/v1/notifications/", {}, NOBODY),
]
# What a list finds by its content: the query with {marker} for a text in it, and who may find it.
SEARCHES = [
    (f"{_LIST}?q={{marker}}", CONTENT),
    (f"{_LIST}?content=subject%20%3D%20%22{{marker}}%22", CONTENT),
    (
        "/admin/autocomplete/?app_label=notifications&model_name=changenotification&field_name=x&term={marker}",
        NOBODY,
    ),
]
