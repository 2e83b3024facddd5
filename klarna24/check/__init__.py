"""Everything that a run needs, tried without sending anything."""
