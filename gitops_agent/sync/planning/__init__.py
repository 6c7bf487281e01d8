"""Plans: desired and live state become actions within a deletion budget."""
