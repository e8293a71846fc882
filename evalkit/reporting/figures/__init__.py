"""A card's tables as figures, drawn with matplotlib."""
