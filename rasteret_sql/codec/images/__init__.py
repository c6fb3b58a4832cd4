"""Image codecs: streams that hold pixels, one file per codec."""
