"""Runs the notification service: `python -m services.notification {migrate|all|api|worker|seed}`."""

from chassis.hosting import main
from services.notification.app import build
from services.notification.settings import NotificationSettings

if __name__ == "__main__":
    main(lambda: build(NotificationSettings()))
