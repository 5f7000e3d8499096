"""The receiver: noisy symbols in over gRPC, stored radio maps and outage maps out over HTTP."""
