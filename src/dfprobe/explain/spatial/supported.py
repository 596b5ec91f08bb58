"""Which encoders can be explained in space; imports nothing, since the config asks.

What each family tells of itself is in `dfprobe.explain.spatial.maps.families`.
"""

# family -> streams
SUPPORTED = {
    "auto": ("image", "video"),
    "auto_avsr": ("video", "audio_video"),
    "avhubert": ("video", "audio_video"),
    "braven": ("video",),
    "clip": ("video",),
    "example": ("video",),
    "fsfm": ("video",),
    "residual": ("video",),
    "videomae": ("video",),
}


def is_supported(family: str | None, stream: str) -> bool:
    """Whether the rows of a stream can be traced back to places in the frame."""
    return family is not None and stream in SUPPORTED.get(family, ())


def supported_streams() -> str:
    """List all of them, for messages."""
    return ", ".join(
        f"{family} ({' or '.join(streams)})" for family, streams in SUPPORTED.items()
    )
