"""FaceDeidLN: face de-identification of head-and-neck CT that keeps the lymph nodes."""
