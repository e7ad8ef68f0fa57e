"""Microsoft's own client against the sandbox: if it is content, the stand-in is honest."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.sandbox import Sandbox

msgraph = pytest.importorskip("msgraph", reason="needs the extra 'msgraph'")
httpx = pytest.importorskip("httpx")
identity = pytest.importorskip("azure.identity")
transport = pytest.importorskip("azure.core.pipeline.transport")
authentication = pytest.importorskip("kiota_authentication_azure.azure_identity_authentication_provider")
api_error = pytest.importorskip("kiota_abstractions.api_error")
models = pytest.importorskip("msgraph.generated.models.subscription")

# Microsoft's packages deprecate parts of one another.
pytestmark = [pytest.mark.msgraph, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

Act = Callable[[Any], Any]


@pytest.fixture
def with_client(sandbox: Sandbox) -> Callable[[Act], Any]:
    """Return a function that runs a coroutine with Microsoft's client pointed at the sandbox."""

    def run(act: Act) -> Any:
        async def main() -> Any:
            context = ssl.create_default_context(cafile=str(sandbox.ca_bundle))
            async with httpx.AsyncClient(verify=context, base_url=f"{sandbox.graph_url}/v1.0") as http:
                with _credential(sandbox) as credential:
                    provider = authentication.AzureIdentityAuthenticationProvider(
                        credential,
                        scopes=[f"{sandbox.graph_url}/.default"],
                        allowed_hosts=["127.0.0.1"],
                    )
                    adapter = msgraph.GraphRequestAdapter(provider, client=http)
                    adapter.base_url = f"{sandbox.graph_url}/v1.0"
                    return await act(msgraph.GraphServiceClient(request_adapter=adapter))

        return asyncio.run(main())

    return run


def _credential(sandbox: Sandbox) -> Any:
    return identity.ClientSecretCredential(
        sandbox.tenant_id,
        sandbox.application.client_id,
        sandbox.application.client_secret,
        authority=sandbox.login_url,
        disable_instance_discovery=True,
        transport=transport.RequestsTransport(connection_verify=str(sandbox.ca_bundle)),
    )


def _wanted(sandbox: Sandbox, receiver: Any) -> Any:
    return models.Subscription(
        change_type="created,updated",
        notification_url=receiver.url,
        resource=f"/users/{sandbox.users[0].id}/messages",
        expiration_date_time=datetime.now(UTC) + timedelta(hours=2),
        client_state="invented-state",
    )


def test_it_creates_lists_gets_patches_reauthorizes_and_deletes(
    with_client: Callable[[Act], Any], sandbox: Sandbox, receiver: Any
) -> None:
    later = datetime.now(UTC) + timedelta(hours=9)

    async def act(graph: Any) -> None:
        created = await graph.subscriptions.post(_wanted(sandbox, receiver))
        assert created.application_id == sandbox.application.client_id
        one = graph.subscriptions.by_subscription_id(str(created.id))

        listed = await graph.subscriptions.get()
        assert [each.id for each in listed.value or []] == [created.id]

        patched = await one.patch(models.Subscription(expiration_date_time=later))
        assert patched.expiration_date_time == later

        await one.reauthorize.post()
        assert sandbox.subscriptions[str(created.id)].reauthorized_at is not None

        found = await one.get()
        assert found.client_state == "invented-state"

        await one.delete()

    with_client(act)

    assert not sandbox.subscriptions


def test_it_understands_our_refusals(
    with_client: Callable[[Act], Any], sandbox: Sandbox, receiver: Any
) -> None:
    wrong = _wanted(sandbox, receiver)
    wrong.change_type = "modified"

    async def act(graph: Any) -> None:
        await graph.subscriptions.post(wrong)

    with pytest.raises(api_error.APIError) as refusal:
        with_client(act)

    assert refusal.value.response_status_code == 400
    assert "modified" in str(refusal.value)


def test_it_walks_through_the_pages_of_a_list(
    with_client: Callable[[Act], Any], sandbox: Sandbox, receiver: Any
) -> None:
    sandbox.page_size = 1

    async def act(graph: Any) -> list[str]:
        for change_type in ("created", "deleted"):
            wanted = _wanted(sandbox, receiver)
            wanted.change_type = change_type
            await graph.subscriptions.post(wanted)
        first = await graph.subscriptions.get()
        second = await graph.subscriptions.with_url(str(first.odata_next_link)).get()
        return [each.change_type for page in (first, second) for each in page.value or []]

    assert with_client(act) == ["created", "deleted"]
