"""Answers Graph before anything is asked that concerns people only: sessions, forms, who is signed in."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from notifications import urls


class WebhookLaneMiddleware:
    """Calls the webhook's view itself; what stands below this in MIDDLEWARE, Graph passes by.

    For every insert that Graph waits for, those layers and the walk through all addresses would cost more than the
    insert. What every answer carries is added by the layers above.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._views = {f"/{pattern.pattern}": pattern.callback for pattern in urls.webhooks}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer by the view, if the address is the webhook's."""
        view = self._views.get(request.path_info)
        if view is None:
            return self._get_response(request)
        response = view(request)
        # A refusal of REST framework's own, such as that of another method, is spelled late.
        return response.render() if isinstance(response, SimpleTemplateResponse) else response
