"""Vendors' HTTP as integrators meet it: signatures, pay pages, webhooks, errors, and misbehaviour on order."""
