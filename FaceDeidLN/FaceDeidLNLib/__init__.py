"""FaceDeidLN: face de-identification of head-and-neck CT that keeps the lymph nodes."""

__version__ = "0.1.0"
