"""What this app tells code of others: Django signals, for those who run their own app beside it."""

from django.dispatch import Signal

notification_stored = Signal()
"""Sent for each genuine notification after the transaction that stored it, in the process that stored it.

Arguments: `sender`, the class `ChangeNotification`; `notification`, the saved row, whose content, where it has any, is
`notification.content.data`. Sent once, also for what a delta query found; not again when content is fetched later.
What a receiver raises is logged and stops nothing. A receiver that takes long holds up the worker: hand long work on.
A worker that is killed between the commit and the signal does not send it: who must miss nothing reads the API's feed.
"""
