"""Wheels that are built where there is a C compiler carry the extension; others go without."""

from __future__ import annotations

import platform
import sys
import sysconfig
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = Path(__file__).parent
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class ExtensionHook(BuildHookInterface):  # type: ignore[type-arg]  # it is generic in some versions only
    """Adds the compiled extension to a wheel, which is then one for this platform and any Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; an editable install does without."""
        system = {"linux": "linux", "darwin": "osx"}.get(sys.platform)
        machine = _MACHINES.get(platform.machine().lower())
        if version == "editable" or not system or not machine:
            return
        compiler = _compiler()
        try:
            content = compiler.compiled(f"{system}_{machine}", self.metadata.version)
        except (compiler.NoCompilerError, compiler.FailedError) as error:
            self.app.display_warning(f"this wheel goes without the DuckDB extension: {str(error) or 'no C compiler'}")
            return
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / compiler.FILE
        file.write_bytes(content)
        build_data["force_include"][str(file)] = f"space_sql/hosts/extension/{compiler.FILE}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def _compiler() -> ModuleType:
    """The module beside this one, without the package around it, whose needs are not there while building."""
    spec = spec_from_file_location("space_sql_compiler", _FOLDER / "compiler.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
