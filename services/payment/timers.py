"""Door three: time. What nobody told is asked for."""

from __future__ import annotations

from chassis.steps import Periodic
from services.payment.adapters.gateways.registry import Gateways
from services.payment.handlers.observations import Observing
from services.payment.handlers.payout_batches import PayoutBatches
from services.payment.handlers.payouts import Paying
from services.payment.handlers.polling import Polling
from services.payment.handlers.reconciliation import Reconciliation
from services.payment.settings import PaymentSettings


def periodics(settings: PaymentSettings, gateways: Gateways, observing: Observing) -> tuple[Periodic, ...]:
    """The poller of payments, planned captures and charges, the comparison of books, payouts, and the questions about what takes long."""
    batches = PayoutBatches(settings, Paying(settings))
    polling = Polling(settings, gateways, observing)
    reconciliation = Reconciliation(settings, gateways, observing)
    return (
        Periodic("payment.poll", every_seconds=min(1.0, settings.payment_poll_first_seconds), run=polling.poll),
        Periodic("payment.captures_due", every_seconds=1.0, run=polling.capture_due),
        Periodic("payment.charges_due", every_seconds=1.0, run=polling.charge_due),
        Periodic("payment.reconciliation", every_seconds=5.0, run=reconciliation.reconcile),
        Periodic("payment.refund_checks", every_seconds=5.0, run=polling.check_refunds),
        Periodic("payment.payouts", every_seconds=5.0, run=batches.make),
        Periodic("payment.payout_checks", every_seconds=5.0, run=batches.check),
    )
