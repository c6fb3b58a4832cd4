"""Items as typed rows, and the documents that hold them."""
