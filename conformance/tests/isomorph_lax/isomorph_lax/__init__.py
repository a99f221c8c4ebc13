"""The networks in plain JAX: parameters are a pytree, and a network is a pure function of them and of its images."""
