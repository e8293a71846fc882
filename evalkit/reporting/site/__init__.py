"""The leaderboard as a site of static pages, every sample in it to look at."""
