"""Tests of the notification service, mirroring its rooms."""
