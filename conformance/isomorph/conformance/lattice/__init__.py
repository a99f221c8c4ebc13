"""Networks that compute with integers, so that identical means identical: how they are drawn, and the verdict."""
