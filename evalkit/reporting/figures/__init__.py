"""Tables as pictures, drawn with matplotlib."""
