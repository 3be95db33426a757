"""What each process of the stage is told: its addresses, its database, and secrets made once per home."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chassis.identity import issue_account_token
from deploy.stage.postgres import SERVICES

_WORDS = ("TOKEN_SECRET", "CHECKOUT_TOKEN_SECRET", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")
_GATEWAYS = ("razorpay", "stripe", "phonepe")
_PUBLIC = {
    "RAZORPAY_KEY_ID": "rzp_test_",
    "STRIPE_SECRET_KEY": "sk_test_",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_",
    "STRIPE_WEBHOOK_SECRET": "whsec_",
    "PHONEPE_CLIENT_ID": "payfirst-",
    "PHONEPE_CLIENT_SECRET": "",
    "PHONEPE_MERCHANT_ID": "M",
    "PHONEPE_WEBHOOK_USERNAME": "payfirst_",
    "PHONEPE_WEBHOOK_PASSWORD": "pw",
}
"""Names whose form the vendor gives: its prefix, and something random behind it."""
_YEAR_SECONDS, _MONTH_SECONDS = 365 * 86_400, 30 * 86_400


def _service_account() -> str:
    """The JSON of a Firebase service account with a key of its own, good for the simulator alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps({"client_email": "stage@payfirst-local.example.com", "private_key": text.decode()})


def load_secrets(home: Path) -> dict[str, str]:
    """The secrets of this home; what is missing is made now and kept, readable by its owner alone."""
    path = home / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    words = (*_WORDS, *(f"{name.upper()}_DATABASE_PASSWORD" for name in SERVICES))
    made = {name: secrets.token_urlsafe(32) for name in words if name not in known}
    made |= {name: prefix + secrets.token_hex(7) for name, prefix in _PUBLIC.items() if name not in known}
    if "FCM_SERVICE_ACCOUNT" not in known:
        made["FCM_SERVICE_ACCOUNT"] = _service_account()
    if made:
        known |= made
        write_private(path, json.dumps(known))
    return known


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, readable by its owner alone."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def database_passwords(known: dict[str, str]) -> dict[str, str]:
    """The passwords of the services' roles on a server that is not ours alone."""
    return {name: known[f"{name.upper()}_DATABASE_PASSWORD"] for name in SERVICES}


def tokens(known: dict[str, str], seed: dict[str, Any]) -> dict[str, str]:
    """Account tokens of the stage by who they are for, good for a month: the expert and the trainer, who has an expert's
    role too, are the first of the seeded ones."""
    people = {
        "admin": ("admin", "admin"),
        "ops": ("ops", "ops"),
        "expert": ((seed.get("experts") or ["expert"])[0], "expert"),
        "trainer": ((seed.get("trainers") or ["trainer"])[0], "expert"),
        "vendor": ("vendor", "vendor"),
        "buyer": ("buyer", "buyer"),
    }
    secret = known["TOKEN_SECRET"]
    return {
        who: issue_account_token(secret, subject, [role], _MONTH_SECONDS) for who, (subject, role) in people.items()
    }


def environments(
    known: dict[str, str], record: dict[str, Any], ports: dict[str, int], extra: dict[str, str]
) -> dict[str, dict[str, str]]:
    """The environment of every process by name: `record` is what stage.json will say, `ports` has one for each name.

    `ports` also knows `mail` and `smtp`; `extra` goes to all and wins.
    """
    simulators = record["simulators"]
    shared = {
        "KAFKA_BOOTSTRAP_SERVERS": record["kafka"],
        "HTTP_HOST": "127.0.0.1",
        "MALLOC_ARENA_MAX": "1",  # one loop a process: an arena for each thread of a pool only scatters what is free
        "MALLOC_TRIM_THRESHOLD_": "131072",  # what a backlog's batches took is given back
        "TRUSTED_PROXIES": "127.0.0.1",
        "RATE_LIMIT_ADDRESS_FACTOR": "1000",  # all buyers of a stage come from one address, the bench's hundreds too
        "TOKEN_SECRET": known["TOKEN_SECRET"],
        "CHECKOUT_TOKEN_SECRET": known["CHECKOUT_TOKEN_SECRET"],
        **{name: word for name, word in known.items() if name.lower().startswith(_GATEWAYS)},
        **{f"{name.upper()}_BASE_URL": f"{simulators}/{name}" for name in _GATEWAYS},
        "PHONEPE_OAUTH_URL": f"{simulators}/phonepe",
        "PAYMENT_RETURN_URL": f"{record['storefront']}/pay/back?payment_id={{payment_id}}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(ports["smtp"]),
        "MAIL_FROM": "payfirst@example.com",
        "INVOICE_LINK": f"{record['fulfillment']}/api/v1/invoices/{{invoice_id}}.pdf",
        "BOOKING_LINK": f"{record['storefront']}/bookings/{{booking_id}}",
        "FCM_BASE_URL": f"{simulators}/fcm",
        "FCM_TOKEN_URI": f"{simulators}/fcm/token",
        "FCM_PROJECT": "payfirst-local",
        "FCM_SERVICE_ACCOUNT": known["FCM_SERVICE_ACCOUNT"],
        **{f"{name.upper()}_URL": record[name] for name in (*SERVICES, "simulators", "mail")},
        "OPS_TOKEN": issue_account_token(known["TOKEN_SECRET"], "console", ["ops", "admin"], _YEAR_SECONDS),
        "SIMULATORS_HOST": "127.0.0.1",
        "SIMULATORS_PORT": str(ports["simulators"]),
        "MAIL_HTTP_PORT": str(ports["mail"]),
        "MAIL_SMTP_PORT": str(ports["smtp"]),
        **{f"{name.upper()}_WEBHOOK_URL": f"{record['payment']}/api/v1/webhooks/{name}" for name in _GATEWAYS},
    }
    made = {name: {**shared, "HTTP_PORT": str(port)} for name, port in ports.items()}
    for name in SERVICES:
        made[name]["DATABASE_URL"] = record["databases"][name]
    return {name: {**values, **extra} for name, values in made.items()}
