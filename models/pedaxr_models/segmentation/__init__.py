"""Segmentation: network, data, losses, training, evaluation."""
