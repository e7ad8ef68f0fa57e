"""Loads the product once, so that each process that is to be killed need not."""

import logging

import django

from tests.benchmarks.month import clock

__all__ = ["clock"]

django.setup()
logging.disable(logging.CRITICAL)
