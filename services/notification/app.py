"""Composition root of the notification service: the only file that knows everybody."""

from __future__ import annotations

from pathlib import Path

from chassis.hosting import Application
from services.notification.adapters.fcm import Fcm, project_of
from services.notification.adapters.mail import MailOffice, Paper
from services.notification.adapters.smtp import Mailer, MailServer
from services.notification.api import deliveries, devices, preferences
from services.notification.consumers import DELIVERIES, RECIPIENTS, sending_step
from services.notification.domain.letters import Links
from services.notification.handlers.sending import Sending
from services.notification.settings import NotificationSettings

MIGRATIONS = Path(__file__).parent / "storage/migrations"


def build(settings: NotificationSettings) -> Application:
    """The service as `settings` say. Raises `ValueError` for a push account that is none."""
    mailer = Mailer(_mail_server(settings))
    push = _push(settings)
    office = MailOffice(Paper(Links(settings.invoice_link, settings.booking_link)), mailer, settings.mail_from)
    sending = Sending(lambda: application.database, office, push)

    async def shutdown(_: Application) -> None:
        await mailer.close()
        if push is not None:
            await push.close()

    application = Application(
        name="notification",
        settings=settings,
        migrations=MIGRATIONS,
        routers=(deliveries.router, preferences.router, devices.router),
        steps=(RECIPIENTS, DELIVERIES, sending_step(sending, settings.smtp_connections)),
        shutdown=shutdown,
    )
    return application


def _mail_server(settings: NotificationSettings) -> MailServer:
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.tls,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        timeout_seconds=settings.smtp_timeout_seconds,
        connections=settings.smtp_connections,
        mails_per_second=settings.smtp_mails_per_second,
        mails_per_connection=settings.smtp_mails_per_connection,
        idle_seconds=settings.smtp_idle_seconds,
    )


def _push(settings: NotificationSettings) -> Fcm | None:
    if not settings.push_configured:
        return None
    account = settings.fcm_service_account.get_secret_value()
    timeout = settings.fcm_timeout_seconds
    return Fcm(project_of(settings.fcm_base_url, settings.fcm_project, settings.fcm_token_uri, account, timeout))
