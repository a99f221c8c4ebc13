"""The oracle: plain NumPy in float64, read beside the frameworks."""
