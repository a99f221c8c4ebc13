"""Why a node gives something else than its counterpart: each cause with its words and what proves it."""
