"""Reading single items: one call, or $batch where there are many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from subscriptions.graph import batch
from subscriptions.graph.answers import Answer, error_in
from subscriptions.graph.calls import Call, Caller
from subscriptions.graph.errors import GraphError, ResourceNotFoundError, UnexpectedAnswerError


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of reading one path: the item, or the error."""

    path: str
    document: Mapping[str, Any] | None = field(default=None, repr=False)
    error: GraphError | None = None


def read(caller: Caller, root: str, paths: Sequence[str], *, headers: Mapping[str, str]) -> list[Reading]:
    """Read at most twenty paths below `root`, each once, and return what came of each, in their order.

    Nothing is raised for what Graph or the network refuses, and nothing is tried again: the caller has a queue.
    """
    if len(paths) == 1:
        return [_alone(caller, root, paths[0], headers)]
    body = {
        "requests": [
            {"id": str(number), "method": "GET", "url": path, "headers": dict(headers)}
            for number, path in enumerate(paths)
        ]
    }
    try:
        # A batch of reads changes nothing, although it is posted.
        answers = batch.answers_in(
            caller.perform_once(Call(method="POST", url=f"{root}/$batch", body=body)).document()
        )
    except GraphError as error:
        return [Reading(path=path, error=error) for path in paths]
    return [_one(path, answers.get(str(number))) for number, path in enumerate(paths)]


def _alone(caller: Caller, root: str, path: str, headers: Mapping[str, str]) -> Reading:
    try:
        answer = caller.perform_once(Call(method="GET", url=root + path, headers=headers))
        return Reading(path=path, document=answer.document())
    except GraphError as error:
        return Reading(path=path, error=error)


def _one(path: str, answer: Answer | None) -> Reading:
    if answer is None:
        return Reading(path=path, error=UnexpectedAnswerError("Graph's batch answer passes over this item."))
    if answer.is_success:
        try:
            return Reading(path=path, document=answer.document())
        except UnexpectedAnswerError as error:
            return Reading(path=path, error=error)
    refusal = error_in(
        answer,
        not_found=ResourceNotFoundError,
        changes_something=False,
        known_secrets=(),
        is_from_graph=True,
    )
    return Reading(path=path, error=refusal)
