"""Backbones that torchvision does not hold."""
