"""The pages by which staff sign in by Entra and sign out again; everybody may open them."""

from http import HTTPStatus

from django.contrib import admin
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from subscriptions.admin.own_address import address_here
from subscriptions.graph.errors import GraphError
from subscriptions.services.access import staff_sign_in
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told

PENDING = "pending_staff_sign_in"
CAME_BY_ENTRA = "came_by_entra"
# Passwords and locks have nothing to do with who was proven elsewhere.
BACKEND = "django.contrib.auth.backends.ModelBackend"
EXPECTED_ERRORS = (UseCaseError, GraphError)


@require_GET
@never_cache
def begin_view(request: HttpRequest) -> HttpResponse:
    """Lead to Entra's sign-in page; `?next=` is where it goes afterwards."""
    try:
        pending = staff_sign_in.begin(redirect_uri=redirect_uri(request), now=timezone.now())
    except EXPECTED_ERRORS as error:
        return _refused(request, error)
    request.session[PENDING] = {**pending.kept, "next": _next(request)}
    return HttpResponseRedirect(pending.address)


@require_GET
@never_cache
def callback_view(request: HttpRequest) -> HttpResponse:
    """Sign in who has come back, or say why not."""
    kept = request.session.pop(PENDING, None)
    try:
        user = staff_sign_in.finish(kept, unverified_answer=request.GET.dict(), now=timezone.now())
    except EXPECTED_ERRORS as error:
        return _refused(request, error)
    login(request, user, backend=BACKEND)
    request.session[CAME_BY_ENTRA] = True
    return HttpResponseRedirect(kept["next"] if kept else reverse("admin:index"))


def leave(request: HttpRequest) -> HttpResponse:
    """Lead to Entra's sign-out page, by a page of our own: after a form, a browser would not go there at once."""
    back_to = address_here(request, reverse("admin:login"))
    address = staff_sign_in.sign_out_address(back_to=back_to)
    context = {**admin.site.each_context(request), "title": "Signed out here", "address": address}
    return TemplateResponse(
        request, "admin/leave_to_sign_out.html", context, headers={"Refresh": f"0; url={address}"}
    )


def redirect_uri(request: HttpRequest) -> str:
    """Return the address to which the sign-in comes back, to be entered in Entra."""
    return address_here(request, reverse("admin:staff_sign_in_callback"))


def _next(request: HttpRequest) -> str:
    """Return the page that was asked for, if it is one of ours."""
    address = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else reverse("admin:index")


def _refused(request: HttpRequest, error: Exception) -> HttpResponse:
    is_transient = isinstance(error, GraphError) and error.is_transient
    context = {
        **admin.site.each_context(request),
        "title": "You have no access" if isinstance(error, staff_sign_in.NoRoleError) else "Not signed in",
        "reason": told(error),
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_transient else HTTPStatus.FORBIDDEN
    return TemplateResponse(request, "admin/sign_in_refused.html", context, status=status)
