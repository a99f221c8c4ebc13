"""The commands, by what they are about; each is a thin skin over a function of `isomorph.tools`."""
