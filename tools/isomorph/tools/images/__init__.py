"""Read images as networks take them: arrays, and photographs through a zoo's own preprocessing."""
