"""Run a checkpoint: load, verify, predict."""

import os

# From 1.32 on ONNX Runtime keeps a device id in the user's cache and sends events to its maker, unless
# this is set before it is imported. What a hospital reads is nobody else's business; 0 lets it send.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
