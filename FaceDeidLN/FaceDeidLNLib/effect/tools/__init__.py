"""What effects are made with: tissue and air of the scan, smoothing, letters."""
