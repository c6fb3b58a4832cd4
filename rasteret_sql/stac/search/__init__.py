"""One search: what it asks for, what a server is sent, and what is checked and done here."""
