"""Pictures and videos by content: where their bytes lie, how they become RGB, which frames of a video are used."""
