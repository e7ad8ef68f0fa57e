"""Where an item can be opened in Microsoft 365: only at Microsoft's own hosts, whatever the content says."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

# Properties of Graph that hold an address for people. Source: the resource pages of Graph (2026).
PROPERTIES = ("webUrl", "webLink", "joinWebUrl", "alertWebUrl")
HOSTS = frozenset(
    {
        "outlook.office.com",
        "outlook.office365.com",
        "outlook.office365.us",
        "outlook.live.com",
        "outlook.cloud.microsoft",
        "teams.microsoft.com",
        "teams.microsoft.us",
        "teams.cloud.microsoft",
        "teams.live.com",
        "onedrive.live.com",
        "security.microsoft.com",
        "to-do.office.com",
        "www.office.com",
    }
)
# Each tenant has a host of its own below these.
PARENTS = (".sharepoint.com", ".sharepoint.us", ".sharepoint.cn", ".sharepoint-mil.us")
LONGEST = 4_000


def in_microsoft_365(content: Mapping[str, Any]) -> str:
    """Return the first address in the content that leads to Microsoft 365, or nothing."""
    candidates = (content.get(name) for name in PROPERTIES)
    return next((url for url in candidates if isinstance(url, str) and is_microsofts(url)), "")


def is_microsofts(unverified_url: str) -> bool:
    """Say whether an address leads to a host of Microsoft 365 by https, however a browser might read it."""
    # Browsers take a backslash for a slash and skip line breaks: nothing of that is in Microsoft's addresses.
    if len(unverified_url) > LONGEST or not unverified_url.isascii() or not unverified_url.isprintable():
        return False
    if "\\" in unverified_url or " " in unverified_url:
        return False
    try:
        parts = urlsplit(unverified_url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or port not in {None, 443}:
        return False
    host = parts.hostname or ""
    return host in HOSTS or host.endswith(PARENTS)
