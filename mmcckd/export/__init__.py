"""What comes after training: the student as a plain MMPretrain model."""
from .exported_files import OutputFiles
from .onnx_file import check_onnx_is_installed
from .student import Student, load_student

__all__ = [
    'OutputFiles', 'Student', 'check_onnx_is_installed', 'load_student'
]
