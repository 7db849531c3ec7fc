"""Saving fitted models in files that are safe to load, without pickle, and exporting networks to ONNX."""

from skdl.persistence._files import load, save
from skdl.persistence._onnx import to_onnx

__all__ = ["load", "save", "to_onnx"]
