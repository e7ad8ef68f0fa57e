"""Item paths: what a notification names is read at our own root, and nothing else is."""

import pytest

from notifications.models import ChangeNotification
from notifications.services.fetching.item_paths import NotFetchableError, item_path
from subscriptions.models import Subscription

USER = "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
OTHER = "1c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"


def path(resource: str, watched: str = f"/users/{USER}/messages") -> str:
    return item_path(ChangeNotification(resource=resource), Subscription(resource=watched))


@pytest.mark.parametrize(
    ("resource", "watched", "expected"),
    [
        (f"Users/{USER}/Messages/AAMk=", f"/users/{USER}/messages", f"/Users/{USER}/Messages/AAMk%3D"),
        (
            "teams('t1')/channels('19:a@thread.tacv2')/messages('17')",
            "/teams/getAllMessages",
            "/teams/t1/channels/19%3Aa%40thread.tacv2/messages/17",
        ),
        ("communications/callRecords/1", "/communications/callRecords", "/communications/callRecords/1"),
        (f"Users/{USER}/Events/e", "/users/zoe@contoso.example/events", f"/Users/{USER}/Events/e"),
        (
            f"Users/{USER}/Messages/m",
            f"/users/{USER}/messages?$select=subject,from",
            f"/Users/{USER}/Messages/m?$select=subject,from",
        ),
        ("Users/u/Messages/a%3Db", "/users", "/Users/u/Messages/a%3Db"),
    ],
)
def test_the_path_is_built_anew_from_what_graph_names(resource: str, watched: str, expected: str) -> None:
    assert path(resource, watched) == expected


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "Users",
        "https://evil.example/Users/u/Messages/m",
        "//evil.example/Users/u",
        "Users/u/../../admin/x",
        "Users/u/%2e%2e/x",
        "Users/u/Messages/%252e%252e",
        "Users/u/Messages/m%2Fattachments",
        "Users/u/Messages/m?$expand=attachments",
        "Users/u/Messages/m%3F$expand=x",
        "Users/u/Messages/m#x",
        "Users/u/Messages/m/$value",
        "Users\\u\\Messages",
        "Users/u/Messages/m\nX: y",
        "Users/u/Messages/ ",
        "Users//Messages",
        "subscriptions/1",
        "$batch/1",
        "users/delta",
        "Users/u/Messages('a'/b')",
        "Users/u/" + "x" * 3000,
    ],
)
def test_what_leads_elsewhere_is_refused(resource: str) -> None:
    with pytest.raises(NotFetchableError):
        path(resource, "/users")


def test_no_other_mailbox_is_read_than_the_watched_one() -> None:
    with pytest.raises(NotFetchableError, match="another user"):
        path(f"Users/{OTHER}/Messages/m")


@pytest.mark.parametrize("watched", [f"/users/{USER}/drive/root", "/sites/s/lists/l", "/drives/d/root"])
def test_where_no_item_is_named_recovery_is_the_way(watched: str) -> None:
    with pytest.raises(NotFetchableError, match="recover_changes"):
        path(watched, watched)
