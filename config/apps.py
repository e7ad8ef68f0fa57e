"""Puts the product's admin site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class GraphAdminConfig(AdminConfig):
    """Django's admin app with our site."""

    default_site = "config.admin_site.GraphAdminSite"
