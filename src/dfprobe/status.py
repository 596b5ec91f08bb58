"""What became of a clip at a stage: ``ok`` or one named reason."""

from enum import StrEnum


class Status(StrEnum):
    """The status of one clip in the index of a stage."""

    OK = "ok"
    MISSING = "missing"  # the manifest names a file that is not there
    UNREADABLE = "unreadable"  # neither video nor audio could be decoded
    NO_VIDEO = "no_video"
    NO_AUDIO = "no_audio"
    NO_FACE = "no_face"  # no face in any frame
    TOO_SHORT = "too_short"  # fewer frames or samples than the encoder needs
    NON_FINITE = "non_finite"  # NaN, infinity, float16 overflow, or an all-zero row
