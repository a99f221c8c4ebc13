"""One file per zoo; `isomorph.spec.zoo` finds them."""
