"""Addresses that Graph and probes call."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
