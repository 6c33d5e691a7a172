"""What an evaluation says, for people: tables, curves, and a page that needs nothing else to open."""
