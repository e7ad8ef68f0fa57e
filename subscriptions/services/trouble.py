"""Which errors speak of the owner of a subscription, so that the owner's next call would meet the same."""

from subscriptions.graph.errors import (
    GraphError,
    ServiceUnavailableError,
    ThrottledError,
    TokenRefusedError,
    UnauthorizedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from subscriptions.services.errors import NotReadyError

# No call of this owner will do better for now.
FINAL = (TokenRefusedError, UnauthorizedError, NotReadyError)
# Of these, a few in a row say the same.
PASSING = (ServiceUnavailableError, ThrottledError, UnreachableError, UnexpectedAnswerError)
# So many calls in a row must have failed before an owner is left alone until the next run.
FAILURES_BORNE = 3


def is_final(error: GraphError) -> bool:
    """Say whether one such error is enough to leave an owner alone for now."""
    return isinstance(error, FINAL) and not error.is_transient
