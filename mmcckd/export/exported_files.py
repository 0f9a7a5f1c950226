from pathlib import Path
from typing import Iterable, List

import torch
from mmengine.logging import print_log

from mmcckd.files.atomic import atomic_write, check_writable

from .onnx_file import export_onnx
from .student import Student


class OutputFiles:
    """The files of an export: OUT.pth, OUT.py and, if requested, OUT.onnx.

    Args:
        out (str | Path): The checkpoint to write, named \\*.pth.
        onnx (bool): Whether to write an ONNX file as well. Defaults to False.
        overwrite (bool): Whether existing files are replaced. Defaults to
            False.
        inputs (Iterable[str | Path]): Files that the export reads, which are
            never replaced. Defaults to none.

    Raises:
        FileExistsError: If one of the files exists and must not be replaced.
        ValueError: If ``out`` has another suffix, or cannot be written.
    """

    def __init__(self,
                 out: str,
                 onnx: bool = False,
                 overwrite: bool = False,
                 inputs: Iterable[str] = ()) -> None:
        out = Path(out)
        if out.suffix != '.pth':
            raise ValueError(f'{out} must be named *.pth.')
        self.checkpoint = out
        self.config = out.with_suffix('.py')
        self.onnx = out.with_suffix('.onnx') if onnx else None
        for path in self._all():
            if path.is_dir():
                raise ValueError(f'{path} is a folder; give another place.')
            if path.exists() and not overwrite:
                raise FileExistsError(
                    f'{path} exists, so it is left alone; give another place, '
                    'or --overwrite.')
            if any(path.exists() and Path(name).exists()
                   and path.samefile(name) for name in inputs):
                raise FileExistsError(
                    f'{path} is an input of the export; give another place.')
        stale = out.with_suffix('.onnx')
        if not onnx and stale.exists():
            raise FileExistsError(
                f'{stale} exists, and would not match the new {out}; add '
                '--onnx to replace it as well, or give another place.')
        check_writable(out)

    def write(self, student: Student) -> List[Path]:
        """Write all files.

        If the ONNX file cannot be made, the checkpoint and the config are
        written all the same, and an older ONNX file is kept.

        Returns:
            List[Path]: The files that were written.

        Raises:
            ValueError: If the ONNX file cannot be made, see
                :func:`~mmcckd.export.onnx_file.export_onnx`. The message
                names the files that were written.
        """
        failure = None
        with atomic_write(self.checkpoint) as checkpoint, \
                atomic_write(self.config) as config:
            # torch would store the name of the temporary file, given as one.
            with open(checkpoint, 'wb') as file:
                torch.save(
                    dict(
                        meta=student.meta,
                        state_dict=student.model.state_dict()), file)
            config.write_text(
                f'# Made by tools/export_student.py, of {student.source!r}.\n'
                f'{student.meta["cfg"]}\n',
                encoding='utf-8')
            if self.onnx is not None:
                try:
                    with atomic_write(self.onnx) as onnx:
                        print_log(f'ONNX: {export_onnx(student, onnx)}')
                except ValueError as error:
                    failure = error
        if failure is not None:
            older = (f' The older {self.onnx} was not replaced, and is of '
                     'another student.' if self.onnx.exists() else '')
            raise ValueError(
                f'{failure} No ONNX file was written; {self.checkpoint} and '
                f'{self.config} were written and are correct.{older}'
            ) from failure
        return self._all()

    def _all(self) -> List[Path]:
        files = [self.checkpoint, self.config]
        return files if self.onnx is None else [*files, self.onnx]
