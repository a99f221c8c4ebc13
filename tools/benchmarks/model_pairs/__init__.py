"""Three networks in three frameworks each, with mistakes to plant: what is said of two models that nobody specified."""
