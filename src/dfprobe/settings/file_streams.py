"""What feature files may hold; imports nothing, since the configuration names it."""

# stream -> modality
MODALITIES = {"audio": "audio", "video": "visual", "audio_video": "audio-visual"}
# stream -> names of the array in an npz, the likeliest first; ours are written with it
KEYS = {
    "audio": ("audio", "arr_0"),
    "video": ("visual", "video", "arr_0"),
    "audio_video": ("multimodal", "arr_0"),
}
CORPUS = "{corpus}"  # stands for the name of the corpus in the path of the files
RATE_HZ = 25.0  # where the configuration does not say


def folder_of(root: str, corpus: str) -> str:
    """Folder of the feature files of a corpus."""
    return root.replace(CORPUS, corpus)
