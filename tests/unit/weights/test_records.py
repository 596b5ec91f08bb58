import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from weights_servers import fill_cache

from dfprobe.settings import encoder_families
from dfprobe.weights import records as module
from dfprobe.weights.records import (
    found,
    local_path,
    missing,
    record_name,
    records,
    state,
    weights_folder,
)

ALL = list(records().values())
AVHUBERT = records()["avhubert/self_large_vox_433h.pt"]
VSR = records()["auto_avsr/vsr_trlrwlrs2lrs3vox2avsp_base.pth"]
CLIP = records()["openai/clip-vit-large-patch14"]


def put(record, folder, content=b"weights") -> None:
    path = folder / record.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- the records themselves


def test_no_name_is_given_twice():
    text = Path(module.__file__).with_name("records.yaml").read_text(encoding="utf-8")
    names = [key.value for key, _ in yaml.compose(text).value]
    assert len(names) == len(set(names)) == len(ALL)


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_a_record_is_well_formed(record):
    assert record.family in encoder_families.families()
    assert encoder_families.weights(record.family).keys() & {"file", "hub"}
    assert set(record.streams) <= set(encoder_families.streams(record.family))
    assert record.streams
    assert record.title
    assert record.preprocessing
    links = [record.published, record.url, record.browser_url]
    assert all(link is None or link.startswith("https://") for link in links)
    assert record.can_be_fetched == (record.browser_url is None)
    assert re.fullmatch(r"\d{4}\.\d{5}", record.paper.arxiv)
    assert record.paper.title


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_sizes_and_hashes_are_numbers_and_digits(record):
    assert record.size_bytes is None or record.size_bytes > 0
    assert record.sha256 is None or re.fullmatch("[0-9a-f]{64}", record.sha256)
    assert record.md5_start is None or re.fullmatch("[0-9a-f]{5}", record.md5_start)


@pytest.mark.parametrize("record", ALL, ids=lambda record: record.name)
def test_a_hub_record_is_named_as_its_repository(record):
    if record.is_hub:
        assert record.published == f"https://huggingface.co/{record.name}"
        assert record.hub_file in (None, *module.TENSOR_FILES)
    else:
        assert Path(record.name).suffix in (".pt", ".pth")
        assert Path(record.name).parts[0] == record.family
        assert (record.hub_repo is None) == (record.hub_file is None)


def test_the_encoders_of_the_paper_have_records():
    served = {(record.family, stream) for record in ALL for stream in record.streams}
    assert served >= {
        *(("avhubert", stream) for stream in ("audio", "video", "audio_video")),
        *(("auto_avsr", stream) for stream in ("audio", "video", "audio_video")),
        *(("braven", stream) for stream in ("audio", "video")),
        *(("fsfm", "video"), ("clip", "video"), ("videomae", "video")),
        ("wav2vec2", "audio"),
    }


def test_reading_them_imports_nothing_heavy():
    command = (
        "import sys; from dfprobe.weights.records import records; records(); "
        "heavy = {'torch', 'transformers', 'numpy', 'huggingface_hub'}; "
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")


# --- where they are


def test_the_folder_is_below_the_working_directory(monkeypatch):
    monkeypatch.delenv("DFPROBE_WEIGHTS", raising=False)
    assert weights_folder() == Path("weights")
    assert local_path("a/b.pt") == Path("weights/a/b.pt")


def test_a_path_that_exists_is_taken_as_it_is(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_path("own.pt") == folder / "own.pt"
    (tmp_path / "own.pt").touch()
    assert local_path("own.pt") == Path("own.pt")
    assert local_path(str(tmp_path / "absent.pt")) == tmp_path / "absent.pt"


def test_the_weights_folder_may_stand_in_front(folder):
    named = str(folder / AVHUBERT.name)
    assert record_name(named) == AVHUBERT.name
    assert local_path(named) == local_path(AVHUBERT.name) == folder / AVHUBERT.name


# --- whether they are there


def test_nothing_is_there_at_first(folder, cache):
    assert {state(record) for record in ALL} == {"missing"}


def test_weights_of_every_record_can_be_looked_for(folder, cache):
    """A path such as fsfm/FF++_c23/x.pth is no name that the hub's library takes."""
    assert not any(found(record.name) for record in ALL)


def test_a_file_put_there_by_hand_is_found(folder):
    put(AVHUBERT, folder)
    assert state(AVHUBERT) == "found"
    assert state(AVHUBERT, hashed=True) == "found"  # no hash is known


def test_a_wrong_size_is_noticed_without_reading(folder):
    put(AVHUBERT, folder)
    assert state(replace(AVHUBERT, size_bytes=7)) == "found"
    assert state(replace(AVHUBERT, size_bytes=8)) == "wrong size"


def test_a_wrong_hash_is_noticed_only_when_asked_for(folder):
    put(AVHUBERT, folder)
    right = replace(AVHUBERT, sha256=hashlib.sha256(b"weights").hexdigest())
    wrong = replace(AVHUBERT, sha256=hashlib.sha256(b"others").hexdigest())
    assert state(right, hashed=True) == "found"
    assert state(wrong) == "found"
    assert state(wrong, hashed=True) == "wrong hash"


def test_the_first_digits_of_the_md5_are_compared(folder):
    put(VSR, folder)
    assert state(VSR, hashed=True) == "wrong hash"
    start = hashlib.md5(b"weights").hexdigest()[:5]
    assert state(replace(VSR, md5_start=start), hashed=True) == "found"


@pytest.mark.parametrize("tensors", ["model_safetensors", "pytorch_model_bin"])
def test_a_hub_id_is_found_when_configuration_and_tensors_are_cached(cache, tensors):
    videomae, hubert, xls_r = (
        records()[name]
        for name in (
            "MCG-NJU/videomae-large",
            "facebook/hubert-large-ll60k",
            "facebook/wav2vec2-xls-r-2b",
        )
    )
    fill_cache(cache, videomae.name, config_json=b"{}", **{tensors: b"tensors"})
    fill_cache(cache, hubert.name, config_json=b"{}")
    fill_cache(cache, xls_r.name, **{tensors: b"tensors"})
    assert state(videomae) == "found"
    assert state(hubert) == state(xls_r) == "missing"


def test_size_and_hash_of_a_hub_id_are_those_of_one_file(cache):
    fill_cache(cache, CLIP.name, config_json=b"{}", pytorch_model_bin=b"tensors")
    assert state(CLIP, hashed=True) == "found"
    snapshot = cache / "models--openai--clip-vit-large-patch14/snapshots/c0ffee"
    (snapshot / "model.safetensors").write_bytes(b"tensors")
    assert state(CLIP) == "wrong size"


# --- the message about missing ones


def test_a_missing_file_is_explained(folder):
    message = missing(AVHUBERT.name, ["avhubert_a", "avhubert_v"])
    for part in (
        AVHUBERT.title,
        f"the file {folder / AVHUBERT.name} is not there",
        "encoders avhubert_a, avhubert_v of the config need it",
        f"dfprobe weights fetch {AVHUBERT.name}",
        AVHUBERT.published,
        "DFPROBE_WEIGHTS",
        "Licence: AV-HuBERT licence",
    ):
        assert part in message


def test_a_file_for_the_browser_is_explained(folder):
    message = missing(str(folder / VSR.name), ["vsr"])
    for part in (VSR.browser_url, VSR.published, str(folder / VSR.name)):
        assert part in message
    assert "No program can fetch it" in message
    assert "The encoder vsr of the config needs it" in message
    assert "weights fetch" not in message


def test_an_unknown_licence_is_said_to_be():
    message = missing(
        "braven/vsr_prelrs3vox2avs_large_ftlrs3vox2avs_selftrain_braven.pth", []
    )
    assert "Licence: not known" in message
    assert "of the config" not in message


def test_a_missing_hub_id_is_explained(cache):
    message = missing(CLIP.name, ["clip"])
    for part in (
        f"not in the Hugging Face cache {cache} (HF_HOME moves it)",
        f"dfprobe weights fetch {CLIP.name}",
        f"hf download {CLIP.name}",
        "The encoder clip of the config needs it",
        "Licence: MIT",
    ):
        assert part in message


def test_a_name_without_a_record_is_explained(folder):
    message = missing("avhubert/self_large_vox.pt", ["avhubert_v"])
    for part in (
        str(folder / "avhubert/self_large_vox.pt"),
        f"Did you mean {AVHUBERT.name!r}?",
        "hf download avhubert/self_large_vox.pt",
        "The encoder avhubert_v of the config needs it",
    ):
        assert part in message
