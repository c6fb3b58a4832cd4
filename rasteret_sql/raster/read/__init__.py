"""Reading chips: from a header and an area to the pixels inside it."""
