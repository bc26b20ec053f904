"""A config that notes which of its keys are read while a program runs; for a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from .composed import KeyPath
from .key_reads.log import Log, Place


class RecordingDict(dict[str, Any]):
    """A plain dict, and those in it, whose reads are noted."""

    def __init__(self, content: dict[str, Any], path: KeyPath, recorder: Recorder) -> None:
        super().__init__({key: recorder.wrapped(value, (*path, str(key))) for key, value in content.items()})
        self._path = path
        self._recorder = recorder

    def __getitem__(self, key: str) -> Any:
        self._recorder.note((*self._path, str(key)), there=key in self)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """As of a dict; the key may be missing."""
        self._recorder.note((*self._path, str(key)), there=True)
        return super().get(key, default)

    # ``**mapping`` and ``dict(mapping)`` go past __getitem__ unless this is overridden.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def items(self) -> Any:
        """As of a dict; every key is read."""
        for key in dict.keys(self):
            self._recorder.note((*self._path, str(key)), there=True)
        return super().items()


class Recorder:
    """Hands a config to whoever loads it, and notes what is read of it.

    Attributes:
        log: What was read, and what was read and was not there.
        handed: How often the config was loaded.
    """

    def __init__(self, config: Any, path: Path | None, folder: Path) -> None:
        self.config = config
        self.path = path
        self.folder = folder
        self.log = Log()
        self.handed = 0
        self.text = path.read_text(encoding="utf-8") if path is not None else ""

    def note(self, path: KeyPath, *, there: bool) -> None:
        """A key is read; it may not be there."""
        place = self._place()
        if there:
            self.log.read(path, place)
        else:
            # Only the last one can be what ended the program: those before it were caught.
            self.log.misses.clear()
            self.log.miss(path, place)

    def wrapped(self, value: Any, path: KeyPath) -> Any:
        """A value as it is handed out."""
        if isinstance(value, dict):
            return RecordingDict(value, path, self)
        if isinstance(value, list):
            return [self.wrapped(each, (*path, str(index))) for index, each in enumerate(value)]
        return value

    def _place(self) -> Place:
        """The line of the program that reads: the innermost one of no library."""
        frame = sys._getframe(1)
        while frame.f_back is not None:
            name = frame.f_code.co_filename
            if name != __file__ and not any(
                part in name for part in ("/omegaconf/", "/hydra/", "/unittest/")
            ):
                break
            frame = frame.f_back
        path = Path(frame.f_code.co_filename)
        shown = path.relative_to(self.folder) if path.is_relative_to(self.folder) else path
        return Place(shown.as_posix(), frame.f_lineno, _line(path, frame.f_lineno))

    def handed_out(self, *, plain: bool) -> Any:
        """The config for one that loads it."""
        from omegaconf import OmegaConf

        self.handed += 1
        if not plain:
            return self.config
        content = OmegaConf.to_container(self.config) if OmegaConf.is_config(self.config) else self.config
        return self.wrapped(content, ())

    def is_it(self, source: Any) -> bool:
        """Whether a path, an opened file or a text is the config's."""
        if self.path is None:
            return False
        if isinstance(source, (str, bytes)) and source and source in (self.text, self.text.encode()):
            return True
        name = source if isinstance(source, (str, Path)) else getattr(source, "name", None)
        if not isinstance(name, (str, Path)) or "\n" in str(name):
            return False
        return Path(name).absolute() == self.path.absolute() or Path(name).resolve() == self.path.resolve()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Loaders of configs give this one, and OmegaConf's containers note what is read of them."""
        import json
        import tomllib

        import yaml
        from omegaconf import DictConfig, OmegaConf

        replaced: list[Any] = [
            mock.patch.object(OmegaConf, "load", staticmethod(self._loading(OmegaConf.load, plain=False))),
            mock.patch.object(OmegaConf, "create", staticmethod(_creating(OmegaConf.create))),
            mock.patch.object(DictConfig, "_get_impl", self._reading(DictConfig._get_impl)),
            *(
                mock.patch.object(module, name, self._loading(getattr(module, name), plain=True))
                for module, names in ((yaml, _YAML), (json, _OTHERS), (tomllib, _OTHERS))
                for name in names
            ),
        ]
        if self.path is None:
            import hydra

            replaced.append(mock.patch.object(hydra, "compose", self._composing()))
        for each in replaced:
            each.start()
        try:
            yield
        finally:
            for each in reversed(replaced):
                each.stop()

    def _loading(self, original: Callable[..., Any], *, plain: bool) -> Callable[..., Any]:
        def load(source: Any, *args: Any, **kwargs: Any) -> Any:
            if self.is_it(source):
                return self.handed_out(plain=plain)
            return original(source, *args, **kwargs)

        return load

    def _composing(self) -> Callable[..., Any]:
        def compose(*_: Any, **__: Any) -> Any:
            return self.handed_out(plain=False)

        return compose

    def _reading(self, original: Callable[..., Any]) -> Callable[..., Any]:
        from omegaconf.errors import OmegaConfBaseException

        def get(container: Any, key: Any, default_value: Any, validate_key: bool = True) -> Any:
            path = tuple(container._get_full_key(key).replace("[", ".").replace("]", "").split("."))
            try:
                value = original(container, key, default_value, validate_key)
            except OmegaConfBaseException:
                self.note(path, there=False)
                raise
            self.note(path, there=True)
            return value

        return get


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    """OmegaConf takes dicts of no other class; what it makes of them notes its reads by itself."""

    def create(content: Any = None, *args: Any, **kwargs: Any) -> Any:
        plain = _plain(content) if isinstance(content, (RecordingDict, list)) else content
        return original({} if plain is None else plain, *args, **kwargs)

    return create


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in dict.items(value)}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


_OTHERS = ("load", "loads")
_YAML = ("load", "safe_load", "full_load", "unsafe_load")


def _line(path: Path, number: int) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
