"""Under which address a browser reaches a page of ours."""

from urllib.parse import urlsplit

from django.http import HttpRequest

from subscriptions import conf


def address_here(request: HttpRequest, path: str) -> str:
    """Return the whole address of a path: the public one where the admin is reached there."""
    public = conf.configuration().public_base_url
    if urlsplit(public).netloc == request.get_host():
        return public + path
    return request.build_absolute_uri(path)
