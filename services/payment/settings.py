"""Payment's knobs; the environment variable of each is its name in capitals."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings


class PaymentSettings(ServiceSettings):
    """Keys of the gateways, and how patient payment is with them. A gateway without keys is not offered."""

    razorpay_key_id: str = ""
    razorpay_key_secret: SecretStr = SecretStr("")
    razorpay_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Comma list while one is being replaced; empty: the route does not exist."
    )
    razorpay_base_url: str = "https://api.razorpay.com"
    razorpay_account_id: str = Field(default="", description="Our acc_…; when set, events of another are refused.")
    stripe_secret_key: SecretStr = SecretStr("")
    stripe_publishable_key: str = ""
    stripe_webhook_secret: SecretStr = Field(default=SecretStr(""), description="Comma list while one is replaced.")
    stripe_base_url: str = "https://api.stripe.com"
    stripe_account_id: str = Field(default="", description="Our acct_…; events that name another are refused.")
    phonepe_client_id: str = ""
    phonepe_client_secret: SecretStr = SecretStr("")
    phonepe_client_version: int = Field(default=1, ge=1)
    phonepe_merchant_id: str = Field(default="", description="Ours; events that name another are refused.")
    phonepe_webhook_username: str = ""
    phonepe_webhook_password: SecretStr = Field(
        default=SecretStr(""), description="Comma list while one is being replaced; empty: the route does not exist."
    )
    phonepe_base_url: str = "https://api.phonepe.com/apis/pg"
    phonepe_oauth_url: str = "https://api.phonepe.com/apis/identity-manager"
    payment_return_url: str = Field(
        default="",
        description="Where a gateway sends buyers back to; {payment_id} and {booking_id} are filled in.",
    )
    payment_gateway_timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    payment_breaker_failures: int = Field(default=5, ge=1, le=100)
    payment_breaker_open_seconds: float = Field(default=10.0, gt=0, le=600)
    payment_verify_fetch_seconds: float = Field(default=1.2, gt=0, le=1.5)
    payment_verify_answer_seconds: float = Field(default=1.6, gt=0, le=1.9)
    payment_poll_first_seconds: float = Field(default=15.0, gt=0, le=600)
    payment_poll_batch_rows: int = Field(default=20, ge=1, le=500)
    payment_late_poll_seconds: float = Field(default=3600.0, gt=0)
    payment_order_lease_seconds: float = Field(default=30.0, gt=0, le=300)
    payment_capture_after_seconds: float = Field(default=20.0, ge=0, le=86_400)
    payment_charge_retry_seconds: float = Field(
        default=12 * 3600.0, gt=0, description="How long after a declined charge of a saved method the next is tried."
    )
    payment_refund_retry_seconds: float = Field(default=3600.0, gt=0)
    payment_refund_rounds: int = Field(
        default=5, ge=1, le=50, description="Refused refunds are tried again this often."
    )
    payment_refund_check_seconds: float = Field(
        default=300.0, gt=0, description="How often a pending refund is asked about."
    )
    payment_second_person_minor: int = Field(
        default=5_000_000, ge=0, description="Refunds by hand above this many minor units need a second person."
    )
    payment_payout_every_seconds: float = Field(
        default=86_400.0, gt=0, description="How often a partner's due money is sent, in one transfer."
    )
    payment_payout_hold_seconds: float = Field(
        default=7 * 86_400.0,
        ge=0,
        description="How long a partner's share waits after the service, or the sale if later, before it is sent.",
    )
    payment_payout_minimum_minor: int = Field(
        default=10_000, ge=100, description="A balance of fewer minor units is carried on to the next batch."
    )
    payment_payout_check_seconds: float = Field(
        default=300.0, gt=0, description="How often a payout on its way is asked about."
    )
    payment_reconcile_seconds: float = Field(
        default=86_400.0, gt=0, description="How often our books are compared with each gateway's."
    )
    payment_reconcile_overlap_seconds: float = Field(
        default=3 * 86_400.0, ge=0, description="How far each comparison reaches back behind the last one."
    )
    payment_case_deadline_hours: float = Field(default=24.0, gt=0)

    def return_url(self, payment_id: UUID, booking_id: str) -> str:
        """The address that the buyer comes back to after a gateway's own page."""
        return self.payment_return_url.replace("{payment_id}", str(payment_id)).replace("{booking_id}", booking_id)

    @property
    def razorpay_webhook_secrets(self) -> tuple[str, ...]:
        """The webhook secrets that are good at present."""
        return _listed(self.razorpay_webhook_secret)

    @property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """The webhook secrets that are good at present."""
        return _listed(self.stripe_webhook_secret)

    @property
    def phonepe_webhook_passwords(self) -> tuple[str, ...]:
        """The webhook passwords that are good at present."""
        return _listed(self.phonepe_webhook_password)


def _listed(secrets: SecretStr) -> tuple[str, ...]:
    return tuple(secret.strip() for secret in secrets.get_secret_value().split(",") if secret.strip())
