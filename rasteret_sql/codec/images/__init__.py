"""Image codecs: streams that hold pixels, one file a codec."""
