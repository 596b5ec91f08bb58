"""Frozen self-supervised encoders probed for audio-visual deepfake detection."""

__version__ = "0.1.0"
