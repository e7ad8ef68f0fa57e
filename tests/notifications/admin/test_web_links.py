"""A link into Microsoft 365 leads to Microsoft and nowhere else."""

import pytest

from notifications.admin import web_links


@pytest.mark.parametrize(
    "url",
    [
        "https://outlook.office365.com/owa/?ItemID=AAMk%3D&exvsurl=1&viewmodel=ReadMessageItem",
        "https://contoso.sharepoint.com/sites/a/Shared%20Documents/Figures.xlsx",
        "https://contoso-my.sharepoint.com/personal/x",
        "https://teams.microsoft.com/l/message/19:abc@thread.tacv2/1?tenantId=2",
        "https://teams.microsoft.com:443/l/x",
        "HTTPS://TEAMS.MICROSOFT.COM/l/x",
    ],
)
def test_addresses_of_microsoft_365_are_offered(url: str) -> None:
    assert web_links.in_microsoft_365({"webUrl": url}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://outlook.office365.com/owa/",
        "https://outlook.office365.com.evil.example/",
        "https://evil.example/?outlook.office365.com",
        "https://evil.example#outlook.office365.com",
        "https://outlook.office365.com@evil.example/",
        "https://somebody:something@outlook.office365.com/",
        "https://evil.example\\@outlook.office365.com/",
        "https://evil.example\\.sharepoint.com/",
        "https://sharepoint.com.evil.example/",
        "https://evilsharepoint.com/",
        "https://sharepoint.com/",
        "https://.sharepoint.com@evil.example/",
        "https://teams.microsoft.com:8443/",
        "https://teams.microsoft.com:x/",
        "https://teams.microsoft.com\n.evil.example/",
        "https://te\tams.microsoft.com/",
        " https://teams.microsoft.com/",
        "https://teams.microsoft.com /",
        "https://tеams.microsoft.com/",  # noqa: RUF001 -- the second letter is Cyrillic
        "javascript:alert(1)//https://teams.microsoft.com/",
        "data:text/html,https://teams.microsoft.com/",
        "//teams.microsoft.com/",
        "https:teams.microsoft.com/",
        "https://[teams.microsoft.com/",
        "https://teams.microsoft.com/" + "a" * 5_000,
        "",
    ],
    ids=range(26),
)
def test_nothing_else_is_offered_however_it_is_spelled(url: str) -> None:
    assert web_links.in_microsoft_365({"webUrl": url, "webLink": url}) == ""


@pytest.mark.parametrize("value", [None, 1, ["https://teams.microsoft.com/"], {"a": 1}], ids=range(4))
def test_what_is_no_text_is_no_address(value: object) -> None:
    assert web_links.in_microsoft_365({"webUrl": value}) == ""


def test_the_first_address_that_is_microsofts_counts() -> None:
    content = {"webUrl": "https://evil.example/", "webLink": "https://outlook.office.com/mail/1"}

    assert web_links.in_microsoft_365(content) == "https://outlook.office.com/mail/1"
