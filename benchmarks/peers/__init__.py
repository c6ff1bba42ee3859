"""The same work, done by others, each at its best; README.md says what is not alike."""
