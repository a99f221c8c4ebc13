"""Networks that compute with integers, so that identical means identical: what is drawn, and the verdict."""
