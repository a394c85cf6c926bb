"""One case: what is asked, what is found in the CT, what may be said of its privacy, and the proof."""
