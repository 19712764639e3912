"""Tools of those who make a release."""
