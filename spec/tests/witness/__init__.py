"""What zoos' own sources say, typed from them a second time: one file a zoo, the source beside every row.

Nothing here is computed from the specification that it is held against.
"""
