"""Everything that makes the embedded model `pocket-vlm` and the synthetic `mini` suite, from seeds alone."""
