"""Looks for what must never be told: secrets, card numbers and buyers' addresses, in bytes of any origin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import ALL_TOPICS

_DIGITS = re.compile(rb"(?<![\w.-])[3-6](?:[ -]?\d){14,15}(?![\w.-])")
_TOKENS = {
    "a bearer token": re.compile(rb"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    "a client secret": re.compile(rb"(?:pi|seti)_\w{8,}_secret_\w{8,}"),
    "a vendor's access token": re.compile(rb"O-Bearer [\w-]{12,}"),
}
_SHORT = 8
"""Shorter values are words, not secrets."""


def is_card_number(digits: bytes) -> bool:
    """Whether 15 or 16 digits carry the check digit of a card number (Luhn, ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = (digit - 48) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def leaks(text: bytes, secrets: Mapping[str, str], personal: Iterable[str] = ()) -> list[str]:
    """The names of what `text` gives away: our `secrets` by name, cards, tokens, and `personal` words."""
    found = [name for name, value in secrets.items() if len(value) >= _SHORT and value.encode() in text]
    found += [name for name, pattern in _TOKENS.items() if pattern.search(text)]
    for match in _DIGITS.finditer(text):
        if is_card_number(re.sub(rb"[ -]", b"", match.group())):
            found.append("a card number")
            break
    return found + [f"personal: {word}" for word in personal if word.encode() in text]


def log_lines(folder: Path) -> Iterable[tuple[str, bytes]]:
    """Every line of every log below `folder`, with where it stands."""
    for path in sorted(folder.glob("*.log")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            yield f"{path.name}:{number}", line


async def records(servers: str) -> list[tuple[str, str, bytes]]:
    """Topic, type and all bytes (key, value, headers) of every record on the broker."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    found: list[tuple[str, str, bytes]] = []
    try:
        places = [TopicPartition(topic.name, n) for topic in ALL_TOPICS for n in range(topic.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        waiting = {place for place, end in ends.items() if end > await consumer.position(place)}
        while waiting:
            for place, batch in (await consumer.getmany(*waiting, timeout_ms=1000)).items():
                for record in batch:
                    headers = b" ".join(name.encode() + b"=" + value for name, value in record.headers)
                    kind = next((value.decode() for name, value in record.headers if name == "ce_type"), "")
                    found.append((record.topic, kind, b" ".join([record.key or b"", record.value or b"", headers])))
                if batch[-1].offset + 1 >= ends[place]:
                    waiting.discard(place)
    finally:
        await consumer.stop()
    return found
