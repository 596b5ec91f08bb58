import inspect
from pathlib import Path

from dfprobe import products

# Generated corpora are data: gc leaves them. Folders go with the files beside them.
_NOT_NAMED = {"demo_listing", "audit_figures", "layers_folder"}


def patterns() -> dict[str, str]:
    """Paths of the functions that can leave all their names as wildcards."""
    found = {}
    for name, function in inspect.getmembers(products, inspect.isfunction):
        if function.__module__ != products.__name__:
            continue
        parameters = inspect.signature(function).parameters.values()
        if all(p.default is not p.empty for p in parameters):
            found[name] = function()
    return found


def test_every_product_that_stands_for_a_name_is_known_to_gc():
    unknown = {name for name, path in patterns().items() if path not in products.NAMED}
    assert unknown == _NOT_NAMED


def test_no_two_products_have_one_path():
    paths = list(patterns().values())
    paths += [v for k, v in vars(products).items() if k.isupper() and type(v) is str]
    assert len(set(paths)) == len(paths)


def test_no_other_file_spells_a_path_below_the_results():
    root = Path(__file__).parents[3]
    files = [root / "Snakefile", *root.glob("workflow/*/*")]
    for kind in ("py", "html", "js"):
        files += (root / "src").rglob(f"*.{kind}")
    spelt = {file.name for file in files if "results/" in file.read_text()}
    assert spelt == {"products.py"}
