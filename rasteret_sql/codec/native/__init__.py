"""Decoding in C, without Python's lock: from a stored block straight to where its pixels are wanted.

``decode.c`` is compiled when the package is built. Where it is missing, or the setting ``native_decoding`` is
off, everything is decoded by imagecodecs and NumPy, with the same pixels and the same errors.
"""
