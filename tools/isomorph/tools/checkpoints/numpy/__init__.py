"""Files of NumPy's arrays, and pickles of them."""
