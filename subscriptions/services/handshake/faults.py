"""A fault of a webhook, and advice that more than one of them needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What is wrong and what to do; one that is no error lets the handshake pass all the same."""

    message: str
    advice: str
    is_error: bool = True


LEAVE_OPEN = (
    "Let the two paths under /webhooks/graph/ through without sign-in, challenge or filter: Graph cannot sign in. "
    "What is forged is refused by the application itself."
)
MORE_THREADS = (
    "Run the web server with more than one thread, for example gunicorn config.wsgi -k gthread --threads 8: "
    "Graph's handshake comes while another request waits for Graph."
)
