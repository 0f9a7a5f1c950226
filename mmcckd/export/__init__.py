"""Export of a trained student as a plain model of its package, or as ONNX."""
from .exported_files import OutputFiles
from .onnx_file import check_onnx_is_installed
from .student import Student, load_student

__all__ = [
    'OutputFiles', 'Student', 'check_onnx_is_installed', 'load_student'
]
