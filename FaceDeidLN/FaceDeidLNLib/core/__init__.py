"""What every stage shares: geometry, volumes, segments, landmarks, parameters, errors."""
