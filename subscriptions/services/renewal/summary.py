"""What a run did: counts, and a reason for each failure."""

from dataclasses import dataclass, field
from enum import StrEnum

from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told


class Result(StrEnum):
    """What a run did to one subscription."""

    RENEWED = "renewed"
    RECREATED = "recreated"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why one subscription could not be renewed."""

    subscription: int
    resource: str
    code: str
    message: str
    request_id: str = ""

    @classmethod
    def of(cls, subscription: Subscription, error: Exception) -> "Failure":
        """Return an error as it is told about one subscription; what we did not expect only by its name."""
        is_expected = isinstance(error, GraphError | UseCaseError)
        return cls(
            subscription=subscription.pk,
            resource=subscription.resource,
            code=getattr(error, "code", "") or type(error).__name__,
            message=told(error) if is_expected else "broke off, see the log",
            request_id=getattr(error, "request_id", ""),
        )


@dataclass(kw_only=True)
class Summary:
    """What a run did, of what was due when it began."""

    due: int = 0
    renewed: int = 0
    recreated: int = 0
    failed: int = 0
    skipped: int = 0
    errors: list[Failure] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """How many the run is through with."""
        return self.renewed + self.recreated + self.failed + self.skipped

    def count(self, result: Result, failure: Failure | None = None) -> None:
        """Add the result of one subscription."""
        setattr(self, result.value, getattr(self, result.value) + 1)
        if failure:
            self.errors.append(failure)
