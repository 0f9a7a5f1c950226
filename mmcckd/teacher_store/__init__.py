"""What a teacher's recorders recorded of each view and sample, kept on disk.

    settings: the checked values of teacher_store=dict(...)
    record_layout: a record as a list of tensors, and back
    row_format, top_k: the tensors of one sample as the bytes of one row
    npy_file -> source_files -> store: the files, those of one source, and all
    identity, disk_space: what a store belongs to, and the space it needs

The package knows files, arrays and tensors, but no model.
"""
from .record_layout import RecordLayout, flatten, unflatten
from .settings import StoreSettings
from .store import TeacherStore
from .top_k import keep_top_k, spread_rest

__all__ = [
    'RecordLayout', 'StoreSettings', 'TeacherStore', 'flatten', 'keep_top_k',
    'spread_rest', 'unflatten'
]
