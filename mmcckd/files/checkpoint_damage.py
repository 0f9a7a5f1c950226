"""Find damage of checkpoints that ``torch.load`` does not notice."""
import os.path as osp
import zipfile

BLOCK = 2**20  # bytes that are read at once


class DamagedCheckpointError(ValueError):
    """The file has lost its end, or bytes in it have changed."""


def check_undamaged(filename: str) -> None:
    """Compare a checkpoint with the checksums in it.

    The files of ``torch.save`` are zip archives, which have a checksum of each
    tensor. ``torch.load`` ignores them, so a bit that has changed on a disk or
    in a copy would become a wrong weight. Files of torch < 1.6, or written
    with ``torch.serialization.set_crc32_options(False)``, have no checksums.

    Args:
        filename (str): Name of a file; others, such as URLs, are not checked.

    Raises:
        DamagedCheckpointError: If it is damaged.
    """
    path = osp.expanduser(filename)
    if not osp.isfile(path):
        return
    with open(path, 'rb') as file:
        start = file.read(4)
    if start and start != b'PK\x03\x04':
        return
    if not zipfile.is_zipfile(path):
        raise DamagedCheckpointError(
            f'The checkpoint {filename} was refused: the end of the file is '
            'missing. Copy or download it again, or take another checkpoint '
            'of the run.')
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.CRC:  # 0 if there is none
                    with archive.open(member) as opened:
                        while opened.read(BLOCK):
                            pass
    except Exception as error:  # a damaged archive can raise any error
        raise DamagedCheckpointError(
            f'The checkpoint {filename} was refused: it is damaged, since it '
            'does not fit its checksums. Copy or download it again, or take '
            'another checkpoint of the run. Comparing them ended with '
            f'{type(error).__name__}: {error}') from error
