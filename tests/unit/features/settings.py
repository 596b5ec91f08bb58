"""Settings of the features stage as a config without them has them."""

SETTINGS = {
    "dtype": "float16",
    "device": "cpu",
    "precision": "auto",
    "window_s": 40,
    "overlap_s": 4,
    "batch_rows": None,
    "max_failed_share": 1.0,
}
