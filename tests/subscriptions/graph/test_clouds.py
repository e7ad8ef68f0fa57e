"""Addresses and issuers of the clouds."""

from pathlib import Path

import pytest

from subscriptions.graph import clouds


def test_the_four_clouds_are_found_by_name() -> None:
    assert list(clouds.CLOUDS) == ["global", "us_government_l4", "us_government_l5", "china"]


@pytest.mark.parametrize(
    ("name", "graph_url", "login_url"),
    [
        ("global", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
        ("us_government_l4", "https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("us_government_l5", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        (
            "china",
            "https://microsoftgraph.chinacloudapi.cn",
            "https://login.partner.microsoftonline.cn",
        ),
    ],
)
def test_addresses_are_those_of_deployments_md(name: str, graph_url: str, login_url: str) -> None:
    cloud = clouds.CLOUDS[name]

    assert (cloud.graph_url, cloud.login_url) == (graph_url, login_url)
    assert cloud.scope == f"{graph_url}/.default"


def test_only_the_global_cloud_has_presence_and_to_do() -> None:
    lacking = {name for name, cloud in clouds.CLOUDS.items() if {"Teams presence", "To Do"} <= cloud.lacks}

    assert lacking == {"us_government_l4", "us_government_l5", "china"}
    assert clouds.GLOBAL.lacks == frozenset()


def test_both_token_versions_have_an_issuer() -> None:
    assert clouds.GLOBAL.issuers_for("T") == {
        "https://sts.windows.net/T/",
        "https://login.microsoftonline.com/T/v2.0",
    }
    assert clouds.CHINA.issuers_for("T") == {
        "https://sts.chinacloudapi.cn/T/",
        "https://login.partner.microsoftonline.cn/T/v2.0",
    }


def test_a_tenant_is_quoted_in_the_authority() -> None:
    assert clouds.GLOBAL.authority("a/b?c") == "https://login.microsoftonline.com/a%2Fb%3Fc"


def test_a_custom_cloud_loses_trailing_slashes_and_keeps_port_path_and_trust() -> None:
    cloud = clouds.custom("https://proxy.example:8443/graph/", "https://login.example/", Path("ca.pem"))

    assert cloud.graph_url == "https://proxy.example:8443/graph"
    assert cloud.authority("T") == "https://login.example/T"
    assert cloud.ca_bundle == Path("ca.pem")


def test_a_custom_cloud_may_speak_in_its_own_and_in_microsofts_name() -> None:
    cloud = clouds.custom("https://graph.example", "https://login.example", None)

    assert cloud.issuers_for("T") == {
        "https://login.example/T/v2.0",
        "https://login.example/T/",
        "https://sts.windows.net/T/",
        "https://login.microsoftonline.com/T/v2.0",
    }


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://graph.example", "begin with https"),
        ("graph.example", "begin with https"),
        ("", "begin with https"),
        ("https://", "host or port"),
        ("https://graph.example:port", "host or port"),
        ("https://graph.example:0", "host or port"),
        ("https://user:word@graph.example", "user name or password"),
        ("https://graph.example?x=1", "query or a fragment"),
        ("https://graph.example/#x", "query or a fragment"),
    ],
)
def test_a_custom_address_that_cannot_be_used_is_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"CUSTOM_GRAPH_URL.*{reason}"):
        clouds.custom(address, "https://login.example", None)


def test_a_refused_login_address_is_named() -> None:
    with pytest.raises(ValueError, match="CUSTOM_LOGIN_URL"):
        clouds.custom("https://graph.example", "http://login.example", None)
