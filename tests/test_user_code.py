from __future__ import annotations

import sys

import pytest

from pytest_modelqa.errors import DatasetError, EvaluationError
from pytest_modelqa.user_code import call, explained, import_attribute


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """Writes a module into the spec's folder, which is first on sys.path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(text, name="their_module"):
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("their_"):
            del sys.modules[name]


def test_attributes_may_be_dotted(beside, tmp_path):
    beside("class Net:\n    class Small:\n        pass\n")
    assert import_attribute("their_module:Net.Small", tmp_path).__qualname__ == "Net.Small"


def test_a_missing_module_shows_where_it_was_looked_for(beside, tmp_path):
    beside("")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_modul:Net", tmp_path)
    assert str(caught.value) == (
        "there is no module 'their_modul'\n"
        f"  expected:  {tmp_path}/their_modul.py, or an installed module\n"
        "  found:     beside the spec: their_module.py\n"
        "  to do:     correct 'their_modul:Net' in the spec"
    )


def test_a_missing_submodule_is_a_missing_module(beside, tmp_path):
    beside("")
    with pytest.raises(EvaluationError, match="there is no module 'their_package'"):
        import_attribute("their_package.deep:Net", tmp_path)


def test_a_module_that_imports_what_is_not_there_names_its_own_line(beside, tmp_path):
    beside("import os\nimport no_such_package\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.what == "their_module could not be imported: ModuleNotFoundError"
    assert caught.value.where == f"{tmp_path}/their_module.py:2"
    assert caught.value.found == "ModuleNotFoundError: No module named 'no_such_package'"


def test_a_syntax_error_names_its_line(beside, tmp_path):
    beside("x = 1\ndef broken(:\n")
    with pytest.raises(EvaluationError, match="could not be imported: SyntaxError") as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.where == f"{tmp_path}/their_module.py:2"


def test_a_module_that_raises_shows_the_users_frames_only(beside, tmp_path):
    beside("import json\nfrom their_other import check\ncheck('{')\n")
    beside("import json\ndef check(text):\n    return json.loads(text)\n", "their_other")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.where == f"{tmp_path}/their_other.py:3"
    assert "their_module.py" in caught.value.details
    assert "importlib" not in caught.value.details
    assert "json/decoder.py" not in caught.value.details


def test_code_of_the_user_elsewhere_is_shown_too(beside, tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "source"))
    (tmp_path / "source" / "their_library.py").write_text("def build():\n    return 1 / 0\n")
    beside("import their_library\ntheir_library.build()\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path / "specs")
    assert caught.value.where == f"{tmp_path}/source/their_library.py:2"
    assert "their_module.py" in caught.value.details


def test_a_library_of_the_base_python_is_not_the_users_code(beside, tmp_path, monkeypatch):
    """An environment with --system-site-packages sees Debian's dist-packages, which sysconfig does not know."""
    folder = tmp_path / "base" / "dist-packages"
    folder.mkdir(parents=True)
    (folder / "their_library.py").write_text("raise RuntimeError('deep inside')\n")
    monkeypatch.syspath_prepend(folder)
    beside("import their_library\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.where == f"{tmp_path}/their_module.py:1"
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_library:Net", folder)
    assert caught.value.where == f"{folder}/their_library.py:1"


def test_a_module_that_ends_the_process_is_an_error(beside, tmp_path):
    beside("import sys\nsys.exit(0)\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.found == "SystemExit(0): the code ended the process"


def test_a_missing_attribute_proposes_the_nearest(beside, tmp_path):
    beside("class Autoencoder: pass\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:AutoEncoder", tmp_path)
    assert caught.value.what == "their_module has no attribute 'AutoEncoder'"
    assert caught.value.where == f"{tmp_path}/their_module.py"
    assert caught.value.todo == "did you mean 'Autoencoder'? correct 'their_module:AutoEncoder' in the spec"


def test_a_missing_attribute_like_none_lists_what_the_module_defines_before_what_it_imports(beside, tmp_path):
    beside("import abc, bisect, cmath, csv, copy, dis, glob, gzip, heapq, html, json\nclass Zebra: pass\n")
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Net", tmp_path)
    assert caught.value.found.startswith("it has Zebra, abc, bisect")


def test_a_package_that_imports_by_name_is_asked_for_no_other_name(beside, tmp_path):
    # transformers: each of its 5,000 names imports a model, and some need a package that is not there.
    beside(
        "def __dir__():\n    return ['Encoder', 'Decoder']\n"
        "def __getattr__(name):\n    if name == 'Decoder':\n        raise RuntimeError\n"
        "    raise AttributeError(name)\n"
    )
    with pytest.raises(EvaluationError) as caught:
        import_attribute("their_module:Encodr", tmp_path)
    assert caught.value.found == "it has Decoder, Encoder"
    assert caught.value.todo.startswith("did you mean 'Encoder'?")


def test_an_attribute_whose_lookup_raises_is_an_error_of_ours(beside, tmp_path):
    beside("def __getattr__(name):\n    raise RuntimeError('lazy loading failed')\n")
    with pytest.raises(EvaluationError, match="their_module:Net could not be read: RuntimeError"):
        import_attribute("their_module:Net", tmp_path)


def test_calls_that_do_not_fit_the_signature_are_told_before_they_are_made(tmp_path):
    def build(width, *, depth=2):
        raise AssertionError("must not be called")

    with pytest.raises(DatasetError) as caught:
        call(build, {"depth": 3, "wdith": 1}, "model:build", "model 'm'", tmp_path, DatasetError)
    assert str(caught.value) == (
        "model:build cannot be called with the args of model 'm': missing a required argument: 'width'\n"
        "  expected:  build(width, *, depth=2)\n"
        "  found:     args: depth, wdith\n"
        "  to do:     correct `args` in the spec"
    )


def test_calls_of_functions_without_a_signature_are_made(tmp_path):
    assert call(dict, {"a": 1}, "builtins:dict", "dataset 'd'", tmp_path, DatasetError) == {"a": 1}


def test_what_cannot_be_called_is_an_error(tmp_path):
    with pytest.raises(EvaluationError, match="model:x raised for model 'm': TypeError") as caught:
        call(3, {}, "model:x", "model 'm'", tmp_path, EvaluationError)
    assert caught.value.found == "TypeError: 'int' object is not callable"


def test_our_own_errors_pass_unchanged(tmp_path):
    error = DatasetError("what", where="here")
    with pytest.raises(DatasetError) as caught, explained("something", tmp_path):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()])
def test_errors_of_the_machine_and_of_the_user_at_the_keyboard_pass(tmp_path, error):
    with pytest.raises(type(error)), explained("something", tmp_path):
        raise error


def test_an_error_without_text_says_so(tmp_path):
    with pytest.raises(EvaluationError) as caught, explained("reading failed", tmp_path):
        raise ValueError
    assert (caught.value.what, caught.value.found) == (
        "reading failed: ValueError",
        "ValueError without a message",
    )
