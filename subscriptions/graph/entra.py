"""The sign-in service as MSAL reaches it: our transport, and failures that keep their facts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import requests

from subscriptions.graph import transport
from subscriptions.graph.answers import Answer, parse_retry_after
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.errors import (
    GraphError,
    ThrottledError,
    TokenRefusedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from subscriptions.graph.redaction import without_secrets

READ_TIMEOUT_SECONDS = 30.0


class SignInFailedError(requests.RequestException):
    """Carries our error through MSAL, which falls back on a token it holds when it sees a request fail."""

    def __init__(self, reason: GraphError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class HttpClient:
    """The HTTP client that MSAL calls: trust and time-outs are ours, and failures keep their facts."""

    def __init__(self, cloud: Cloud, known_secret: str | None) -> None:
        self._transport = transport.shared(cloud.ca_bundle)
        self._known_secret = known_secret

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Fetch the tenant's sign-in metadata."""
        response = self._send("GET", url, params=params, data=None, headers=headers)
        if response.status_code != HTTPStatus.OK:
            reason = refusal(response.json(), status=response.status_code, known_secret=self._known_secret)
            raise SignInFailedError(reason)
        return response

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Ask for a token; MSAL reads a refusal itself."""
        return self._send("POST", url, params=params, data=data, headers=headers)

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None,
        data: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        try:
            response = self._transport.send(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                read_timeout_seconds=READ_TIMEOUT_SECONDS,
            )
        except UnreachableError as error:
            raise SignInFailedError(error) from error
        failure = _failure_in(response)
        if failure is not None:
            raise SignInFailedError(failure)
        return response


def _failure_in(response: requests.Response) -> GraphError | None:
    """Return what keeps the response from being an answer or a refusal of Entra's, if anything does."""
    status = response.status_code
    retry_after = parse_retry_after(response.headers.get("Retry-After", ""), now=datetime.now(UTC))
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after):
        return ThrottledError(
            "The sign-in service asks to wait.", status=status, retry_after=retry_after, is_transient=True
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TokenRefusedError("The sign-in service failed.", status=status, is_transient=True)
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    if is_redirect or not isinstance(Answer.of(response).unverified_body, dict):
        return UnexpectedAnswerError("The sign-in service did not answer in its own form.", status=status)
    return None


_TRACE = re.compile(r"\s*(?:Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
_AADSTS_NUMBER = re.compile(r"AADSTS(\d{1,9})")


def refusal(
    result: Mapping[str, Any], *, status: int | None = None, known_secret: str | None
) -> TokenRefusedError:
    """Return a refusal of Entra's as our error, without its trace ids and without secrets."""
    description = _TRACE.sub("", str(result.get("error_description") or ""))
    number = _AADSTS_NUMBER.search(description)
    return TokenRefusedError(
        without_secrets(description, known_secret) or "The sign-in service gave no reason.",
        error=without_secrets(str(result.get("error") or ""), known_secret)[:100],
        aadsts_code=int(number[1]) if number else None,
        status=status,
    )
