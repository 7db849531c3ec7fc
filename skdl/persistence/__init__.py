"""Saving fitted models in files that are safe to load: without pickle, and checked before anything is used."""

from skdl.persistence._files import load, save

__all__ = ["load", "save"]
