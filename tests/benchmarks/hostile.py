"""Hostile run: fuzzed bodies and mutated tokens and content against the real webhook and a real worker.

    python -m tests.benchmarks.hostile [--bodies 20000]

Half of the bodies are structures that hypothesis makes up, half are genuine deliveries that were damaged. Exit 1 on any
5xx or missing answer, on one that took over two seconds, on an item that counts as genuine although its delivery does
not carry the proof, or when memory grows without bound.
"""

import json
import random
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.benchmarks.product import Product, Speller, installed, speller

LONGEST_SECONDS = 2.0
MOST_GROWTH_KB = 64 * 1024
WARM_UP = 1000
GENUINE_EVERY = 50
KEYS = (
    *(
        "value",
        "validationTokens",
        "subscriptionId",
        "clientState",
        "changeType",
        "lifecycleEvent",
        "resource",
    ),
    *(
        "resourceData",
        "encryptedContent",
        "data",
        "dataKey",
        "dataSignature",
        "encryptionCertificateId",
        "tenantId",
    ),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)
HEADERS: tuple[dict[str, str], ...] = (
    *({}, {}, {}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Content-Type": "text/plain"}),
    *(
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json; charset=zlib"},
    ),
)


@dataclass(kw_only=True)
class Figures:
    """What the answers were like."""

    product: Product
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: list[int] = field(default_factory=list)

    def post(self, body: bytes, **headers: str) -> None:
        """Post a body and note the answer; memory is read once the processes are warm."""
        began = time.monotonic()
        self.statuses[self.product.post(body, **headers)] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        if self.statuses.total() == WARM_UP:
            self.memory.append(self.memory_kb())

    def memory_kb(self) -> int:
        """Return the memory that the web server and the worker hold."""
        pids = [pid for name in ("web", "worker-1") for pid in self.product.pids(name)]
        return sum(_resident_kb(pid) for pid in pids)

    @property
    def failures(self) -> int:
        """Return how many answers were 5xx or none."""
        return sum(count for status, count in self.statuses.items() if status == 0 or status >= 500)


def main() -> int:
    """Run and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=20_000)
    options = parser.parse_args()
    # All that is sent is to be judged too, not turned away at the door.
    with installed(
        MAX_QUARANTINED_PER_MINUTE="1000000",
        MAX_QUARANTINED_DELIVERIES="100000",
        MAX_QUARANTINED_BYTES="1000000000",
    ) as product:
        product.start_web()
        product.start_worker("worker-1")
        spell = speller(product.sandbox)
        figures = Figures(product=product)
        _send_structures(figures, spell, count=options.bodies // 2)
        genuine = _send_damaged(figures, spell, count=options.bodies - options.bodies // 2)
        _wait_until_judged()
        figures.memory.append(figures.memory_kb())
        accepted, contents, unproven = _judge(spell, genuine)
    growth = figures.memory[-1] - figures.memory[0]
    print(f"bodies: {figures.statuses.total()}, answers {dict(sorted(figures.statuses.items()))}")
    print(f"5xx or none: {figures.failures}; slowest {figures.slowest:.2f} s")
    print(
        f"accepted {accepted}, with content {contents}, of {len(genuine)} untouched ones; without proof: {unproven}"
    )
    print(f"memory: {figures.memory[0] // 1024} MB warm, {figures.memory[-1] // 1024} MB at the end")
    is_good = not figures.failures and figures.slowest <= LONGEST_SECONDS and not unproven
    return 0 if is_good and contents >= len(genuine) and growth <= MOST_GROWTH_KB else 1


def _send_structures(figures: Figures, spell: Speller, *, count: int) -> None:
    """Send what hypothesis makes up: any JSON, items of ours with anything in their other fields, and plain bytes."""
    ours = st.builds(
        lambda extra, kind: {"value": [{**extra, **spell.names[kind]}]},
        st.dictionaries(st.sampled_from(KEYS), STRUCTURES, max_size=5),
        st.sampled_from(sorted(spell.names)),
    )
    lists = st.builds(lambda items: {"value": items}, st.lists(STRUCTURES, max_size=5))
    documents = (STRUCTURES | lists | ours).map(lambda document: json.dumps(document).encode())

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(documents, documents, st.binary(max_size=300)), st.sampled_from(HEADERS))
    def send(body: bytes, headers: dict[str, str]) -> None:
        figures.post(body, **headers)

    send()
    # Hypothesis ends early when it has seen all that there is; the number that was promised is sent all the same.
    chance = random.Random(2)  # noqa: S311 -- a load, not a secret
    while figures.statuses.total() < count:
        figures.post(chance.randbytes(chance.randint(0, 400)))


def _send_damaged(figures: Figures, spell: Speller, *, count: int) -> list[dict[str, Any]]:
    """Send damaged deliveries and, now and then, an untouched one; return the items of the untouched."""
    chance = random.Random(1)  # noqa: S311 -- a load, not a secret
    genuine = []
    forged = _forged_tokens(spell)
    for number in range(count):
        item = spell.item("rich")
        body = spell.body(item)
        if number % GENUINE_EVERY == 0:
            genuine.append(item)
            figures.post(json.dumps(body).encode())
        elif number % 3 == 0:
            body["validationTokens"] = [chance.choice(forged), _flipped(spell.token, chance)]
            figures.post(json.dumps(body).encode())
        elif number % 3 == 1:
            name = chance.choice(("data", "dataKey", "dataSignature", "encryptionCertificateThumbprint"))
            item["encryptedContent"][name] = _flipped(item["encryptedContent"][name], chance)
            figures.post(json.dumps(body).encode())
        else:
            figures.post(_damaged(json.dumps(body).encode(), chance))
    return genuine


def _forged_tokens(spell: Speller) -> list[str]:
    sandbox = spell.sandbox
    header, claims, signature = spell.token.split(".")
    return [
        sandbox.validation_token(audience="somebody-else"),
        sandbox.validation_token(tenant_id="00000000-0000-4000-8000-000000000000"),
        sandbox.validation_token(claims={"exp": 1}),
        sandbox.validation_token(claims={"azp": "somebody-else", "appid": "somebody-else"}),
        sandbox.validation_token(kid="unknown"),
        sandbox.validation_token(kid=None),
        sandbox.validation_token(key="guessed-secret-of-thirty-two-bytes", algorithm="HS256"),
        f"eyJhbGciOiJub25lIn0.{claims}.",
        f"{header}.{claims}.",
        f"{header}..{signature}",
        "",
    ]


def _flipped(text: str, chance: random.Random) -> str:
    """Return the text with one character changed, in a place where the change matters to its bytes."""
    # The last characters of Base64 may hold bits that stand for nothing.
    place = chance.randrange(max(1, len(text) - 4))
    other = "A" if text[place] != "A" else "B"
    return f"{text[:place]}{other}{text[place + 1 :]}"


def _damaged(body: bytes, chance: random.Random) -> bytes:
    """Return the bytes cut, repeated, or with some of them changed."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged))
        way = chance.randrange(4)
        if way == 0:
            damaged[place] = chance.randrange(256)
        elif way == 1:
            del damaged[place : place + chance.randint(1, 20)]
        elif way == 2:
            damaged[place:place] = chance.randbytes(chance.randint(1, 20))
        else:
            damaged[place:place] = damaged[: chance.randint(1, 200)]
        if not damaged:
            break
    return bytes(damaged)


def _wait_until_judged() -> None:
    """Wait until the worker has looked at everything; what names a damaged certificate or key id may wait for one."""
    from notifications.models import Delivery

    while Delivery.objects.filter(state=Delivery.State.QUEUED).exists():
        time.sleep(0.5)


def _judge(spell: Speller, genuine: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Return how many items were accepted, how many with content, and how many of these without proof.

    The proof is looked for in the bytes that came, without any of the product's own code: the whole clientState, and
    for content also the whole token; and what was opened must be what was once sealed.
    """
    from notifications.models import ChangeNotification, NotificationContent

    states = [name["clientState"].encode() for name in spell.names.values()]
    accepted = ChangeNotification.objects.filter(state="accepted").select_related("delivery", "content")
    contents = NotificationContent.objects.count()
    unproven = 0
    for row in accepted.iterator(500):
        body = bytes(row.delivery.body) if row.delivery else b""
        is_proven = any(state in body for state in states)
        if hasattr(row, "content"):
            is_sealed_by_us = row.content.data.get("id") and row.content.data["id"].encode() in body
            is_proven = is_proven and spell.token.encode() in body and bool(is_sealed_by_us)
        unproven += not is_proven
    opened = set(NotificationContent.objects.values_list("data__id", flat=True))
    unopened = sum(item["id"] not in opened for item in genuine)
    if unopened:
        print(f"untouched ones that were not opened: {unopened}")
    return accepted.count(), contents, unproven + unopened


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    sys.exit(main())
