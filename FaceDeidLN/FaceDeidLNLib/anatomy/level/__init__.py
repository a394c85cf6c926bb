"""Node levels: their table, and their regions on the grid of the jaw."""
