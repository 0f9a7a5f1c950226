from pathlib import Path
from typing import Iterable, List

import torch
from mmengine.logging import print_log

from mmcckd.files.atomic import atomic_write, check_writable

from .onnx_file import export_onnx
from .student import Student


class OutputFiles:
    """Where an export goes: OUT.pth, OUT.py and, if asked for, OUT.onnx.

    Args:
        out (str | Path): The checkpoint to write, named \\*.pth.
        onnx (bool): Whether to write an ONNX file too. Defaults to False.
        overwrite (bool): Whether files that are there are replaced. Defaults
            to False.
        inputs (Iterable[str | Path]): Files that are read, and so are never
            replaced. Defaults to none.

    Raises:
        FileExistsError: If one of the files is there and must stay.
        ValueError: If ``out`` has another name, or cannot be written to.
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
                    f'{path} is what is exported from; give another place.')
        stale = out.with_suffix('.onnx')
        if not onnx and stale.exists():
            raise FileExistsError(
                f'{stale} exists, but would not belong to {out} any more; add '
                '--onnx to replace it as well, or give another place.')
        check_writable(out)

    def write(self, student: Student) -> List[Path]:
        """Write all of them.

        The checkpoint and the config are right whatever becomes of the ONNX
        file, so they are written also where that fails. An older ONNX file
        then stays.

        Returns:
            List[Path]: The files that were written.

        Raises:
            ValueError: As :func:`~mmcckd.export.onnx_file.export_onnx` says;
                names what was written.
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
            older = (f' The {self.onnx} that was there is left alone, and is '
                     'of another student.' if self.onnx.exists() else '')
            raise ValueError(
                f'{failure} No ONNX file was written; {self.checkpoint} and '
                f'{self.config} were, and are right.{older}') from failure
        return self._all()

    def _all(self) -> List[Path]:
        files = [self.checkpoint, self.config]
        return files if self.onnx is None else [*files, self.onnx]
