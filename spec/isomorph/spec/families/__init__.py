"""How families of networks write their blocks: one file each."""
