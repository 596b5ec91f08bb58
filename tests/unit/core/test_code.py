from pathlib import Path

import pytest

from dfprobe import code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package with the layout that import_closure expects."""
    files = {
        "top.py": "from dfprobe.room import inner\nimport numpy\n",
        "room/__init__.py": "",
        "room/inner.py": "from dfprobe.room.leaf import f\n",
        "room/leaf.py": 'def f():\n    """Doc."""\n    return 1  # one\n',
        "alone.py": "x = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    code.canonical_source.cache_clear()
    code._imports.cache_clear()
    yield tmp_path
    code.canonical_source.cache_clear()
    code._imports.cache_clear()


def rewrite(path: Path, text: str) -> str:
    path.write_text(text)
    code.canonical_source.cache_clear()
    return code.code_digest(["dfprobe.top"])


def test_closure_follows_submodules_named_by_from_imports(package):
    assert code.import_closure(["dfprobe.top"]) == [
        "dfprobe.room.inner",
        "dfprobe.room.leaf",
        "dfprobe.top",
    ]


def test_digest_ignores_comments_docstrings_and_layout_but_not_statements(package):
    leaf = package / "room/leaf.py"
    before = code.code_digest(["dfprobe.top"])
    assert rewrite(leaf, "def f():\n\n    return (1)\n") == before
    assert rewrite(leaf, "def f():\n    return 2\n") != before


def test_digest_ignores_modules_outside_the_closure(package):
    before = code.code_digest(["dfprobe.top"])
    assert rewrite(package / "alone.py", "x = 2\n") == before


def test_a_module_that_does_not_exist_is_named(package):
    with pytest.raises(ModuleNotFoundError, match=r"no module dfprobe\.nothing"):
        code.import_closure(["dfprobe.nothing"])


def test_packages_of_dfprobe_are_empty():
    root = Path(code.__file__).parent
    filled = [
        p for p in root.rglob("__init__.py") if p.parent != root and p.stat().st_size
    ]
    assert filled == []
