"""Random histories through the real adapters and the vendors' simulators, with faults."""
