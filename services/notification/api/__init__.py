"""Door 1: what buyers, administrators and operators may ask of the notification service over HTTP."""
