import inspect

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
